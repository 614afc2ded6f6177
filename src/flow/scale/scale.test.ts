import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch, Source } from '../../component/source.ts'
import { auditLedger } from '../../ledger/audit.ts'
import { Ledger } from '../../ledger/ledger.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { MemoryStore } from '../../log/memory/memory-store.ts'
import { topicSpec } from '../../log/topics.ts'
import { Catalogue } from '../../model/catalogue.ts'
import { topicName } from '../../model/path.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { seededRandom } from '../../system/random.ts'
import { Ingest } from '../ingest.ts'
import { Scale } from './scale.ts'

const SITE = 'acme/berlin'
const SESSION_MS = 300

/** A machine that says something every few ms to whoever is connected to it. */
class Ticker implements Source {
  readonly #told: Told

  constructor(told: Told) {
    this.#told = told
  }

  async *read(signal: AbortSignal): AsyncGenerator<Batch> {
    while (!signal.aborted) {
      await sleep(3)
      const payload = Buffer.from('x')
      yield {
        items: [{ kind: 'raw', topic: 'raw', key: 'k', payload, receivedTime: systemClock.now() }],
        ack: () => (this.#told.acked += 1),
        fail: () => (this.#told.failed += 1),
      }
    }
  }

  health() {
    return { state: 'live', reason: 'ticks', since: 0 } as const
  }
}

interface Told {
  acked: number
  failed: number
}

interface TestHub {
  readonly name: string
  readonly log: MemoryLog
  readonly ledger: Ledger
  readonly scale: Scale
  readonly told: Told
  /** Rejects when another hub has its name. */
  readonly ended: Promise<never>
  runs(): string[]
  leave(): Promise<void>
}

async function emptyStore(): Promise<MemoryStore> {
  const store = new MemoryStore()
  const kinds = ['telemetry', 'raw', 'quarantine', 'assets', 'ledger', 'gaps'] as const
  await new MemoryLog({ clock: systemClock, store }).ensure(kinds.map((kind) => topicSpec(SITE, kind, 2)))
  return store
}

async function startHub(t: TestContext, store: MemoryStore, name: string, run = name): Promise<TestHub> {
  const system = { clock: systemClock, random: seededRandom(1), logger: silentLogger, metrics: new Metrics() }
  const log = new MemoryLog({ clock: systemClock, store })
  const holder = { hub: name, run }
  const ledger = await Ledger.open({ log, site: SITE, system, everyMs: 50, holder })
  const ingest = new Ingest({ log, ledger, catalogue: new Catalogue(), site: SITE, system, graceMs: 500 })
  const told: Told = { acked: 0, failed: 0 }
  const open = () => new Ticker(told)
  const dials = ['line1', 'line2', 'line3', 'line4'].map((source) => ({ name: source, reach: 'dials' as const }))
  const sources = [...dials, { name: 'cars', reach: 'listens' as const }].map((one) => ({
    ...one,
    kind: 'tick',
    prepare: async () => {},
    open,
  }))
  const { promise: ended, reject } = Promise.withResolvers<never>()
  ended.catch(() => {})
  const options = { log, ledger, ingest, site: SITE, holder, sources, system, sessionMs: SESSION_MS }
  const scale = new Scale({ ...options, onEnded: reject })
  await scale.open()
  const stop = new AbortController()
  const running = Promise.all([scale.listen(stop.signal), scale.share(`http://${name}`, stop.signal)])
  const leave = async () => {
    stop.abort()
    await running
    await ledger.close()
    await log.close()
  }
  t.after(leave)
  const own = () => scale.hubs().find(({ here }) => here)!
  return { name, log, ledger, scale, told, ended, leave, runs: () => own().sources.map((one) => one.name) }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 1_000, what)
    await sleep(5)
  }
}

const size = (hub: TestHub) => hub.runs().length

async function assertBooks(store: MemoryStore): Promise<void> {
  const log = new MemoryLog({ clock: systemClock, store })
  assert.deepEqual((await auditLedger(log, SITE, { full: true })).reasons, [])
}

