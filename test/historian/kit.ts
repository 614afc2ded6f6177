import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Historian, type HistorianOptions } from '../../src/historian/historian.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import type { Log, StoredRecord } from '../../src/log/log.ts'
import { encodeRecord } from '../../src/model/record.ts'
import type { Reading } from '../../src/model/reading.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger, type LogFields, type Logger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import { seededRandom, systemRandom } from '../../src/system/random.ts'
import { temporaryFolder } from '../temporary-folder.ts'

export const SITE = 'acme/berlin'
export const TOPIC = 'acme.berlin.telemetry'
export const NEVER = new AbortController().signal
export const DAY_MS = 86_400_000

export async function temporary(): Promise<string> {
  return temporaryFolder('lake')
}

export function optionsOf(directory: string, more: Partial<HistorianOptions> = {}): HistorianOptions {
  return {
    site: SITE,
    lakeDirectory: join(directory, 'lake'),
    spillDirectory: join(directory, 'historian'),
    retentionMs: 400 * DAY_MS,
    rollupRetentionMs: 3_650 * DAY_MS,
    sealEveryMs: 600_000,
    sealRows: 1_000_000,
    fileRows: 4_000_000,
    memoryMegabytes: 96,
    threads: 1,
    log: new MemoryLog({ clock: systemClock }),
    ...more,
    system: {
      clock: systemClock,
      disk: fileDisk,
      logger: silentLogger,
      metrics: new Metrics(),
      random: systemRandom,
      ...more.system,
    },
  }
}

/** Records of one topic as a log has them, by partition. */
export class Records {
  readonly #partitions: StoredRecord[][]

  constructor(partitions = 1) {
    this.#partitions = Array.from({ length: partitions }, () => [])
  }

  add(reading: Reading, partition = 0, source = 'line1'): void {
    const records = this.#partitions[partition]!
    records.push({
      offset: records.length,
      timestamp: reading.receivedTime,
      key: Buffer.from(reading.asset),
      value: Buffer.from(encodeRecord(reading)),
      headers: [['source', Buffer.from(source)]],
    })
  }

  get size(): number {
    return this.#partitions.reduce((sum, { length }) => sum + length, 0)
  }

  /** The log that they are in; what lies before `start` was removed by its retention. */
  log(start = 0): Pick<Log, 'ends' | 'read'> {
    const partitions = this.#partitions
    return {
      ends: async () => partitions.map((records, partition) => ({ partition, start, end: records.length })),
      async *read([at]) {
        const { topic, partition, offset } = at!
        for (let from = offset; from < partitions[partition]!.length; from += 100) {
          const records = partitions[partition]!.slice(from, from + 100)
          yield { topic, partition, records, nextOffset: from + records.length, skipped: 0 }
        }
      },
    }
  }

  /** Hands a historian what it does not have, as the run of a view does, in batches of so many. */
  async feed(historian: Historian, most = Infinity, batch = 500): Promise<void> {
    const at = new Map(historian.positions().map(({ partition, offset }) => [partition, offset]))
    let left = most
    for (const [partition, records] of this.#partitions.entries()) {
      let offset = at.get(partition) ?? 0
      while (offset < records.length && left > 0) {
        const entries = records.slice(offset, offset + Math.min(batch, left))
        offset += entries.length
        left -= entries.length
        await historian.take({ topic: TOPIC, partition, entries, nextOffset: offset, skipped: 0 })
      }
    }
  }
}

/** Files of few samples: they are made, merged and removed all the time. */
export function smallFiles(records: number) {
  return { sealRows: Math.max(500, records / 20), fileRows: Math.max(2_000, records / 4) }
}

/** Readings of three days by turns, so that what is in memory becomes several files; of two partitions. */
export function recordsOf(count: number): Records {
  const records = new Records(2)
  const random = seededRandom(7)
  const from = Date.parse('2026-11-28T00:00:00Z')
  for (let i = 0; i < count; i++) {
    const sourceTime = from + (i % 3) * 86_400_000 + i * 1_000
    const values = { a: Math.floor(random.next() * 1_000), state: i % 7 === 0 ? `s${i % 5}` : null }
    const quality = { ...(i % 7 === 0 ? {} : { state: 0x80310000 }), ...(i % 11 === 0 ? { a: 0x40900000 } : {}) }
    records.add({ asset: `${SITE}/press${i % 4}`, sourceTime, receivedTime: sourceTime + 5, values, quality }, i % 2)
  }
  return records
}

/** Starts the store at once: by itself it waits a little whether the hub stays. */
export async function startStore(historian: Historian): Promise<void> {
  const lease = await historian.lease()
  lease[Symbol.dispose]()
}

/** One whose store has started, and that ends with the test at the latest. */
export async function opened(t: TestContext, options: HistorianOptions): Promise<Historian> {
  const historian = new Historian(options)
  t.after(() => historian.abandon())
  await historian.open()
  await startStore(historian)
  return historian
}

/** Waits for a condition; what it waited for is in the error. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A logger that keeps what it is told. */
export function listening(lines: { level: string; message: string; fields: LogFields }[]): Logger {
  const log =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields })
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: () => listening(lines),
  }
}
