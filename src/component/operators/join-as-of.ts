import type { Json } from '../../model/json-value.ts'
import type { Operator } from '../topology.ts'
import { heldAt, type Held, type HeldValue } from './held.ts'
import type { Joined, SideOf } from './join-row.ts'
import type { Cell } from './row.ts'

export interface JoinAsOfOptions {
  readonly sideOf: SideOf
  /** Age at which a right value no longer counts, ms; Infinity: it never grows old. */
  readonly toleranceMs: number
  /** Whether a left row for which no right value is known goes on alone. */
  readonly unmatched: boolean
  readonly joined: Joined
}

/**
 * Joins every row of the left with the last value of each tag of the right, of its key, that has come before it and is not too
 * old. Behind `in-order` that is the value as of the left row's time; without it, it is the newest that is there (a table), and
 * a value of the right that is older than what is known changes nothing. Keeps one value a tag of the right.
 */
export function joinAsOfOperator({ sideOf, toleranceMs, unmatched, joined }: JoinAsOfOptions): Operator<Held> {
  return {
    create: () => new Map(),
    take(held, fact, context) {
      for (const { side, row } of sideOf(fact, context.time)) {
        if (side === 'right') {
          for (const cell of row.cells) keep(held, cell, row.time)
          continue
        }
        const cells = [...held.keys()].flatMap((tag): Cell[] => {
          const known = heldAt(held, tag, row.time, toleranceMs)
          return known === undefined ? [] : [[tag, known.value, known.quality]]
        })
        if (cells.length === 0 && !unmatched) continue
        const made = joined(row, cells, context)
        if (made !== undefined) context.emit(made)
      }
    },
    save: (held) => [...held] as unknown as Json,
    restore: (json) => new Map(json as unknown as [string, HeldValue][]),
  }
}

/** A right value that is gone is not known any more. */
function keep(held: Held, [tag, value, quality]: Cell, time: number): void {
  if ((held.get(tag)?.time ?? -Infinity) > time) return
  if (value === null) held.delete(tag)
  else held.set(tag, { value, quality, time })
}
