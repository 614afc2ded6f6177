import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { ManualClock } from '../../test/mqtt/manual-clock.ts'
import type { Batch, Item, Source } from '../component/source.ts'
import { auditLedger } from '../ledger/audit.ts'
import { Ledger } from '../ledger/ledger.ts'
import { LogError, type Log, type StoredRecord } from '../log/log.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { MemoryStore } from '../log/memory/memory-store.ts'
import { TOPIC_KINDS, topicSpec, type TopicKind } from '../log/topics.ts'
import { Catalogue } from '../model/catalogue.ts'
import { topicName } from '../model/path.ts'
import { Quality } from '../model/quality.ts'
import type { Reading } from '../model/reading.ts'
import { decodeRecord } from '../model/record.ts'
import { systemClock } from '../system/clock.ts'
import { silentLogger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { seededRandom, type Random } from '../system/random.ts'
import { loadDefinitions, publishDefinitions } from './definitions.ts'
import { Ingest, type IngestOptions } from './ingest.ts'

const SITE = 'acme/berlin'
const PRESS = 'acme/berlin/line1/press7'

/** A source that a test hands batches to; it keeps what it was told about each of them. */
class Hand implements Source {
  readonly told: string[] = []
  crash = false
  reads = 0
  #queue: Batch[] = []
  #wake = () => {}

  async *read(signal: AbortSignal): AsyncGenerator<Batch> {
    this.reads += 1
    signal.addEventListener('abort', () => this.#wake())
    while (true) {
      if (this.crash) throw new Error('boom')
      const batch = this.#queue.shift()
      if (batch) yield batch
      else if (signal.aborted) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  health() {
    return { state: 'live', reason: 'by hand', since: 0 } as const
  }

  give(name: string, items: readonly Item[]): void {
    this.#queue.push({
      items,
      ack: () => this.told.push(`ack ${name}`),
      fail: (error) => this.told.push(`fail ${name}: ${(error as LogError).code ?? error.message}`),
    })
    this.#wake()
  }

  wake(): void {
    this.#wake()
  }
}

function reading(values: Reading['values'], more: Partial<Reading> = {}): Item {
  return { kind: 'reading', reading: { asset: PRESS, sourceTime: 1000, receivedTime: 2000, values, ...more } }
}

function raw(key: string, payload = 'x'): Item {
  return { kind: 'raw', topic: 'raw', key, payload: Buffer.from(payload), receivedTime: 2000 }
}

interface Bench {
  readonly log: MemoryLog
  readonly ledger: Ledger
  readonly catalogue: Catalogue
  readonly ingest: Ingest
}

async function bench(log: MemoryLog, more: Partial<IngestOptions> = {}): Promise<Bench> {
  const system = { clock: systemClock, random: seededRandom(1), logger: silentLogger, metrics: new Metrics() }
  await log.ensure((Object.keys(TOPIC_KINDS) as TopicKind[]).map((kind) => topicSpec(SITE, kind, 4)))
  const ledger = await Ledger.open({ log, site: SITE, system, everyMs: 3_600_000 })
  const catalogue = new Catalogue()
  await loadDefinitions(log, SITE, catalogue, silentLogger)
  const ingest = new Ingest({ log, ledger, catalogue, site: SITE, system, graceMs: 2_000, ...more })
  return { log, ledger, catalogue, ingest }
}

const memory = () => new MemoryLog({ clock: systemClock })

async function recordsOf(log: Log, kind: string): Promise<StoredRecord[]> {
  const topic = topicName(SITE, kind)
  const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
  const found: StoredRecord[] = []
  for await (const batch of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
    found.push(...batch.records)
  }
  return found
}

function headersOf(record: StoredRecord): { [name: string]: string } {
  return Object.fromEntries(record.headers.map(([name, value]) => [name, Buffer.from(value).toString()]))
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 5_000, 'it never came true')
    await sleep(1)
  }
}

/** Runs a source over some batches, waits until each was told its fate, and stops it. */
async function feed({ ingest }: Bench, batches: readonly (readonly Item[])[], name = 'line1'): Promise<string[]> {
  const source = new Hand()
  const stop = new AbortController()
  batches.forEach((items, index) => source.give(String(index + 1), items))
  const running = ingest.run(name, () => source, stop.signal)
  await until(() => source.told.length === batches.length)
  stop.abort()
  await running
  return source.told
}

