import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Keyed, Operator, StepContext, Topology } from '../../component/topology.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { MemoryStore } from '../../log/memory/memory-store.ts'
import { LogError, type NewRecord } from '../../log/log.ts'
import { topicSpec } from '../../log/topics.ts'
import { Catalogue } from '../../model/catalogue.ts'
import { encodeEvent } from '../../model/event-record.ts'
import type { Json } from '../../model/json-value.ts'
import { encodeRecord } from '../../model/record.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { seededRandom, type Random } from '../../system/random.ts'
import { TopologyRun } from './run.ts'
import { ownTopics } from './stage-topics.ts'
import { until } from '../../../test/until.ts'

const SITE = 'acme/berlin'
const PARTITIONS = 4
const T0 = 1_732_287_000_000
const SEED = Number(process.env['SEED'] ?? Date.now())
const KILLS = Number(process.env['PROCESSOR_KILLS'] ?? 25)
const RECORDS = Number(process.env['PROCESSOR_RECORDS'] ?? 6_000)
const INTERVAL_MS = 50
/** What a hub appends before it is killed: so much at most that the kills are spread over all of the records. */
const MOST_APPENDS = Math.ceil(RECORDS / KILLS / 6)
/** By then every window and timer of the last record is over. */
const END = T0 + RECORDS * INTERVAL_MS + 3_600_000

/** Sums within 5 s of event time, says the sum with the last order of the asset, and tells the line. */
const sums: Operator<{ sum: number; count: number; order: string }> = {
  create: () => ({ sum: 0, count: 0, order: '' }),
  take(state, fact, context) {
    if (fact.kind === 'event') state.order = (fact.event.data as { order: string }).order
    if (fact.kind !== 'reading') return
    if (state.count === 0) context.setTimer('close', Math.floor(context.time / 5_000) * 5_000 + 5_000)
    state.sum += fact.reading.values['x'] as number
    state.count += 1
  },
  due(state, _timer, context) {
    const values = { sum: state.sum, count: state.count, order: state.order }
    context.emit({ kind: 'reading', reading: reading(context, context.key, values) })
    const line = context.key.slice(0, context.key.lastIndexOf('/'))
    const { time, received: receivedTime } = context
    context.emit({ kind: 'keyed', key: line, time, receivedTime, data: { sum: state.sum } })
    if (state.sum % 7 === 0) {
      const alarm = { asset: context.key, alarm: 'seven', action: 'raise', time, priority: 'low' } as const
      context.emit({ kind: 'alarm', alarm })
    }
    state.sum = 0
    state.count = 0
  },
  save: ({ sum, count, order }) => [sum, count, order],
  restore: (json: Json) => {
    const [sum, count, order] = json as [number, number, string]
    return { sum, count, order }
  },
}

/** The sum of a line within a minute, said half a minute later: what is on its way by then is in it. */
const lines: Operator<{ sums: { [minute: string]: number } }> = {
  create: () => ({ sums: {} }),
  take(state, fact, context) {
    const minute = Math.floor((context.time - 1) / 60_000) * 60_000
    state.sums[minute] = (state.sums[minute] ?? 0) + ((fact as Keyed).data as { sum: number }).sum
    context.setTimer(String(minute), minute + 90_000)
  },
  due(state, minute, context) {
    context.emit({
      kind: 'reading',
      reading: { ...reading(context, context.key, { sum: state.sums[minute]! }), receivedTime: 0 },
    })
    delete state.sums[minute]
  },
  save: ({ sums: open }) => open,
  restore: (json: Json) => ({ sums: { ...(json as { [minute: string]: number }) } }),
}

function reading({ time, received }: StepContext, asset: string, values: { [tag: string]: number | string }) {
  return { asset, sourceTime: time, receivedTime: received, values }
}

const TOPOLOGY: Topology = {
  name: 'sums',
  stages: [
    {
      name: 'machines',
      from: [{ topic: 'telemetry', on: ['line1/*', 'line2/*'] }, { topic: 'events' }],
      steps: [{ name: 'sum', does: 'sum', with: {}, operator: sums }],
    },
    {
      name: 'lines',
      from: [{ topic: 'keyed' }],
      steps: [{ name: 'line', does: 'line', with: {}, operator: lines }],
    },
  ],
}

/** A log whose hub is killed at its n-th append: nothing of it, or all of it, is there afterwards, and nothing is heard. */
class MortalLog extends MemoryLog {
  readonly died = Promise.withResolvers<void>()
  #left = Infinity
  #random: Random | undefined

  dieIn(appends: number, random: Random): this {
    this.#left = appends
    this.#random = random
    return this
  }

