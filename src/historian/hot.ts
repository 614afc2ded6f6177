import type * as DuckDb from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'
import { decodeRecord } from '../model/record.ts'
import { qualityOf, type Reading } from '../model/reading.ts'
import { valueText } from '../model/value-text.ts'
import { HotRows } from './hot-rows.ts'
import type { PackedRecords } from './packed.ts'
import { createGeneration, CREATE_NAMES, dropGeneration, literal, NO_SERVER } from './sql.ts'

/** What a generation holds of one day of source time. */
export interface HotDay {
  /** Days since the epoch, UTC. */
  readonly day: number
  readonly rows: number
}

export interface Undecodable {
  readonly offset: number
  readonly reason: string
}

export const DAY_US = 86_400_000_000
/** The times that a calendar has (ECMA-262, 21.4.1.1), in ms. */
const MOST_MS = 8.64e15

/**
 * Samples in memory: what has come since the last files were made. All that comes between two sealings is a generation,
 * with tables and signal numbers of its own; it is dropped as a whole once its files are there.
 */
export class Hot {
  readonly #connection: DuckDBConnection
  readonly #duckDb: typeof DuckDb
  readonly #sources = new Map<string, number>()
  readonly #places = new Set<number>()
  #generation = 0
  #signals = new Map<string, Map<string, number>>()
  #signalCount = 0
  #newSignals: [number, string, string][] = []
  #days = new Map<number, number>()
  #numbers: HotRows | undefined
  #others: HotRows | undefined

  constructor(connection: DuckDBConnection, duckDb: typeof DuckDb) {
    this.#connection = connection
    this.#duckDb = duckDb
  }

  async open(): Promise<void> {
    for (const sql of CREATE_NAMES) await this.#connection.run(sql)
    await this.#begin()
  }

  /** The generation that takes what comes. */
  get generation(): number {
    return this.#generation
  }

  async addPlace(id: number, epoch: number, topic: string, partition: number): Promise<undefined> {
    if (this.#places.has(id)) return undefined
    this.#places.add(id)
    await this.#connection.run(`INSERT INTO places VALUES (${id}, ${epoch}, ${literal(topic)}, ${partition})`)
    return undefined
  }

  /** Takes records; what cannot be decoded is passed over, and named. */
  async append(place: number, packed: PackedRecords): Promise<{ rows: number; undecodable: Undecodable[] }> {
    const undecodable: Undecodable[] = []
    let rows = 0
    let run = -1
    let source = 0
    let from = 0
    for (let i = 0; i < packed.offsets.length; i++) {
      if (run + 1 < packed.sources.length && packed.sources[run + 1]![0] === i) {
        run += 1
        source = await this.#sourceId(packed.sources[run]![1])
      }
      const offset = packed.offsets[i]!
      const end = packed.ends[i]!
      try {
        rows += this.#addReading(decodeRecord(packed.bytes.subarray(from, end), UNTYPED), source, place, offset)
      } catch (error) {
        undecodable.push({ offset, reason: (error as Error).message })
      }
      from = end
    }
    return { rows, undecodable }
  }

  /** Makes what was taken visible to queries. */
  async flush(): Promise<void> {
    if (this.#newSignals.length > 0) {
      const appender = await this.#connection.createAppender(`signals_${this.#generation}`)
      for (const [id, asset, tag] of this.#newSignals) {
        appender.appendInteger(id)
        appender.appendVarchar(asset)
        appender.appendVarchar(tag)
        appender.endRow()
      }
      appender.closeSync()
      this.#newSignals = []
    }
    this.#numbers!.flush()
    this.#others!.flush()
  }

  /** Ends a generation and begins the next one. */
  async rotate(): Promise<{ generation: number; days: HotDay[] }> {
    await this.flush()
    this.#numbers!.close()
    this.#others!.close()
    const ended = this.#generation
    const days = [...this.#days].map(([day, rows]) => ({ day, rows })).sort((a, b) => a.day - b.day)
    this.#generation += 1
    await this.#begin()
    return { generation: ended, days }
  }

  async drop(generation: number): Promise<undefined> {
    for (const sql of dropGeneration(generation)) await this.#connection.run(sql)
    return undefined
  }

  close(): void {
    this.#connection.closeSync()
  }

  async #begin(): Promise<void> {
    for (const sql of createGeneration(this.#generation)) await this.#connection.run(sql)
    const { DuckDBDataChunk } = this.#duckDb
    const makeChunk = DuckDBDataChunk.create.bind(DuckDBDataChunk)
    this.#numbers = new HotRows(await this.#connection.createAppender(`numbers_${this.#generation}`), true, makeChunk)
    this.#others = new HotRows(await this.#connection.createAppender(`others_${this.#generation}`), false, makeChunk)
    this.#signals = new Map()
    this.#signalCount = 0
    this.#days = new Map()
  }

  /** @throws Error where its times are none of a calendar */
  #addReading(reading: Reading, source: number, place: number, offset: number): number {
    const us = micros(reading.sourceTime)
    const receivedUs = micros(reading.receivedTime)
    const serverUs = reading.serverTime === undefined ? NO_SERVER : micros(reading.serverTime)
    const signals = this.#signalsOf(reading.asset)
    let rows = 0
    for (const tag of Object.keys(reading.values)) {
      const signal = signals.get(tag) ?? this.#addSignal(signals, reading.asset, tag)
      const head = { signal, us, status: qualityOf(reading, tag), receivedUs, serverUs, source, place, offset }
      const value = reading.values[tag]!
      if (typeof value === 'number') this.#numbers!.number(head, value)
      else this.#others!.text(head, value === null ? null : valueText(value))
      rows += 1
    }
    if (rows > 0) {
      const day = Math.floor(us / DAY_US)
      this.#days.set(day, (this.#days.get(day) ?? 0) + rows)
    }
    return rows
  }

  #signalsOf(asset: string): Map<string, number> {
    let signals = this.#signals.get(asset)
    if (signals === undefined) this.#signals.set(asset, (signals = new Map()))
    return signals
  }

  #addSignal(signals: Map<string, number>, asset: string, tag: string): number {
    const id = this.#signalCount++
    signals.set(tag, id)
    this.#newSignals.push([id, asset, tag])
    return id
  }

  async #sourceId(name: string): Promise<number> {
    let id = this.#sources.get(name)
    if (id === undefined) {
      id = this.#sources.size
      this.#sources.set(name, id)
      await this.#connection.run(`INSERT INTO sources VALUES (${id}, ${literal(name)})`)
    }
    return id
  }
}

/** Values stay as they are in the record, whatever their tag's definition says: it may come later than they do. */
const UNTYPED = { tags: () => undefined }

function micros(ms: number): number {
  if (Math.abs(ms) > MOST_MS) throw new RangeError(`its time ${ms} is outside the calendar`)
  return Math.round(ms * 1000)
}
