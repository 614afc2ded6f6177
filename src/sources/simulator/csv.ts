import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { putOwn } from '../../component/mapping/value.ts'
import { parseTime } from '../../component/mapping/timestamp.ts'
import { tagFault } from '../../model/path.ts'
import type { Disk } from '../../system/disk.ts'

/** Bytes read at once, and the longest line: beyond that it is no table. */
const CHUNK_BYTES = 65_536
const LONGEST_LINE = 1_048_576

/** Names that a column of times has where nobody says which it is. */
const TIME_NAMES = /^(timestamp|time|ts|date|datetime|date_time|timestamp_ms|time_ms)$/i

export type Cell = number | string | boolean

export interface Row {
  /** Line of the file, from 1. */
  readonly line: number
  /** ms since the epoch; undefined in a table without a column of times. */
  readonly time: number | undefined
  /** By tag; what is empty is not there. */
  readonly values: { readonly [tag: string]: Cell }
}

/** A fault of a file or of what was asked of it; the message names file, line and column. */
export class ReplayError extends Error {
  readonly code: 'CSV_UNREADABLE' | 'CSV_BAD_HEADER' | 'CSV_BAD_ROW' | 'CSV_BAD_TIME' | 'REPLAY_IMPOSSIBLE'

  constructor(code: ReplayError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ReplayError'
    this.code = code
  }
}

interface Header {
  readonly separator: string
  /** Tag of each column; undefined: the column of times, or one without a name. */
  readonly tags: readonly (string | undefined)[]
  /** Index of the column of times; -1: none. */
  readonly timeAt: number
  /** Whether the first line is data already. */
  readonly isData: boolean
}

/**
 * The rows of a CSV file (`.gz`: compressed), in the order of the file, whatever its times say. Separated by comma,
 * semicolon or tab; the first line names the columns unless it is all numbers (then `column1` and so on). Names lose
 * blanks around them and brackets behind them (`ENGINE_RPM ()` is `ENGINE_RPM`); cells lose blanks; an empty column
 * at the end of lines is none.
 * @throws ReplayError
 */
export async function* readCsv(disk: Disk, file: string, timeColumn?: string): AsyncGenerator<Row> {
  let header: Header | undefined
  let number = 0
  for await (const line of readLines(disk, file)) {
    number += 1
    if (line.trim() === '') continue
    if (header === undefined) {
      header = readHeader(line, file, number, timeColumn)
      if (!header.isData) continue
    }
    yield readRow(line, header, file, number)
  }
  if (header === undefined) throw new ReplayError('CSV_BAD_HEADER', `Cannot read "${file}": it is empty, want a table`)
}

async function* readLines(disk: Disk, file: string): AsyncGenerator<string> {
  let rest = ''
  try {
    const raw = Readable.from(readChunks(disk, file))
    // The iteration below is told of faults of either stream.
    const bytes = file.endsWith('.gz') ? pipeline(raw, createGunzip(), () => {}) : raw
    const decoder = new TextDecoder('utf-8')
    for await (const chunk of bytes) {
      rest += decoder.decode(chunk as Uint8Array, { stream: true })
      const lines = rest.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop()!
      if (rest.length > LONGEST_LINE) throw new Error(`a line has more than ${LONGEST_LINE} characters`)
      yield* lines
    }
  } catch (error) {
    if (error instanceof ReplayError) throw error
    throw new ReplayError('CSV_UNREADABLE', `Cannot read "${file}": ${(error as Error).message}`, error)
  }
  if (rest !== '') yield rest
}

async function* readChunks(disk: Disk, path: string): AsyncGenerator<Buffer> {
  const file = await disk.open(path, 'read')
  try {
    for (let at = 0; ;) {
      const chunk = Buffer.alloc(CHUNK_BYTES)
      const count = await file.read(chunk, at)
      if (count === 0) return
      at += count
      yield chunk.subarray(0, count)
    }
  } finally {
    await file.close()
  }
}

