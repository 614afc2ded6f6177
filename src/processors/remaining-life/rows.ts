import { isUsable, scalarOf } from '../../component/operators/row.ts'
import type { Json } from '../../model/json-value.ts'
import { qualityOf, type Reading } from '../../model/reading.ts'

/** ms in the unit of the age where it is time. */
export const HOUR_MS = 3_600_000

/** What makes readings rows. */
export interface RowSettings {
  readonly tags: readonly string[]
  /** Tag that counts use; undefined: time in hours. */
  readonly age: string | undefined
  /** Age between two rows, at least; what comes within it belongs to one row. 0: what has the same age does. */
  readonly step: number
}

/** A row of an asset; NaN where a tag has no value in it. */
export interface LifeRow {
  readonly at: number
  /** Event time of the newest reading in it, ms since the epoch. */
  readonly time: number
  readonly values: readonly number[]
}

/**
 * Makes rows of readings, the same in the stream and when it is learned from the past. A row is whole when it has every tag, or
 * else when the next one begins: then it is handed out. Readings that are older than the last row are passed over.
 */
export class LifeRows {
  readonly #settings: RowSettings
  /** The newest value of the tag that counts use. */
  #age: number | undefined
  /** Where the last row begins, handed out or not. */
  #begun: number | undefined
  #open: { time: number; readonly values: number[] } | undefined

  constructor(settings: RowSettings) {
    this.#settings = settings
  }

  static restore(settings: RowSettings, json: Json): LifeRows {
    const { age, begun, open } = json as unknown as Saved
    const rows = new LifeRows(settings)
    rows.#age = age ?? undefined
    rows.#begun = begun ?? undefined
    if (open !== null && open.values.length === settings.tags.length) {
      rows.#open = { time: open.time, values: open.values.map((value) => value ?? NaN) }
    }
    return rows
  }

  /** Answers the rows that are whole now, at most two. */
  take(reading: Reading, time: number): LifeRow[] {
    const { tags, step } = this.#settings
    const at = this.#at(reading, time)
    const values = tags.map((tag) => numberIn(reading, tag) ?? NaN)
    if (at === undefined || values.every(Number.isNaN)) return []
    const rows: LifeRow[] = []
    if (this.#begun === undefined || at >= this.#begun + step) {
      if (at !== this.#begun) {
        rows.push(...this.#whole())
        this.#begun = at
        this.#open = { time, values: tags.map(() => NaN) }
      }
    } else if (at < this.#begun) {
      return []
    }
    if (this.#open === undefined) return rows
    this.#open.time = Math.max(this.#open.time, time)
    for (const [column, value] of values.entries()) if (!Number.isNaN(value)) this.#open.values[column] = value
    if (!this.#open.values.some(Number.isNaN)) rows.push(...this.#whole())
    return rows
  }

  /** The row that is not whole yet, because nothing more comes. */
  end(): LifeRow[] {
    return this.#whole()
  }

  /** A new life begins. */
  reset(): void {
    this.#begun = undefined
    this.#open = undefined
  }

  save(): Json {
    const open = this.#open && {
      time: this.#open.time,
      values: this.#open.values.map((value) => (Number.isNaN(value) ? null : value)),
    }
    return { age: this.#age ?? null, begun: this.#begun ?? null, open: open ?? null }
  }

  #at(reading: Reading, time: number): number | undefined {
    const { age } = this.#settings
    if (age === undefined) return time / HOUR_MS
    this.#age = numberIn(reading, age) ?? this.#age
    return this.#age
  }

  #whole(): LifeRow[] {
    const open = this.#open
    this.#open = undefined
    return open === undefined ? [] : [{ at: this.#begun!, ...open }]
  }
}

interface Saved {
  readonly age: number | null
  readonly begun: number | null
  readonly open: { readonly time: number; readonly values: readonly (number | null)[] } | null
}

function numberIn(reading: Reading, tag: string): number | undefined {
  if (!Object.hasOwn(reading.values, tag)) return undefined
  const cell = scalarOf(tag, reading.values[tag]!, qualityOf(reading, tag))
  if (!isUsable(cell, false)) return undefined
  return typeof cell[1] === 'string' ? undefined : Number(cell[1])
}
