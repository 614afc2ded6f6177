import type { Row } from '../../component/expression/expression.ts'
import { jsonValue, type Json } from '../../model/json-value.ts'
import { qualityName, severity } from '../../model/quality.ts'
import { qualityOf, type Reading, type Value } from '../../model/reading.ts'
import { parseValue, valueJson, type ValueJson } from '../../model/value-json.ts'

/** The newest value of a tag, usable or not. */
interface Cell {
  readonly value: Value | null
  readonly quality: number
  /** Event time, ms since the epoch. */
  readonly time: number
}

/** The newest values of the tags that a condition looks at, at one moment. */
export interface RowView extends Row {
  /** Event time, ms since the epoch. */
  readonly time: number
  /** Values of tags as JSON, for people; those that cannot be used are null. */
  values(tags: readonly string[]): { readonly [tag: string]: Json }
  /** Why the first of these tags that cannot be used cannot: `temperature is BadSensorFailure`; undefined: all can. */
  fault(tags: readonly string[]): string | undefined
}

/** Kept for one asset. A value that is Bad or too old counts as none; an Uncertain one counts, outside its range or not. */
export class Rows implements RowView {
  time = -Infinity
  readonly #cells = new Map<string, Cell>()
  readonly #staleAfterMs: number

  /** `staleAfterMs`: Infinity where values hold until the next one. */
  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs
  }

  /** Takes what a reading has of these tags unless something newer is known. Answers whether it had any. */
  take(reading: Reading, time: number, tags: readonly string[]): boolean {
    let isNew = false
    for (const tag of tags) {
      if (!Object.hasOwn(reading.values, tag)) continue
      const before = this.#cells.get(tag)
      if (before !== undefined && before.time > time) continue
      this.#cells.set(tag, { value: reading.values[tag]!, quality: qualityOf(reading, tag), time })
      isNew = true
    }
    return isNew
  }

  get(tag: string): Value | undefined {
    const cell = this.#cells.get(tag)
    return cell === undefined || this.#faultOf(cell) !== undefined ? undefined : cell.value!
  }

  values(tags: readonly string[]): { readonly [tag: string]: Json } {
    return Object.fromEntries(tags.map((tag) => [tag, jsonValue(this.get(tag) ?? null)]))
  }

  fault(tags: readonly string[]): string | undefined {
    for (const tag of tags) {
      const cell = this.#cells.get(tag)
      const fault = cell === undefined ? 'not there yet' : this.#faultOf(cell)
      if (fault !== undefined) return `${tag} is ${fault}`
    }
    return undefined
  }

  /** When the next value becomes too old; undefined: none does. */
  staleAt(): number | undefined {
    if (this.#staleAfterMs === Infinity) return undefined
    let first: number | undefined
    for (const { time } of this.#cells.values()) {
      const at = time + this.#staleAfterMs
      if (at > this.time && (first === undefined || at < first)) first = at
    }
    return first
  }

  #faultOf({ value, quality, time }: Cell): string | undefined {
    if (value === null || severity(quality) === 'bad') return qualityName(quality)
    return this.time - time >= this.#staleAfterMs ? `stale, its last value is ${this.time - time} ms old` : undefined
  }

  save(): Json {
    const cells = [...this.#cells].sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      Number.isFinite(this.time) ? this.time : null,
      cells.map(([tag, { value, quality, time }]): Json => [tag, valueJson(value) as Json, quality, time]),
    ]
  }

  static restore(json: Json, staleAfterMs: number): Rows {
    const [time, cells] = json as [number | null, readonly [string, ValueJson, number, number][]]
    const rows = new Rows(staleAfterMs)
    rows.time = time ?? -Infinity
    for (const [tag, value, quality, at] of cells) rows.#cells.set(tag, { value: parseValue(value), quality, time: at })
    return rows
  }
}
