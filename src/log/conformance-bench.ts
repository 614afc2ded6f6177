import { randomInt } from 'node:crypto'
import type { Random } from '../system/random.ts'
import type { Appended, Log, NewRecord, Position, ReadBatch, StoredRecord } from './log.ts'

/** One driver under test: a log that can be opened more than once, on the same data. */
export interface ConformanceTarget {
  /** A new client of the same data. */
  open(options?: { maxPendingBytes?: number }): Promise<Log>
  /** Removes records before `offset`, where the driver can be told to. */
  trim?(topic: string, partition: number, offset: number): Promise<void>
  /** Compacts a topic, all that is there now; it may append records of its own to get there. */
  compact?(topic: string): Promise<void>
  /** Ends everything that belongs to the target. */
  stop(): Promise<void>
}

/** The topics and logs of one test, and the ways of reading them. */
export class Bench {
  readonly target: ConformanceTarget
  readonly #abort = new AbortController()
  readonly #logs: Log[] = []
  #topics = 0

  constructor(target: ConformanceTarget) {
    this.target = target
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  name(): string {
    return `conformance.${randomInt(2 ** 40).toString(36)}.${this.#topics++}`
  }

  async open(options?: { maxPendingBytes?: number }): Promise<Log> {
    return this.keep(await this.target.open(options))
  }

  /** Closes it with the others. */
  keep(log: Log): Log {
    this.#logs.push(log)
    return log
  }

  async ensured(log: Log, partitions: number): Promise<string> {
    const name = this.name()
    // Records of these tests are old: without a limit of age none of them goes while a test runs.
    await log.ensure([{ name, partitions, retention: {} }])
    return name
  }

  async topic(partitions: number): Promise<{ log: Log; topic: string }> {
    const log = await this.open()
    return { log, topic: await this.ensured(log, partitions) }
  }

  async batches(log: Log, positions: readonly Position[]): Promise<ReadBatch[]> {
    const batches: ReadBatch[] = []
    for await (const batch of log.read(positions, { signal: this.signal, untilEnd: true })) batches.push(batch)
    return batches
  }

  async from(log: Log, topic: string, partition: number, offset: number): Promise<StoredRecord[]> {
    return (await this.batches(log, [{ topic, partition, offset }])).flatMap((batch) => batch.records)
  }

  async all(log: Log, topic: string, partitions: number): Promise<StoredRecord[]> {
    const positions = range(0, partitions).map((partition) => ({ topic, partition, offset: 0 }))
    return (await this.batches(log, positions)).flatMap((batch) => batch.records)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await Promise.all(this.#logs.map((log) => log.close()))
  }
}

export function textRecord(key: string, value: string | number = 'v'): NewRecord {
  return { key, value: `${value}`, timestamp: 1_700_000_000_000 }
}

export function randomRecord(random: Random): NewRecord {
  const key = random.integer(2) ? `asset/${random.integer(20)}` : random.bytes(1 + random.integer(12))
  const value = [null, '', random.bytes(random.integer(400)), 'ä€🏭x'.repeat(random.integer(60))][random.integer(4)]!
  const headers = range(0, random.integer(3)).map((n) => [`h${n}`, random.bytes(random.integer(9))] as const)
  return { key, value, headers, timestamp: 1_700_000_000_000 + random.integer(1e9) - 5e8 }
}

/** A record as written or as read, in one comparable form. */
export function plain(record: NewRecord | StoredRecord): unknown {
  return {
    key: hex(record.key),
    value: hex(record.value),
    timestamp: Math.trunc(record.timestamp),
    headers: (record.headers ?? []).map(([name, value]) => [name, hex(value)]),
  }
}

function hex(data: string | Uint8Array | null): string | null {
  if (data === null) return null
  return (
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length)
  ).toString('hex')
}

export function text(data: Uint8Array | null): string {
  return Buffer.from(data ?? []).toString()
}

export function byPartition(appended: readonly Appended[]): number[][] {
  return appended.map((part) => [part.partition, part.nextOffset, part.count]).sort(ascending)
}

export function ascending(a: number[], b: number[]): number {
  return a[0]! - b[0]!
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i)
}
