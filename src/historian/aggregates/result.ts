import { Quality } from '../../model/quality.ts'
import type { Value } from '../../model/reading.ts'
import type { AggregateRules } from './rules.ts'
import { startOf, type Slice } from './slice.ts'

/** What an aggregate says of an interval. */
export interface AggregatePoint {
  /** The beginning of the interval in the direction of the request; of the aggregates of an actual time, that time. */
  readonly time: number
  readonly value: Value | null
  /** OPC UA StatusCode, with the bits that say how the value came about. */
  readonly quality: number
}

/** An aggregate: pure, of one interval at a time. It is only asked of intervals that are not outside of what is stored. */
export type Aggregate = (slice: Slice, rules: AggregateRules) => AggregatePoint

export function noData(slice: Slice): AggregatePoint {
  return { time: startOf(slice), value: null, quality: Quality.BadNoData }
}
