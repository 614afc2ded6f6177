import { Quality, severity } from '../../model/quality.ts'
import { qualityOf } from '../../model/reading.ts'
import type { Reading, Value } from '../../model/reading.ts'

/** What operators calculate with. */
export type Scalar = number | string | boolean

/** One tag's value in a row: `[tag, value, quality]`. null: no value that can be used, and then the quality is not Good. */
export type Cell = readonly [tag: string, value: Scalar | null, quality: number]

/** The part of a reading that an operator keeps; plain JSON, so that it can lie in a state. */
export interface Row {
  /** Event time, ms since the epoch. */
  readonly time: number
  readonly cells: readonly Cell[]
}

/**
 * Numbers beyond this are no measurements (the size of the universe is 1e27 m): squares and sums of what is left never
 * overflow, so a state of finite numbers stays one.
 */
const LARGEST = 1e100

/** The chosen tags of a reading; undefined where it has none of them. */
export function rowOf(reading: Reading, time: number, tags: readonly string[]): Row | undefined {
  const { values } = reading
  const cells: Cell[] = []
  for (const tag of tags)
    if (Object.hasOwn(values, tag)) cells.push(scalarOf(tag, values[tag]!, qualityOf(reading, tag)))
  return cells.length === 0 ? undefined : { time, cells }
}

/** Bytes, arrays and structures are nothing to calculate with: BadTypeMismatch. An int64 is taken as a double. */
export function scalarOf(tag: string, value: Value | null, quality: number): Cell {
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return [tag, value, quality]
    case 'bigint':
      return [tag, Number(value), quality]
    case 'number':
      // Adding 0 makes -0, which JSON does not know, 0.
      return Math.abs(value) <= LARGEST ? [tag, value + 0, quality] : [tag, null, worse(quality, Quality.BadOutOfRange)]
    default:
      return [tag, null, worse(quality, value === null ? Quality.BadNoData : Quality.BadTypeMismatch)]
  }
}

/** The quality with the worse severity; the first of two alike (OPC 10000-13, 5.4.3.36, WorstQuality). */
export function worse(one: number, other: number): number {
  return other >>> 30 > one >>> 30 ? other : one
}

/** Whether a value may be calculated with. `strict`: an uncertain one may not (OPC 10000-13, TreatUncertainAsBad). */
export function isUsable([, value, quality]: Cell, strict: boolean): boolean {
  if (value === null) return false
  const how = severity(quality)
  return how === 'good' || (how === 'uncertain' && !strict)
}
