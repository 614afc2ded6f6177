import type { DuckDBAppender, DuckDBDataChunk, DuckDBType } from '@duckdb/node-api'

/** What one sample has beside its value. */
export interface RowHead {
  readonly signal: number
  readonly us: number
  readonly status: number
  readonly receivedUs: number
  readonly serverUs: number
  readonly source: number
  readonly place: number
  readonly offset: number
}

/** Rows of a chunk of DuckDB. */
const CHUNK_ROWS = 2_048
const HIGH = 2 ** 32

/**
 * Rows on their way into a table in memory, column by column: an int64 is written as its two halves, since a bigint for
 * each would cost more than all the rest.
 */
export class HotRows {
  readonly #appender: DuckDBAppender
  readonly #makeChunk: (types: readonly DuckDBType[], rows: number) => DuckDBDataChunk
  readonly #types: readonly DuckDBType[]
  readonly #signal = new Int32Array(CHUNK_ROWS)
  readonly #us = new Int32Array(2 * CHUNK_ROWS)
  readonly #numbers = new Float64Array(CHUNK_ROWS)
  readonly #texts: (string | null)[] = []
  readonly #status = new Uint32Array(CHUNK_ROWS)
  readonly #received = new Int32Array(2 * CHUNK_ROWS)
  readonly #server = new Int32Array(2 * CHUNK_ROWS)
  readonly #source = new Int32Array(CHUNK_ROWS)
  readonly #place = new Int16Array(CHUNK_ROWS)
  readonly #offset = new Int32Array(2 * CHUNK_ROWS)
  #rows = 0
  #isNumbers: boolean

  constructor(
    appender: DuckDBAppender,
    isNumbers: boolean,
    makeChunk: (types: readonly DuckDBType[], rows: number) => DuckDBDataChunk,
  ) {
    this.#appender = appender
    this.#isNumbers = isNumbers
    this.#makeChunk = makeChunk
    this.#types = Array.from({ length: appender.columnCount }, (_, column) => appender.columnType(column))
  }

  number(head: RowHead, value: number): void {
    this.#numbers[this.#rows] = value
    this.#add(head)
  }

  /** null: there is no value. */
  text(head: RowHead, text: string | null): void {
    this.#texts[this.#rows] = text
    this.#add(head)
  }

  /** Makes what was added visible. */
  flush(): void {
    this.#hand()
    this.#appender.flushSync()
  }

  close(): void {
    this.#appender.closeSync()
  }

  #add(head: RowHead): void {
    const row = this.#rows
    this.#signal[row] = head.signal
    setInteger(this.#us, row, head.us)
    this.#status[row] = head.status
    setInteger(this.#received, row, head.receivedUs)
    setInteger(this.#server, row, head.serverUs)
    this.#source[row] = head.source
    this.#place[row] = head.place
    setInteger(this.#offset, row, head.offset)
    this.#rows += 1
    if (this.#rows === CHUNK_ROWS) this.#hand()
  }

  #hand(): void {
    const rows = this.#rows
    if (rows === 0) return
    const chunk = this.#makeChunk(this.#types, rows)
    copy(chunk, 0, this.#signal.subarray(0, rows))
    copy(chunk, 1, this.#us.subarray(0, 2 * rows))
    if (this.#isNumbers) copy(chunk, 2, this.#numbers.subarray(0, rows))
    else chunk.setColumnValues(2, this.#texts.slice(0, rows))
    copy(chunk, 3, this.#status.subarray(0, rows))
    copy(chunk, 4, this.#received.subarray(0, 2 * rows))
    copy(chunk, 5, this.#server.subarray(0, 2 * rows))
    copy(chunk, 6, this.#source.subarray(0, rows))
    copy(chunk, 7, this.#place.subarray(0, rows))
    copy(chunk, 8, this.#offset.subarray(0, 2 * rows))
    this.#rows = 0
    this.#appender.appendDataChunk(chunk)
  }
}

function setInteger(halves: Int32Array, row: number, value: number): void {
  halves[2 * row] = value | 0
  halves[2 * row + 1] = Math.floor(value / HIGH)
}

/** Column of a chunk whose values lie one behind the other. */
interface PlainVector {
  readonly items: ArrayBufferView
  flush(): void
}

function copy(chunk: DuckDBDataChunk, column: number, values: ArrayBufferView): void {
  const vector = chunk.getColumnVector(column) as unknown as PlainVector
  const { buffer, byteOffset, byteLength } = vector.items
  new Uint8Array(buffer, byteOffset, byteLength).set(
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  )
  vector.flush()
}