  override append(topic: string, records: readonly NewRecord[]) {
    this.#left -= 1
    if (this.#left > 0) return super.append(topic, records)
    if (this.#left === 0 && this.#random!.next() < 0.5) void super.append(topic, records)
    this.died.resolve()
    return new Promise<never>(() => {})
  }
}

/** A log that refuses the first thing that is derived. */
class StubbornLog extends MemoryLog {
  refusals = 0

  override append(topic: string, records: readonly NewRecord[]) {
    if (!topic.endsWith('.derived') || this.refusals > 0) return super.append(topic, records)
    this.refusals += 1
    return Promise.reject(new LogError('REFUSED', 'Cannot append', { retriable: false }))
  }
}

async function filled(random: Random): Promise<MemoryStore> {
  const store = new MemoryStore()
  const log = new MemoryLog({ clock: systemClock, store })
  const kinds = ['telemetry', 'derived', 'events', 'alarms'] as const
  await log.ensure(kinds.map((kind) => topicSpec(SITE, kind, PARTITIONS)))
  await log.ensure(ownTopics(SITE, TOPOLOGY, PARTITIONS))
  for (let n = 0; n < RECORDS; n += 1) {
    const received = T0 + n * INTERVAL_MS
    const asset = `${SITE}/line${1 + random.integer(3)}/m${random.integer(6)}`
    if (random.next() < 0.02) {
      const data = { order: `o${n}` }
      const event = {
        id: `e${n}`,
        type: 'order.started',
        asset,
        time: received,
        receivedTime: received,
        source: 'mes',
        data,
      }
      await log.append('acme.berlin.events', [encodeEvent(event)])
    }
    const sourceTime = received - random.integer(3) * 400
    const value = encodeRecord({ asset, sourceTime, receivedTime: received, values: { x: random.integer(10) } })
    await log.append('acme.berlin.telemetry', [{ key: asset, value, timestamp: received }])
  }
  return store
}

function start(t: TestContext, log: MemoryLog, hub?: string) {
  const system = { clock: systemClock, random: seededRandom(1), logger: silentLogger, metrics: new Metrics() }
  const stop = new AbortController()
  const run = new TopologyRun({
    log,
    catalogue: new Catalogue(),
    site: SITE,
    topology: TOPOLOGY,
    partitions: PARTITIONS,
    system,
    commitMs: 5,
    sessionMs: 400,
    ...(hub !== undefined && { holder: { hub, run: `${hub}-${Math.random()}` } }),
  })
  const ended = run.run(stop.signal)
  const end = async () => {
    stop.abort()
    await ended
    await log.close()
  }
  t.after(() => stop.abort())
  return { run, end, stop }
}

/** Everything that was derived, by topic and key, in order; of the lines without where in the log their causes lie. */
async function derived(store: MemoryStore): Promise<string[]> {
  const log = new MemoryLog({ clock: systemClock, store })
  const byKey = new Map<string, string[]>()
  for (const kind of ['derived', 'alarms']) {
    const topic = `acme.berlin.${kind}`
    const ends = await log.ends(topic)
    const positions = ends.map(({ partition }) => ({ topic, partition, offset: 0 }))
    for await (const { records } of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
      for (const { key, value, headers, timestamp } of records) {
        const isLine = Buffer.from(key!).toString().split('/').length === 3
        const parts = isLine
          ? []
          : [timestamp, ...headers.map(([name, text]) => `${name}=${Buffer.from(text).toString()}`)]
        const place = `${kind} ${Buffer.from(key!).toString()}`
        byKey.set(place, [...(byKey.get(place) ?? []), `${Buffer.from(value!).toString()} ${parts.join(' ')}`])
      }
    }
  }
  return [...byKey]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([place, texts]) => texts.map((text) => `${place} ${text}`))
}

/** Lets a hub run until all its tasks have taken everything, and the time after it has passed; or the signal aborts. */
async function settled(run: TopologyRun, signal?: AbortSignal): Promise<void> {
  while (run.status().reached < END) {
    if (signal?.aborted === true) return
    await sleep(20)
  }
}

async function uninterrupted(t: TestContext, random: Random): Promise<string[]> {
  const store = await filled(random)
  const { run, end } = start(t, new MemoryLog({ clock: systemClock, store }))
  await settled(run)
  await end()
  return derived(store)
}

test('killed again and again, in the middle of anything, it derives what an uninterrupted run derives', async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const whole = await uninterrupted(t, seededRandom(SEED))
  assert.ok(whole.length > 800, `${whole.length}`)
  const random = seededRandom(SEED + 1)
  const store = await filled(seededRandom(SEED))
  let kills = 0
  for (; kills < KILLS; kills += 1) {
    const log = new MortalLog({ clock: systemClock, store }).dieIn(1 + random.integer(MOST_APPENDS), random)
    const { run, stop } = start(t, log)
    const done = settled(run, stop.signal).then(() => 'settled')
    if ((await Promise.race([log.died.promise, done])) === 'settled') break
    stop.abort()
  }
  t.diagnostic(`${kills} kills, ${whole.length} derived`)
  assert.ok(kills > KILLS / 5, `${kills} kills`)
  const { run, end } = start(t, new MemoryLog({ clock: systemClock, store }))
  await settled(run)
  await end()
  assert.deepEqual(await derived(store), whole)
})

test('hubs that come, go and die share its tasks, and together derive the same', async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const whole = await uninterrupted(t, seededRandom(SEED))
  const random = seededRandom(SEED + 2)
  const store = await filled(seededRandom(SEED))
  const open = () => new MortalLog({ clock: systemClock, store })
  const one = start(t, open(), 'one')
  const mortal = open().dieIn(10 + random.integer(60), random)
  const two = start(t, mortal, 'two')
  await Promise.race([mortal.died.promise, sleep(5_000)])
  void mortal.close()
  two.stop.abort()
  const three = start(t, open(), 'three')
  await until(() => three.run.status().tasks.here !== 0)
  const { tasks } = three.run.status()
  assert.equal(tasks.all, 2 * PARTITIONS)
  await one.end()
  await settled(three.run)
  await three.end()
  assert.deepEqual(await derived(store), whole)
})

test('a task that failed and goes on from its changelog is not said to have failed any more', async (t) => {
  const store = await filled(seededRandom(SEED))
  const log = new StubbornLog({ clock: systemClock, store })
  const { run, end } = start(t, log)
  const ends = await log.ends('acme.berlin.telemetry')
  const isThere = () =>
    ends.every(({ partition, end: offset }) =>
      run.status().positions.some((at) => {
        return at.topic === 'acme.berlin.telemetry' && at.partition === partition && at.offset === offset
      }),
    )
  await until(() => isThere() && run.status().health.state !== 'starting')
  assert.equal(log.refusals, 1)
  assert.equal(run.status().health.reason, `Runs ${2 * PARTITIONS} tasks`)
  await end()
})