function readHeader(line: string, file: string, number: number, timeColumn: string | undefined): Header {
  const text = line.replace(/^\ufeff/, '')
  const separator = [',', ';', '\t'].find((one) => text.includes(one)) ?? ','
  const cells = split(text, separator, file, number)
  const isData = cells.every((cell) => cell === '' || isNumber(cell) || parseTime(cell) !== undefined)
  const names = cells.map((cell, index) => (isData ? `column${index + 1}` : cleanName(cell)))
  const timeAt = isData ? timeOfData(cells, names, timeColumn) : timeOf(names, timeColumn)
  if (timeColumn !== undefined && timeAt < 0) {
    throw new ReplayError(
      'CSV_BAD_HEADER',
      `Cannot find column "${timeColumn}" in "${file}": it has ${names.join(', ')}`,
    )
  }
  const seen = new Map<string, number>()
  const tags = names.map((name, index) => {
    if (name === '' || index === timeAt) return undefined
    const fault = tagFault(name)
    if (fault !== undefined)
      throw new ReplayError('CSV_BAD_HEADER', `Cannot use column ${index + 1} of "${file}": ${fault}`)
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}_${count}`
  })
  return { separator, tags, timeAt, isData }
}

function cleanName(cell: string): string {
  return cell.replace(/\s*\([^()]*\)\s*$/, '').trim()
}

function timeOf(names: readonly string[], timeColumn: string | undefined): number {
  if (timeColumn === undefined) return names.findIndex((name) => TIME_NAMES.test(name))
  return names.indexOf(cleanName(timeColumn))
}

/** Without names, a first column that is a date is the time; a plain number might be anything. */
function timeOfData(cells: readonly string[], names: readonly string[], timeColumn: string | undefined): number {
  if (timeColumn !== undefined) return names.indexOf(timeColumn)
  return !isNumber(cells[0]!) && parseTime(cells[0]!) !== undefined ? 0 : -1
}

function readRow(line: string, header: Header, file: string, number: number): Row {
  const cells = split(line, header.separator, file, number)
  const values: { [tag: string]: Cell } = {}
  let time: number | undefined
  cells.forEach((cell, index) => {
    const tag = header.tags[index]
    if (index === header.timeAt) time = readTime(cell, file, number, index)
    else if (tag !== undefined && cell !== '') putOwn(values, tag, readCell(cell))
    else if (tag === undefined && cell !== '') {
      throw at('CSV_BAD_ROW', file, number, index, `"${cell.slice(0, 40)}" is in a column without a name`)
    }
  })
  if (header.timeAt >= cells.length) throw at('CSV_BAD_ROW', file, number, cells.length - 1, 'the time is missing')
  return { line: number, time, values }
}

function readTime(cell: string, file: string, number: number, index: number): number {
  const time = parseTime(cell)
  if (time !== undefined) return time
  throw at(
    'CSV_BAD_TIME',
    file,
    number,
    index,
    `"${cell.slice(0, 40)}" is no time, want ISO 8601 or a number since 1970`,
  )
}

function readCell(cell: string): Cell {
  if (isNumber(cell)) return Number(cell)
  if (/^(true|false)$/i.test(cell)) return cell.toLowerCase() === 'true'
  return cell.toWellFormed()
}

function isNumber(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell) && Number.isFinite(Number(cell))
}

/** Cells of a line; quotes around a cell protect its separators, and two quotes are one (RFC 4180). */
function split(line: string, separator: string, file: string, number: number): string[] {
  if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim())
  const cells: string[] = []
  const pattern = new RegExp(`\\s*(?:"((?:[^"]|"")*)"|([^"${separator}]*))\\s*(${separator}|$)`, 'y')
  for (let end = false; !end;) {
    const match = pattern.exec(line)
    if (!match)
      throw at('CSV_BAD_ROW', file, number, cells.length, 'a quote is not closed, want "..." around the whole cell')
    cells.push(match[1] === undefined ? match[2]!.trim() : match[1].replaceAll('""', '"'))
    end = match[3] === ''
  }
  return cells
}

function at(code: ReplayError['code'], file: string, line: number, index: number, what: string): ReplayError {
  return new ReplayError(code, `Cannot read "${file}", line ${line}, column ${index + 1}: ${what}`)
}