test('a reading becomes one numbered record with its key, time and headers, and is acknowledged', async () => {
  const parts = await bench(memory())
  assert.deepEqual(await feed(parts, [[reading({ temperature: 71.3, running: true })]]), ['ack 1'])
  const [record] = await recordsOf(parts.log, 'telemetry')
  assert.equal(Buffer.from(record!.key!).toString(), PRESS)
  assert.equal(record!.timestamp, 2000)
  assert.deepEqual(headersOf(record!), { source: 'line1', seq: '1', 'content-type': 'application/json' })
  assert.deepEqual({ ...decodeRecord(record!.value!, parts.catalogue).values }, { temperature: 71.3, running: true })
})

test('raw is passed through untouched; what cannot be mapped is quarantined with its bytes; a drop is only counted', async () => {
  const parts = await bench(memory())
  const payload = Buffer.from([0, 255, 1])
  const rejected = { address: 'a/b', payload, code: 'BAD_JSON', reason: 'Cannot read', receivedTime: 2000 }
  const told = await feed(parts, [
    [
      { kind: 'raw', topic: 'raw', key: 'dev/1', payload, receivedTime: 2000 },
      { kind: 'rejected', ...rejected },
      { kind: 'dropped', policy: 'retained', address: 'c/d', payload, receivedTime: 2000 },
      raw('dev/2'),
    ],
  ])
  assert.deepEqual(told, ['ack 1'])
  const raws = await recordsOf(parts.log, 'raw')
  assert.deepEqual(new Set(raws.map((record) => headersOf(record)['seq'])), new Set(['1', '4']))
  const first = raws.find((record) => headersOf(record)['seq'] === '1')!
  assert.deepEqual([Buffer.from(first.key!).toString(), Buffer.from(first.value!)], ['dev/1', payload])
  const [quarantined] = await recordsOf(parts.log, 'quarantine')
  assert.deepEqual(headersOf(quarantined!), { source: 'line1', seq: '2', code: 'BAD_JSON', reason: 'Cannot read' })
  assert.deepEqual([Buffer.from(quarantined!.key!).toString(), Buffer.from(quarantined!.value!)], ['a/b', payload])
  await parts.ledger.close()
  const { books, reasons } = await auditLedger(parts.log, SITE, { full: true })
  assert.deepEqual(reasons, [])
  assert.deepEqual([books[0]!.stored, books[0]!.quarantined, books[0]!.droppedBy], [2, 1, { retained: 1 }])
})

test('types and ranges are checked; the value is kept and its quality says what is wrong', async () => {
  const parts = await bench(memory())
  const gauge = { kind: 'gauge' } as const
  const tags = new Map([
    ['temperature', { type: 'number', range: [0, 120], ...gauge }],
    ['running', { type: 'boolean', ...gauge }],
    ['count', { type: 'int64', ...gauge }],
  ] as const)
  await publishDefinitions(parts.log, SITE, parts.catalogue, [{ path: PRESS, model: 'press@1', tags }], 1)
  await feed(parts, [
    [
      reading({ temperature: 121, running: 'yes', count: 5 }),
      reading({ temperature: 20, running: true, count: 2n ** 60n }),
      reading(
        { temperature: 500, running: 3 },
        { quality: { temperature: Quality.BadSensorFailure, running: Quality.Uncertain } },
      ),
    ],
  ])
  const stored = await recordsOf(parts.log, 'telemetry')
  const readings = stored.map((record) => decodeRecord(record.value!, parts.catalogue))
  assert.deepEqual({ ...readings[0]!.values }, { temperature: 121, running: 'yes', count: 5n })
  assert.deepEqual(
    { ...readings[0]!.quality },
    { temperature: Quality.UncertainEngineeringUnitsExceeded, running: Quality.BadTypeMismatch },
  )
  assert.equal(readings[1]!.quality, undefined)
  assert.deepEqual(
    { ...readings[2]!.quality },
    { temperature: Quality.BadSensorFailure, running: Quality.BadTypeMismatch },
  )
})

test('what is learned is in the log with the data, so that another process decodes the types', async () => {
  const parts = await bench(memory())
  await feed(parts, [
    [reading({ on: true, none: null })],
    [reading({ on: false, blob: Uint8Array.of(1) })],
    [reading({ on: true })],
  ])
  const catalogue = new Catalogue()
  await loadDefinitions(parts.log, SITE, catalogue, silentLogger)
  assert.deepEqual(
    [...catalogue.tags(PRESS)!],
    [
      ['on', { type: 'boolean', kind: 'gauge' }],
      ['blob', { type: 'bytes', kind: 'gauge' }],
    ],
  )
  assert.equal((await recordsOf(parts.log, 'assets')).length, 2)
  const [first] = await recordsOf(parts.log, 'telemetry')
  assert.deepEqual({ ...decodeRecord(first!.value!, catalogue).values }, { on: true, none: null })
})

