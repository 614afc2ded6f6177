import type { Oddity } from './counter.ts'
import type { StateClass } from './states.ts'

/** One number for each counter, in the order of `COUNTERS`. */
export type Counts = readonly [total: number, good: number, scrap: number, rework: number]

export const NO_COUNTS: Counts = [0, 0, 0, 0]

/**
 * What is known of a machine over [from, to), during which nothing of it changed: what the readings say, before any plan or
 * judgement. Segments follow each other without a gap and never span an edge of the calendar. Plain JSON, immutable once
 * it has been handed on.
 */
export interface Segment {
  readonly from: number
  readonly to: number
  readonly class: StateClass | 'unknown'
  /** The machine's state as people see it; for unknown time why nothing is known. */
  readonly state: string
  /** When the machine began to run, to stand or to be unknown without a break: the true start of a stop. */
  readonly since: number
  /** Whether it begins here; false: it is cut off from the one before by an edge of the calendar only. */
  readonly begins: boolean
  readonly order: string | null
  /** No order runs, and somebody would have said so: a stop is down time (ADOT) and delays no order (ADET). */
  readonly withoutOrder: boolean
  readonly product: string | null
  /** Planned run time per item (PRI) in µs; 0: unknown. */
  readonly cycleUs: number
  readonly reason: string | null
  /** Thousandths of a unit. What a counter shows at an instant was made before it. */
  readonly counts: Counts
  readonly oddities: { readonly [oddity in Oddity]?: number }
  /** Cause of the reading that began it. */
  readonly first: string
  /** Cause of the last reading within it or at its end; `first` where there was none. */
  readonly last: string
}

/** Whether the machine runs, stands or is unknown. */
export function motionOf(segment: { readonly class: Segment['class'] }): 'runs' | 'stands' | 'unknown' {
  if (segment.class === 'running') return 'runs'
  return segment.class === 'unknown' ? 'unknown' : 'stands'
}

/**
 * The part of `amount` that falls into [from, to) of a whole that was made evenly over [0, length): whole units stay whole,
 * and the parts of any cut add up to the amount exactly.
 */
export function shareOf(amount: number, length: number, from: number, to: number, unit: number): number {
  if (from <= 0 && to >= length) return amount
  const grain = amount % unit === 0 ? unit : 1
  const until = (at: number) => Math.floor((amount / grain) * (at / length)) * grain
  return (to >= length ? amount : until(to)) - (from <= 0 ? 0 : until(from))
}
