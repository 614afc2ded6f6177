import { severity } from '../model/quality.ts'
import type { Sample, Value } from '../model/reading.ts'

/** One tag in one span of time. */
export interface SummaryRow {
  /** Where the span begins, ms since the epoch; 0 where there is only one. */
  readonly from: number
  readonly asset: string
  readonly tag: string
  readonly count: number
  /** Of these: Bad, or without a value. They count in nothing else. */
  readonly bad: number
  /** Of numbers; null where there was none. */
  readonly least: number | null
  readonly most: number | null
  readonly mean: number | null
  /** The value with the latest source time. */
  readonly value: Value | null
  /** Source times, ms since the epoch. */
  readonly first: number
  readonly last: number
}

interface Open {
  readonly from: number
  readonly asset: string
  readonly tag: string
  count: number
  bad: number
  numbers: number
  sum: number
  least: number
  most: number
  value: Value | null
  first: number
  last: number
}

/** Rows held at most: about a hundred MB. */
const MOST_ROWS = 500_000

/** Sums samples up by asset and tag, and by spans of source time where they are asked for. */
export class Summary {
  readonly #everyMs: number | undefined
  readonly #rows = new Map<string, Open>()

  constructor(everyMs?: number) {
    this.#everyMs = everyMs
  }

  /** @throws RangeError where there are more rows than fit in memory */
  add({ asset, tag, value, quality, sourceTime }: Sample): void {
    const from = this.#everyMs === undefined ? 0 : Math.floor(sourceTime / this.#everyMs) * this.#everyMs
    const row = this.#row(from, asset, tag)
    row.count += 1
    row.first = Math.min(row.first, sourceTime)
    if (value === null || severity(quality) === 'bad') row.bad += 1
    else if (typeof value === 'number') addNumber(row, value)
    if (sourceTime < row.last) return
    row.last = sourceTime
    row.value = value
  }

  /** By asset, tag and time. */
  rows(): SummaryRow[] {
    const sorted = [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1))
    return sorted.map(([, { from, asset, tag, count, bad, numbers, sum, least, most, value, first, last }]) => ({
      from,
      asset,
      tag,
      count,
      bad,
      ...(numbers === 0 ? NO_NUMBERS : { least, most, mean: sum / numbers }),
      value,
      first,
      last,
    }))
  }

  #row(from: number, asset: string, tag: string): Open {
    // Times have one length in this order of characters until the year 33658.
    const key = `${asset}\0${tag}\0${String(from).padStart(15, '0')}`
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    if (this.#rows.size >= MOST_ROWS) {
      throw new RangeError(`Cannot sum up: there are more than ${MOST_ROWS} rows, want fewer tags or longer spans`)
    }
    const row: Open = {
      from,
      asset,
      tag,
      count: 0,
      bad: 0,
      numbers: 0,
      sum: 0,
      least: Infinity,
      most: -Infinity,
      value: null,
      first: Infinity,
      last: -Infinity,
    }
    this.#rows.set(key, row)
    return row
  }
}

const NO_NUMBERS = { least: null, most: null, mean: null }

function addNumber(row: Open, value: number): void {
  row.numbers += 1
  row.sum += value
  row.least = Math.min(row.least, value)
  row.most = Math.max(row.most, value)
}