test('one bad item harms only itself: it is quarantined with its code, and its neighbours are stored', async () => {
  const parts = await bench(memory(), { limits: { assets: 2, tags: 3 } })
  let deep: Reading['values'][string] = 1
  for (let level = 0; level < 100; level++) deep = [deep]
  const items: Item[] = [
    reading({ a: 1 }),
    reading({ '': 1 }),
    reading({ a: 1, b: 1, c: 1, d: 1 }),
    reading({ a: 1 }, { asset: 'no-site' }),
    reading({ a: 1 }, { sourceTime: NaN }),
    reading({ b: deep }),
    reading({ a: 2 }, { asset: `${SITE}/second` }),
    reading({ a: 2 }, { asset: `${SITE}/third` }),
    reading({ big: 'x'.repeat(2_000_000) }),
    { ...(raw('dev/1') as Item & { kind: 'raw' }), topic: 'elsewhere' },
    raw('dev/1', 'y'.repeat(1_100_000)),
    reading({ a: 3 }),
    { ...(raw('dev/1') as Item & { kind: 'raw' }), receivedTime: NaN },
    reading({ a: 4 }, { receivedTime: 1e300 }),
  ]
  assert.deepEqual(await feed(parts, [items]), ['ack 1'])
  const codes = (await recordsOf(parts.log, 'quarantine')).map((record) => headersOf(record))
  assert.deepEqual(
    codes.sort((a, b) => Number(a['seq']) - Number(b['seq'])).map(({ seq, code }) => `${seq} ${code}`),
    [
      '2 BAD_TAG',
      '3 CARDINALITY',
      '4 BAD_PATH',
      '5 BAD_TIME',
      '6 VALUE_TOO_DEEP',
      '8 CARDINALITY',
      '9 RECORD_TOO_LARGE',
      '10 UNKNOWN_TOPIC',
      '11 RECORD_TOO_LARGE',
    ],
  )
  assert.equal((await recordsOf(parts.log, 'telemetry')).length, 4)
  assert.deepEqual(
    (await recordsOf(parts.log, 'raw')).map(({ timestamp }) => timestamp),
    [0],
  )
  await parts.ledger.close()
  assert.deepEqual((await auditLedger(parts.log, SITE, { full: true })).reasons, [])
})

test('batches are pulled while others wait for the disk, and acknowledged in order only when durable', async () => {
  const log = new MemoryLog({ clock: systemClock, autoFlush: false })
  const opening = bench(log)
  const flushing = setInterval(() => log.flush(), 1)
  const parts = await opening
  clearInterval(flushing)
  const source = new Hand()
  const stop = new AbortController()
  for (let at = 1; at <= 50; at++) source.give(String(at), [raw(`dev/${at % 7}`)])
  source.give('empty', [])
  const running = parts.ingest.run('line1', () => source, stop.signal)
  await until(() => parts.ledger.view()[0]?.received === 50)
  assert.deepEqual(source.told, [])
  assert.equal(parts.ledger.view()[0]!.inFlight, 50)
  log.flush()
  await until(() => source.told.length === 51)
  assert.deepEqual(source.told, [...Array.from({ length: 50 }, (_, index) => `ack ${index + 1}`), 'ack empty'])
  stop.abort()
  await running
})

test('a source that the log holds up is not live, says why, and is live again once it is stored', async () => {
  const clock = new ManualClock()
  const log = new MemoryLog({ clock: systemClock, autoFlush: false })
  const { random, logger } = { random: seededRandom(1), logger: silentLogger }
  const { ingest } = await flushing(log, bench(log, { system: { clock, random, logger } }))
  const source = new Hand()
  const stop = new AbortController()
  const running = ingest.run('line1', () => source, stop.signal)
  const look = () => {
    clock.advance(1_000)
    return ingest.health('line1')!
  }
  await until(() => ingest.health('line1') !== undefined)
  for (let second = 0; second < 5; second += 1) assert.equal(look().state, 'live')
  source.give('1', [reading({ temperature: 1 })])
  await until(() => log.state().pendingBytes > 0)
  const health = [look(), look(), look()]
  assert.deepEqual([health[0]!.state, health[2]!.state], ['live', 'stale'])
  assert.equal(health[2]!.reason, 'Waiting for the log; by hand')
  assert.ok(health[2]!.since > 1_700_000_000_000)
  log.flush()
  await until(() => source.told.length === 1)
  assert.deepEqual(look(), { state: 'live', reason: 'by hand', since: 0 })
  stop.abort()
  await running
})

