import { isUsable } from './row.ts'
import type { Cell, Row, Scalar } from './row.ts'

/** The last usable value of a tag. */
export interface HeldValue {
  readonly value: Scalar
  readonly quality: number
  /** When it was measured, ms since the epoch. */
  readonly time: number
}

/** The last usable values by tag; plain JSON when spread into pairs. */
export type Held = Map<string, HeldValue>

/** Keeps what a row has; a value that cannot be used leaves the one before it in place, and it grows old. */
export function hold(held: Held, { time, cells }: Row, strict: boolean): void {
  for (const cell of cells) if (isUsable(cell, strict)) held.set(cell[0], valueOf(cell, time))
}

/** The last usable value of a tag, unless it is too old by then. */
export function heldAt(held: Held, tag: string, time: number, holdMs: number): HeldValue | undefined {
  const value = held.get(tag)
  return value === undefined || time - value.time > holdMs ? undefined : value
}

function valueOf([, value, quality]: Cell, time: number): HeldValue {
  return { value: value!, quality, time }
}
