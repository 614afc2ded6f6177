import { interpolatedBound } from './bounds.ts'
import type { AggregatePoint } from './result.ts'
import type { AggregateRules } from './rules.ts'
import { startEdge, type Slice } from './slice.ts'

/** The Interpolated Bounding Value at the beginning of the interval (OPC 10000-13 clause 5.4.3.4). */
export function interpolative(slice: Slice, rules: AggregateRules): AggregatePoint {
  const { time, value, quality } = interpolatedBound(startEdge(slice), rules)
  return { time, value, quality }
}
