import { jsonValue } from '../model/json-value.ts'
import type { Sample } from '../model/reading.ts'
import { csvField } from './csv.ts'
import { valueText } from './readings.ts'
import { table, terminal } from './terminal.ts'

/** What a line shows, by column. */
export type Row = { readonly [column: string]: unknown }

export type RowFormat = 'table' | 'csv' | 'json'

/** Writes rows of equal columns as they come; a table is aligned in blocks, so that it need not be held whole. */
export class Rows {
  readonly #format: RowFormat
  #block: Row[] = []
  #headed = false

  constructor(format: RowFormat) {
    this.#format = format
  }

  write(row: Row): void {
    if (this.#format === 'json') return terminal.out(JSON.stringify(mapValues(row, json)))
    if (this.#format === 'csv') return this.#csv(row)
    this.#block.push(row)
    if (this.#block.length >= BLOCK) this.end()
  }

  end(): void {
    if (this.#block.length === 0) return
    const columns = Object.keys(this.#block[0]!)
    const lines = table([columns, ...this.#block.map((row) => columns.map((column) => shown(row[column])))])
    if (!this.#headed) terminal.out(terminal.style('bold', lines[0]!))
    for (const line of lines.slice(1)) terminal.out(line)
    this.#headed = true
    this.#block = []
  }

  #csv(row: Row): void {
    if (!this.#headed) terminal.out(Object.keys(row).join(','))
    this.#headed = true
    terminal.out(Object.values(row).map(csvField).join(','))
  }
}

const BLOCK = 1_000

function mapValues(row: Row, change: (value: unknown) => unknown): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, change(value)]))
}

function json(value: unknown): unknown {
  return value === null ? null : jsonValue(value as Exclude<Sample['value'], null>)
}

function shown(value: unknown): string | number {
  return typeof value === 'number' ? rounded(value) : valueText(value as Sample['value'])
}

/** Six figures are enough for the eye; CSV and JSON have them all. */
function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(6))
}