test('a log that refuses fails the batch, the books stay true, and the numbers are written down as gaps', async () => {
  const parts = await bench(memory())
  const source = new Hand()
  const stop = new AbortController()
  const running = parts.ingest.run('line1', () => source, stop.signal)
  source.give('1', [raw('a'), raw('b')])
  await until(() => source.told.length === 1)
  parts.log.refuse(new LogError('LOG_FULL', 'Cannot append: the disk is full, want room', { retriable: true }))
  source.give('2', [
    raw('a'),
    { kind: 'dropped', policy: 'expired', address: 'x', payload: Buffer.alloc(0), receivedTime: 1 },
    raw('a'),
  ])
  source.give('3', [reading({ fresh: 1 })])
  await until(() => source.told.length === 3)
  parts.log.refuse(undefined)
  source.give('4', [reading({ fresh: 1 })])
  await until(() => source.told.length === 4)
  assert.deepEqual(source.told, ['ack 1', 'fail 2: LOG_FULL', 'fail 3: LOG_FULL', 'ack 4'])
  stop.abort()
  await running
  const [book] = parts.ledger.view()
  assert.deepEqual(
    [book!.received, book!.stored, book!.dropped, book!.unacknowledged, book!.balanced],
    [7, 3, 1, 3, true],
  )
  await parts.ledger.close()
  const audit = await auditLedger(parts.log, SITE, { full: true })
  assert.deepEqual([audit.reasons, audit.books[0]!.unacknowledged], [[], 3])
  // The definition that could not be written the first time is there the second time.
  assert.equal((await recordsOf(parts.log, 'assets')).length, 1)
})

test('a source that crashes is opened anew, and no other one notices', async () => {
  const parts = await bench(memory())
  const stop = new AbortController()
  const sick = new Hand()
  const healed = new Hand()
  const other = new Hand()
  const opened: Hand[] = []
  const open = () => {
    opened.push(opened.length === 0 ? sick : healed)
    return opened.at(-1)!
  }
  const running = [parts.ingest.run('sick', open, stop.signal), parts.ingest.run('other', () => other, stop.signal)]
  sick.give('1', [raw('a')])
  await until(() => sick.told.length === 1)
  sick.crash = true
  sick.wake()
  await until(() => parts.ingest.health('sick')?.state === 'failed')
  assert.match(parts.ingest.health('sick')!.reason, /started again: boom$/)
  other.give('1', [raw('b')])
  healed.give('2', [raw('a')])
  await until(() => healed.told.length === 1 && other.told.length === 1)
  assert.equal(parts.ingest.health('sick')!.state, 'live')
  assert.equal(parts.ingest.health('nobody'), undefined)
  stop.abort()
  await Promise.all(running)
  assert.deepEqual([opened.length, other.reads, parts.ledger.book('sick').lastSeq], [2, 1, 2])
})

test('a source that throws when it is told a fate does not hold up the others', async () => {
  const parts = await bench(memory())
  const told: string[] = []
  const source: Source = {
    health: () => ({ state: 'live', reason: '', since: 0 }),
    async *read() {
      yield { items: [raw('a')], ack: () => assert.fail('ours'), fail: () => {} }
      yield { items: [raw('a')], ack: () => told.push('second'), fail: () => {} }
    },
  }
  await parts.ingest.run('line1', () => source, new AbortController().signal)
  assert.deepEqual(told, ['second'])
})

test('a stop waits for what is in flight, but not for ever', async () => {
  const log = new MemoryLog({ clock: systemClock, autoFlush: false })
  const opening = bench(log, { graceMs: 30 })
  const flushing = setInterval(() => log.flush(), 1)
  const parts = await opening
  clearInterval(flushing)
  const source = new Hand()
  const stop = new AbortController()
  const running = parts.ingest.run('line1', () => source, stop.signal)
  source.give('1', [raw('a')])
  await until(() => parts.ledger.view()[0]?.inFlight === 1)
  stop.abort()
  await running
  assert.deepEqual(source.told, [])
  assert.equal(parts.ledger.view()[0]!.inFlight, 1)
})

/** Random items of every kind; devices send rising counters, so that order can be checked in the log. */
class Plant {
  readonly acked = new Set<string>()
  readonly #random: Random
  #sent = 0

  constructor(random: Random) {
    this.#random = random
  }