/** How long after the first record of a later holder an earlier one still wrote, ms; below 0: never. */
async function overlap(store: MemoryStore, source: string): Promise<number> {
  const log = new MemoryLog({ clock: systemClock, store })
  const topic = topicName(SITE, 'raw')
  const spans = new Map<number, { first: number; last: number }>()
  const positions = (await log.ends(topic)).map(({ partition }) => ({ topic, partition, offset: 0 }))
  for await (const { records } of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
    for (const { headers, timestamp } of records) {
      const named = Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value).toString()]))
      if (named['source'] !== source) continue
      const epoch = Number(named['epoch'])
      const span = spans.get(epoch)
      spans.set(epoch, { first: Math.min(span?.first ?? timestamp, timestamp), last: timestamp })
    }
  }
  let most = -Infinity
  for (const [epoch, { last }] of spans) {
    for (const [other, { first }] of spans) if (other > epoch) most = Math.max(most, last - first)
  }
  return most
}

test('a hub alone runs all; one that comes gets its part; one that leaves hands over at once', async (t) => {
  const store = await emptyStore()
  const a = await startHub(t, store, 'a')
  await until(() => size(a) === 5, 'a runs all')
  const b = await startHub(t, store, 'b')
  await until(() => size(a) === 3 && size(b) === 3, 'they share')
  assert.ok(a.runs().includes('cars') && b.runs().includes('cars'), 'what listens runs on both')
  await until(() => a.scale.hubs().every(({ sources }) => sources.length === 3), 'a is told what b runs')
  const hubs = a.scale.hubs().map(({ hub, here, leads, page }) => ({ hub, here, leads, page }))
  assert.deepEqual(hubs, [
    { hub: 'a', here: true, leads: true, page: 'http://a' },
    { hub: 'b', here: false, leads: false, page: 'http://b' },
  ])
  const elsewhere = b.runs().find((name) => name !== 'cars')!
  assert.match(a.scale.health(elsewhere)!.reason, /^On hub "b": /)
  await a.leave()
  await until(() => size(b) === 5, 'b runs all')
  await b.leave()
  await assertBooks(store)
  assert.ok((await overlap(store, elsewhere)) < 0)
})

test('when a hub dies the others take its sources, close its books, and nothing it wrote is taken for theirs', async (t) => {
  const store = await emptyStore()
  const [a, b] = [await startHub(t, store, 'a'), await startHub(t, store, 'b')]
  await until(() => size(a) === 3 && size(b) === 3, 'they share')
  await until(() => a.told.acked > 20, 'a stores')
  const lost = a.runs().find((name) => name !== 'cars')!
  a.log.crash()
  await until(() => size(b) === 5, 'b runs all')
  await until(() => b.scale.hubs().length === 1, 'a is gone')
  await b.leave()
  await assertBooks(store)
  assert.ok((await overlap(store, lost)) < 0)
})

test('a hub whose lease ran out appends nothing more: what its sources hand over is refused', async (t) => {
  const store = await emptyStore()
  const [a, b] = [await startHub(t, store, 'a'), await startHub(t, store, 'b')]
  await until(() => size(a) === 3 && size(b) === 3, 'they share')
  a.log.hang(true)
  await until(() => size(a) === 1 && size(b) === 5, 'b took all, a runs what listens alone')
  a.log.hang(false)
  await until(() => size(a) === 3 && size(b) === 3, 'a is back')
  await Promise.all([a.leave(), b.leave()])
  await assertBooks(store)
  for (const source of ['line1', 'line2', 'line3', 'line4']) assert.ok((await overlap(store, source)) < 0, source)
})

test('two hubs of one name: the one that comes later has it, and the other ends', async (t) => {
  const store = await emptyStore()
  const first = await startHub(t, store, 'a', 'run-1')
  await until(() => size(first) === 5, 'it runs all')
  const second = await startHub(t, store, 'a', 'run-2')
  await assert.rejects(first.ended, { code: 'GROUP_FENCED' })
  await until(() => size(second) === 5, 'the other one runs all')
  assert.deepEqual(first.runs(), ['cars'])
  await Promise.all([first.leave(), second.leave()])
  await assertBooks(store)
})
