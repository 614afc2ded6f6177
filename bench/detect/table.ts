import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'

export interface TableRow {
  /** ms since the epoch. */
  readonly time: number
  readonly values: { readonly [column: string]: number }
}

/**
 * Reads a CSV file, gzipped or not. `time`: the column with `YYYY-MM-DD hh:mm:ss` in UTC, or the ms between rows where
 * there is none.
 */
export async function readTable(file: string, separator: string, time: string | number): Promise<TableRow[]> {
  const bytes = await readFile(file)
  return parseTable((file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'), separator, time)
}

export function parseTable(text: string, separator: string, time: string | number): TableRow[] {
  const [head, ...lines] = text.trim().split(/\r?\n/)
  const names = head!.split(separator)
  return lines.map((line, index) => {
    const cells = line.split(separator)
    const pairs = names.flatMap((name, i): [string, number][] => (name === time ? [] : [[name, Number(cells[i])]]))
    const at = typeof time === 'number' ? index * time : parseTime(cells[names.indexOf(time)]!)
    return { time: at, values: Object.fromEntries(pairs) }
  })
}

/** `2014-02-08 14:30:00`, with or without fractions, is UTC. */
export function parseTime(text: string): number {
  return Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`)
}
