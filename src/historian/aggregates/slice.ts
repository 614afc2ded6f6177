import type { RawValue } from './raw-value.ts'

/** A moment where intervals meet, and the stored values around it. */
export interface Edge {
  readonly time: number
  /** Stored for this very moment. */
  readonly at: RawValue | undefined
  /** The nearest ones before and after it, of whatever quality. */
  readonly before: RawValue | undefined
  readonly after: RawValue | undefined
  /** The nearest ones that may be used, and the one before the nearest. */
  readonly usableBefore: RawValue | undefined
  readonly secondUsableBefore: RawValue | undefined
  readonly usableAfter: RawValue | undefined
}

/** An interval with what is stored in and around it: all that any aggregate needs. */
export interface Slice {
  readonly early: Edge
  readonly late: Edge
  /** Whether time runs backwards: then the interval begins at its late edge. */
  readonly backwards: boolean
  /** Stored in the interval: with its beginning, without its end. */
  readonly values: readonly RawValue[]
  /** It overlaps the first or the last value stored: asked again later it may be another (OPC 10000-13 clause 5.3.3.2). */
  readonly partial: boolean
  /** Nothing is stored at or before it, or nothing at or after it. */
  readonly outside: boolean
}

/** The interval's beginning in the direction of the request: what its result is dated by. */
export function startOf(slice: Slice): number {
  return startEdge(slice).time
}

export function startEdge({ early, late, backwards }: Slice): Edge {
  return backwards ? late : early
}

export function endEdge({ early, late, backwards }: Slice): Edge {
  return backwards ? early : late
}

/** Stored between the edges, at neither of them. */
export function innerValues({ values, early, late }: Slice): RawValue[] {
  return values.filter(({ time }) => time > early.time && time < late.time)
}