  batch(): { items: Item[]; facts: string[] } {
    const facts: string[] = []
    const items = Array.from({ length: this.#random.integer(6) }, (): Item => {
      const fact = String(++this.#sent).padStart(8, '0')
      const device = this.#random.integer(4)
      const payload = Buffer.from(fact)
      switch (this.#random.integer(6)) {
        case 0:
          return {
            kind: 'dropped',
            policy: device < 2 ? 'expired' : 'retained',
            address: 'x',
            payload,
            receivedTime: 1,
          }
        case 1:
          facts.push(fact)
          return { kind: 'rejected', address: `d${device}`, payload, code: 'BAD_JSON', reason: 'no', receivedTime: 1 }
        case 2:
          facts.push(fact)
          return { kind: 'raw', topic: 'raw', key: `d${device}`, payload, receivedTime: 1 }
        default:
          facts.push(fact)
          return reading({ fact }, { asset: `${SITE}/d${device}` })
      }
    })
    return { items, facts }
  }
}

/** Lets a log flush by chance while something is under way that waits for it. */
async function flushing<T>(log: MemoryLog, work: Promise<T>): Promise<T> {
  const progress = { done: false }
  const finished = work.finally(() => (progress.done = true))
  finished.catch(() => {})
  while (!progress.done) {
    log.flush()
    await turn()
  }
  return finished
}

test('whatever a crash takes: what was acknowledged is in the log, in order, and the books balance', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const random = seededRandom(seed)
      const store = new MemoryStore()
      const plant = new Plant(random)
      for (let life = 0; life < 4; life++) {
        const log = new MemoryLog({ clock: systemClock, autoFlush: false, store })
        const parts = await flushing(log, bench(log, { graceMs: 1 }))
        for (const book of parts.ledger.view()) assert.equal(book.balanced, true)
        await live(parts, plant, random)
        if (random.integer(3) === 0) {
          await flushing(log, parts.ledger.close())
          await log.close()
        } else {
          // Some partitions got to the disk without anybody having been told: the crash leaves holes.
          for (const { partitions } of store.topics.values()) {
            for (const partition of partitions) if (random.integer(2) === 0) partition.makeDurable()
          }
          log.crash()
        }
      }
      const log = new MemoryLog({ clock: systemClock, store })
      const { ledger } = await bench(log)
      await ledger.close()
      const audit = await auditLedger(log, SITE, { full: true })
      assert.deepEqual(audit.reasons, [])
      assert.deepEqual(
        audit.books.map((book) => ({ ...book, missing: 0, disorder: 0, duplicates: 0 })),
        ledger.view().map((book) => ({ ...book, missing: 0, disorder: 0, duplicates: 0, epochs: 1, late: 0 })),
      )
      await assertStored(log, plant)
    }),
    { numRuns: 60 },
  )
})

/** One life of the hub: sources hand over, the log flushes and refuses by chance, checkpoints are written. */
async function live({ log, ledger, ingest }: Bench, plant: Plant, random: Random): Promise<void> {
  const stop = new AbortController()
  const sources = ['s0', 's1'].map((name) => ({ name, hand: new Hand() }))
  const running = sources.map(({ name, hand }) => ingest.run(name, () => hand, stop.signal))
  const batches: { readonly hand: Hand; readonly name: string; readonly facts: string[] }[] = []
  for (let step = random.integer(40); step > 0; step--) {
    const { hand } = sources[random.integer(2)]!
    const { items, facts } = plant.batch()
    const name = `${batches.length}`
    batches.push({ hand, name, facts })
    hand.give(name, items)
    if (random.integer(4) === 0) log.flush()
    if (random.integer(10) === 0) ledger.checkpoint().catch(() => {})
    if (random.integer(12) === 0) {
      log.refuse(random.integer(2) === 0 ? undefined : new LogError('LOG_FULL', 'full', { retriable: true }))
    }
    if (random.integer(2) === 0) await turn()
  }
  log.refuse(undefined)
  await turn()
  stop.abort()
  await Promise.all(running)
  for (const { hand, name, facts } of batches) {
    if (hand.told.includes(`ack ${name}`)) for (const fact of facts) plant.acked.add(fact)
  }
}

async function assertStored(log: Log, plant: Plant): Promise<void> {
  const stored = new Set<string>()
  for (const kind of ['telemetry', 'raw', 'quarantine']) {
    const last = new Map<string, number>()
    for (const record of await recordsOf(log, kind)) {
      const text = Buffer.from(record.value!).toString()
      const fact = kind === 'telemetry' ? (JSON.parse(text) as { texts: { fact: string } }).texts.fact : text
      const { source, seq } = headersOf(record)
      const key = `${source} ${Buffer.from(record.key!).toString()}`
      assert.ok(Number(seq) > (last.get(key) ?? 0), 'numbers of a key rise')
      last.set(key, Number(seq))
      stored.add(fact)
    }
  }
  const lost = [...plant.acked].filter((fact) => !stored.has(fact))
  assert.deepEqual(lost, [])
}
