import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine } from '../src/cli/machine.ts'
import { Historian } from '../src/historian/historian.ts'
import { MemoryLog } from '../src/log/memory/memory-log.ts'
import { systemClock } from '../src/system/clock.ts'
import type { StoredRecord } from '../src/log/log.ts'
import { encodeRecord } from '../src/model/record.ts'
import { Metrics } from '../src/system/metrics.ts'
import type { BenchOptions } from './main.ts'
import { benchRecording } from './recording.ts'

const SITE = 'acme/berlin'
const TOPIC = 'acme.berlin.telemetry'
const T0 = Date.parse('2026-11-30T00:00:00Z')
const DAY_MS = 86_400_000

/** How samples come: machines, tags that are measured together, and how often. */
const SHAPES = [
  { name: '100 machines, 10 tags a record, every 100 ms', assets: 100, tags: 10, everyMs: 100 },
  { name: '1,000 machines, 1 tag a record, every second', assets: 1_000, tags: 1, everyMs: 1_000 },
] as const
type Shape = (typeof SHAPES)[number]

const SETTINGS = [
  { name: 'default', sealRows: 250_000, memoryMegabytes: 96, threads: 1 },
  { name: 'sealRows 1,000,000, memory 512, threads 2', sealRows: 1_000_000, memoryMegabytes: 512, threads: 2 },
] as const
type Settings = (typeof SETTINGS)[number]

/**
 * Samples a second into the historian alone, from the bytes of records to Parquet files that are synced and count, and
 * what a million samples take on disk; then into the history of a whole hub.
 */
export async function benchHistorian({ seconds, records, say }: BenchOptions): Promise<void> {
  say(
    '| samples into the historian | settings | samples/s | CPU s per million | MB per million samples | peak MB |\n|---|---|---|---|---|---|',
  )
  for (const shape of SHAPES) for (const settings of SETTINGS) say(await ingest(shape, settings, records))
  await benchRecording(seconds, say)
}

async function ingest(shape: Shape, settings: Settings, samples: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  try {
    const batches = [...batchesOf(shape, samples)]
    const historian = new Historian({
      site: SITE,
      lakeDirectory: join(directory, 'lake'),
      spillDirectory: join(directory, 'historian'),
      retentionMs: 400 * DAY_MS,
      rollupRetentionMs: 3_650 * DAY_MS,
      sealEveryMs: 600_000,
      fileRows: 4_000_000,
      log: new MemoryLog({ clock: systemClock }),
      ...settings,
      system: { ...machine({ logLevel: 'warn', logFormat: 'text' }), metrics: new Metrics() },
    })
    await historian.open()
    ;(await historian.lease())[Symbol.dispose]()
    let peak = 0
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100)
    const idle = process.memoryUsage.rss()
    const begin = performance.now()
    const cpu = process.cpuUsage()
    let offset = 0
    for (const entries of batches) {
      offset += entries.length
      await historian.take({ topic: TOPIC, partition: 0, entries, nextOffset: offset, skipped: 0 })
    }
    await historian.flush()
    const seconds = (performance.now() - begin) / 1000
    clearInterval(timer)
    const { user, system } = process.cpuUsage(cpu)
    const { samples: stored, bytes } = historian.status()
    await historian.close()
    const perMillion = ((user + system) / stored).toFixed(2)
    const rate = Math.round(stored / seconds).toLocaleString('en-US')
    const figures = [rate, perMillion, (bytes / stored).toFixed(2)]
    return `| ${[shape.name, settings.name, ...figures, `+${((peak - idle) / 1e6).toFixed(0)}`].join(' | ')} |`
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Records as the log hands them out, 500 at a time. Values are noise on a drift, of two decimals, as sensors have. */
function* batchesOf({ assets, tags, everyMs }: Shape, samples: number): Iterable<StoredRecord[]> {
  const source: StoredRecord['headers'] = [['source', Buffer.from('line1')]]
  const count = Math.floor(samples / tags)
  let noise = 1
  for (let from = 0; from < count; from += 500) {
    yield Array.from({ length: Math.min(500, count - from) }, (_, i) => {
      const index = from + i
      const time = T0 + Math.floor(index / assets) * everyMs
      const values: { [tag: string]: number } = {}
      for (let tag = 0; tag < tags; tag++) {
        noise = (noise * 48_271) % 2_147_483_647
        values[`tag${tag}`] = Math.round((20 + tag + (noise / 2_147_483_647) * 5) * 100) / 100
      }
      const reading = {
        asset: `${SITE}/line1/machine${index % assets}`,
        sourceTime: time,
        receivedTime: time + 3,
        values,
      }
      return { offset: index, timestamp: time, key: null, headers: source, value: Buffer.from(encodeRecord(reading)) }
    })
  }
}
