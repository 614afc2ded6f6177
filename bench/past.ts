import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryHub } from '../src/api/memory-hub.ts'
import { PastViews } from '../src/api/past-views.ts'
import { machine } from '../src/cli/machine.ts'
import type { Historian } from '../src/historian/historian.ts'
import { LakeReader } from '../src/historian/reader.ts'
import type { StoredRecord } from '../src/log/log.ts'
import { Catalogue } from '../src/model/catalogue.ts'
import type { Reading } from '../src/model/reading.ts'
import { encodeRecord } from '../src/model/record.ts'
import { systemClock } from '../src/system/clock.ts'
import { Twins } from '../src/twins/twins.ts'
import { historianIn } from './lake.ts'
import type { BenchOptions } from './main.ts'

const SITE = 'acme/berlin'
const TOPIC = 'acme.berlin.telemetry'
const T0 = Date.parse('2026-11-26T00:00:00Z')
const DAY_MS = 86_400_000
const DAYS = 3
const END = T0 + DAYS * DAY_MS
const ASSETS = 2_000
const TAGS = 10
const NAMES = Array.from({ length: TAGS }, (_, nth) => `tag${nth}`)
const NEVER = new AbortController().signal

/** Moments that the plant is looked at as of: the middle of the last day, the first day, and shortly before the end. */
const MOMENTS = {
  'half a day ago': END - DAY_MS / 2 + 1_234,
  'two days ago': T0 + DAY_MS / 2 + 1_234,
  'a minute ago': END - 61_234,
}

/**
 * A plant of 2,000 machines with 10 tags each as of a moment, out of the history of three days, `--records` samples: how
 * many machines a page has that ends when its time is up, and how long all of them take.
 */
export async function benchPast({ records, say }: BenchOptions): Promise<void> {
  const everyMs = Math.max(1, Math.round((DAYS * DAY_MS * ASSETS * TAGS) / records))
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const historian = historianIn(directory, SITE, {
    sealRows: 250_000,
    fileRows: 4_000_000,
    memoryMegabytes: 96,
    threads: 1,
  })
  try {
    await load(historian, everyMs)
    const { samples, files } = historian.status()
    say(`${ASSETS} machines, ${TAGS} tags, ${DAYS} days, a value of each every ${everyMs} ms: ${samples} samples`)
    say(`in ${files} files\n`)
    const past = viewsOf(historian)
    say(
      '| as of | question | machines on the first page | it took | all machines took | CPU s | pages |\n|---|---|---|---|---|---|---|',
    )
    for (const [name, at] of Object.entries(MOMENTS)) {
      say(await paged(name, 'GET /assets', (page) => past.assets(page, at, undefined, NEVER)))
      const wanted = { on: '**', tags: ['tag3'] }
      say(await paged(name, 'GET /values, one tag', (page) => past.values({ ...page, ...wanted }, at, NEVER)))
    }
  } finally {
    await historian.close()
    await rm(directory, { recursive: true, force: true })
  }
}

interface Page {
  readonly under: string
  readonly limit: number
  readonly after?: string
}

type Ask = (page: Page) => Promise<{ readonly assets: readonly unknown[]; readonly next?: string }>

async function paged(moment: string, question: string, ask: Ask): Promise<string> {
  const cpu = process.cpuUsage()
  const pages: { readonly assets: number; readonly ms: number }[] = []
  let after: string | undefined
  do {
    const begin = performance.now()
    const { assets, next } = await ask({ under: SITE, limit: 2 * ASSETS, ...(after !== undefined && { after }) })
    pages.push({ assets: assets.length, ms: performance.now() - begin })
    after = next
  } while (after !== undefined)
  const first = pages[0]!
  const found = pages.reduce((sum, { assets }) => sum + assets, 0)
  if (found !== ASSETS) throw new Error(`${question}: ${found} machines, want ${ASSETS}`)
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`
  const all = seconds(pages.reduce((sum, { ms }) => sum + ms, 0))
  const { user, system } = process.cpuUsage(cpu)
  return `| ${moment} | ${question} | ${first.assets} | ${seconds(first.ms)} | ${all} | ${((user + system) / 1e6).toFixed(1)} | ${pages.length} |`
}

const assetOf = (nth: number) => `${SITE}/hall${nth % 20}/machine${nth}`

/** All of it but the last values, which stay in memory, as in a hub. */
async function load(historian: Historian, everyMs: number): Promise<void> {
  await historian.open()
  ;(await historian.lease())[Symbol.dispose]()
  let offset = 0
  for (const { entries, isLast } of batchesOf(everyMs)) {
    offset += entries.length
    if (isLast) await historian.flush()
    await historian.take({ topic: TOPIC, partition: 0, entries, nextOffset: offset, skipped: 0 })
  }
}

/** Records as the log hands them out, those of a moment at a time. */
function* batchesOf(everyMs: number): Iterable<{ readonly entries: StoredRecord[]; readonly isLast: boolean }> {
  const headers: StoredRecord['headers'] = [['source', Buffer.from('line1')]]
  let offset = 0
  for (let time = T0; time < END; time += everyMs) {
    const entries = Array.from({ length: ASSETS }, (_, nth): StoredRecord => {
      const value = Buffer.from(encodeRecord(readingOf(nth, time)))
      return { offset: offset++, timestamp: time, key: null, headers, value }
    })
    yield { entries, isLast: time + everyMs >= END }
  }
}

/** What changes with time and machine, so that files do not shrink to nothing. */
function readingOf(nth: number, sourceTime: number): Reading {
  const value = (tag: number) => Math.round((20 + tag + 5 * Math.sin(sourceTime / 1e6 + nth + tag)) * 100) / 100
  const values = Object.fromEntries(NAMES.map((name, tag) => [name, value(tag)]))
  return { asset: assetOf(nth), sourceTime, receivedTime: sourceTime + 3, values }
}

/** Twins have newer values of every tag, so all of what was is in history. */
function viewsOf(historian: Historian): PastViews {
  const catalogue = new Catalogue()
  const hub = new MemoryHub()
  const system = machine({ logLevel: 'warn', logFormat: 'text' })
  const twins = new Twins({ directory: '/nowhere', catalogue, system })
  for (let nth = 0; nth < ASSETS; nth++) {
    catalogue.define({
      path: assetOf(nth),
      tags: new Map(NAMES.map((tag) => [tag, { type: 'number', kind: 'gauge' }])),
    })
    hub.record(assetOf(nth), [], 0)
  }
  const entries = Array.from({ length: ASSETS }, (_, nth) => ({
    offset: nth,
    source: 'line1',
    reading: readingOf(nth, END),
  }))
  twins.take({ topic: TOPIC, partition: 0, entries, nextOffset: ASSETS, skipped: 0 })
  const alarms = { standingAt: async (_: unknown, at: number) => ({ alarms: [], total: 0, at }) }
  const history = new LakeReader(historian, catalogue)
  return new PastViews({ twins, catalogue, hub, alarms, history, clock: systemClock, holds: () => false })
}
