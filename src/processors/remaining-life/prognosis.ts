import type { Json } from '../../model/json-value.ts'
import type { Ends } from './ends.ts'

/**
 * What one asset tells of its end. Deterministic: a function of the rows since it was made, or since its last maintenance.
 * What `save` gives goes on, restored, exactly where it was, bit by bit.
 */
export interface Prognosis {
  /**
   * The next row. `at` is the age axis: a count of cycles, hours of operation, or ms of event time; a row that is not later
   * than the one before is not taken. Values are in the order of the tags; NaN where there is none.
   */
  take(at: number, values: readonly number[]): void
  /** How long it may still last from the last row on; undefined as long as nothing can be said. Costs up to some ms. */
  ends(): Ends | undefined
  /** How long it has been in use at the last row, since the first one or the last maintenance. */
  age(): number
  /** Maintenance is done: as good as new. */
  maintained(): void
  save(): Json
}

/** What is told of an asset. Times are in the unit of the age; absent where it is later than can be said. */
export interface Outlook {
  readonly median?: number
  /** The interval that holds the end with the probability `level`: as likely before it as after it. */
  readonly low?: number
  readonly high?: number
  readonly level: number
  /** Probability of failure within the horizon, 0 to 1. */
  readonly failure: number
}

/** Share of the ends that the interval is to hold where nothing else is said. */
const LEVEL = 0.8

export function outlook(ends: Ends, horizon: number, level = LEVEL): Outlook {
  const median = ends.quantile(0.5)
  const low = ends.quantile((1 - level) / 2)
  const high = ends.quantile((1 + level) / 2)
  return {
    ...(Number.isFinite(median) && { median }),
    ...(Number.isFinite(low) && { low }),
    ...(Number.isFinite(high) && { high }),
    level,
    failure: ends.within(horizon),
  }
}
