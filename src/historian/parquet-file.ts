import type { DuckDBAppender, DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { Value } from '../model/reading.ts'
import { valueText } from '../model/value-text.ts'
import { copyRows, CREATE_ROWS } from './sql.ts'

/** A row of an export: one value of one tag. */
export interface ExportedSample {
  readonly asset: string
  readonly tag: string
  /** ms since the epoch. */
  readonly sourceTime: number
  readonly receivedTime: number
  readonly value: Value | null
  readonly quality: number
}

/** Rows after which those before are handed to DuckDB, which spills what does not fit into its memory. */
const FLUSH_ROWS = 50_000
const MEMORY_MB = 256

/**
 * A Parquet file of samples that are handed over in any order; the file has them by asset, tag and time, with the columns of the
 * lake (docs/history.md) but for places in the log. Until it is finished the rows are in a database file beside it.
 */
export class ParquetFile implements AsyncDisposable {
  readonly #file: string
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #appender: DuckDBAppender
  readonly #remove: (file: string) => Promise<void>
  #rows = 0

  private constructor(file: string, instance: DuckDBInstance, connection: DuckDBConnection, parts: Parts) {
    this.#file = file
    this.#instance = instance
    this.#connection = connection
    this.#appender = parts.appender
    this.#remove = parts.remove
  }

  /** `remove` removes a file, or nothing where it is not there. @throws Error of DuckDB where it cannot be written */
  static async create(file: string, remove: (file: string) => Promise<void>): Promise<ParquetFile> {
    const { DuckDBInstance } = await import('@duckdb/node-api')
    await remove(rowsOf(file))
    const instance = await DuckDBInstance.create(rowsOf(file), { memory_limit: `${MEMORY_MB}MB`, threads: '2' })
    const connection = await instance.connect()
    await connection.run(CREATE_ROWS)
    const appender = await connection.createAppender('rows')
    return new ParquetFile(file, instance, connection, { appender, remove })
  }

  get rows(): number {
    return this.#rows
  }

  append({ asset, tag, sourceTime, receivedTime, value, quality }: ExportedSample): void {
    const appender = this.#appender
    const number = numberOf(value)
    appender.appendVarchar(asset)
    appender.appendVarchar(tag)
    appender.appendBigInt(micros(sourceTime))
    if (number === undefined) appender.appendNull()
    else appender.appendDouble(number)
    if (number !== undefined || value === null) appender.appendNull()
    else appender.appendVarchar(valueText(value))
    appender.appendUInteger(quality)
    appender.appendBigInt(micros(receivedTime))
    appender.endRow()
    if (++this.#rows % FLUSH_ROWS === 0) appender.flushSync()
  }

  /** Writes the file. */
  async finish(): Promise<void> {
    this.#appender.flushSync()
    await this.#connection.run(copyRows(this.#file))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#appender.closeSync()
    this.#connection.closeSync()
    this.#instance.closeSync()
    await this.#remove(rowsOf(this.#file))
  }
}

interface Parts {
  readonly appender: DuckDBAppender
  readonly remove: (file: string) => Promise<void>
}

function rowsOf(file: string): string {
  return `${file}.rows`
}

function micros(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000))
}

/** What is a number in the lake: numbers, booleans, integers within 2^53. */
function numberOf(value: Value | null): number | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  if (typeof value !== 'bigint') return undefined
  return Number.isSafeInteger(Number(value)) ? Number(value) : undefined
}
