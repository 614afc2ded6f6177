import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { deliveryOf } from '../component/selection.ts'
import { Undeliverable, type DeliverySettings, type Outgoing, type Sink } from '../component/sink.ts'
import { topicSpec } from '../log/topics.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { encodeAlarm } from '../model/alarm-record.ts'
import { Catalogue } from '../model/catalogue.ts'
import { systemClock, type Clock } from '../system/clock.ts'
import { silentLogger, type Logger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { seededRandom } from '../system/random.ts'
import { Delivery } from './deliver.ts'
import { until } from '../../test/until.ts'

const SITE = 'acme/berlin'
const TOPIC = 'acme.berlin.alarms'

/** Waits go by at once: what is tested is what is tried, not how long it takes. */
const clock = { ...systemClock, sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(1, signal) }

/** The log's own waits go by ten times as fast. */
const HURRY = 10
const hurried: Clock = {
  ...systemClock,
  monotonic: () => systemClock.monotonic() * HURRY,
  sleep: (ms, signal) => systemClock.sleep(ms / HURRY, signal),
  after: (ms, fn) => systemClock.after(ms / HURRY, fn),
  every: (ms, fn) => systemClock.every(ms / HURRY, fn),
}

/** A sink that does as the test says. */
class TestSink implements Sink {
  readonly taken: number[] = []
  readonly tried: number[][] = []
  closed = false
  readonly #refuse: (numbers: readonly number[]) => Error | undefined

  constructor(refuse: (numbers: readonly number[]) => Error | undefined = () => undefined) {
    this.#refuse = refuse
  }

  deliver(batch: readonly Outgoing[]): Promise<void> {
    const numbers = batch.map(({ fact }) => (fact.kind === 'alarm' ? fact.alarm.time : NaN))
    this.tried.push(numbers)
    const error = this.#refuse(numbers)
    if (error) return Promise.reject(error)
    this.taken.push(...numbers)
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }
}

const SETTINGS = { topics: ['alarms' as const], severity: 'low' as const, from: 'start' as const, retryFor: 60_000 }

async function bench(t: TestContext, given: { clock?: Clock; logger?: Logger } = {}) {
  const log = new MemoryLog({ clock: given.clock ?? systemClock })
  t.after(() => log.close())
  await log.ensure([topicSpec(SITE, 'alarms', 1)])
  const metrics = new Metrics()
  const append = async (
    numbers: readonly number[],
    more: { timestamp?: number; asset?: string; value?: string } = {},
  ) => {
    const asset = more.asset ?? 'acme/berlin/line1/press1'
    const records = numbers.map((time) => ({
      key: asset,
      value: more.value ?? encodeAlarm({ asset, alarm: 'hot', action: 'raise', time, priority: 'high' }),
      timestamp: more.timestamp ?? systemClock.now(),
    }))
    await log.append(TOPIC, records)
  }
  const start = (sink: Sink, settings: DeliverySettings) => {
    const stop = new AbortController()
    const system = { clock, random: seededRandom(1), logger: given.logger ?? silentLogger, metrics }
    const delivery = new Delivery({
      name: 's',
      site: SITE,
      group: `${SITE.replaceAll('/', '.')}.sink.s`,
      log,
      catalogue: new Catalogue(),
      settings,
      sink,
      system,
    })
    const ended = delivery.run(stop.signal)
    const end = async () => {
      stop.abort()
      await ended
    }
    t.after(end)
    return { delivery, end }
  }
  return { log, append, start, metrics }
}

test('facts go out in order, in batches, and a sink goes on where it was', async (t) => {
  const { append, start } = await bench(t)
  await append([1, 2, 3, 4, 5])
  const first = new TestSink()
  const one = start(first, deliveryOf(SETTINGS, 2))
  await until(() => first.taken.length === 5)
  assert.deepEqual(first.tried, [[1, 2], [3, 4], [5]])
  assert.equal(one.delivery.health().state, 'live')
  await until(() => one.delivery.health().reason === `delivered ${TOPIC}/0/4`)
  await one.end()
  assert.deepEqual([first.closed, one.delivery.health().state], [true, 'stopped'])
  await append([6])
  const second = new TestSink()
  start(second, deliveryOf(SETTINGS, 2))
  await until(() => second.taken.length > 0)
  assert.deepEqual(second.taken, [6])
})

test('what fails is tried again, the same batch, before anything else', async (t) => {
  const { append, start } = await bench(t)
  await append([1, 2, 3])
  let fails = 3
  const sink = new TestSink(() => (fails-- > 0 ? new Error('gone') : undefined))
  start(sink, deliveryOf(SETTINGS, 2))
  await until(() => sink.taken.length === 3)
  assert.deepEqual(sink.tried, [[1, 2], [1, 2], [1, 2], [1, 2], [3]])
})

test('what is refused is let go alone, and counted', async (t) => {
  const { append, start, metrics } = await bench(t)
  await append([1, 2, 3])
  const sink = new TestSink((numbers) => (numbers.includes(2) ? new Undeliverable('no such recipient') : undefined))
  start(sink, deliveryOf(SETTINGS, 10))
  await until(() => sink.taken.includes(3))
  assert.deepEqual(sink.taken, [1, 3])
  assert.match(metrics.expose(), /millrace_sink_dropped_total\{.*policy="refused".*\} 1/)
})

test('a batch is not tried for ever', async (t) => {
  const { append, start, metrics } = await bench(t)
  await append([1, 2])
  const sink = new TestSink((numbers) => (numbers.includes(1) ? new Error('gone') : undefined))
  start(sink, deliveryOf({ ...SETTINGS, retryFor: 0 }, 1))
  await until(() => sink.taken.includes(2))
  assert.match(metrics.expose(), /millrace_sink_dropped_total\{.*policy="retries-ended".*\} 1/)
})

test('what is old, of others or not readable does not go out', async (t) => {
  const { append, start, metrics } = await bench(t)
  await append([1], { timestamp: systemClock.now() - 120_000 })
  await append([2], { asset: 'acme/berlin/paint/robot' })
  await append([3], { value: 'no alarm' })
  await append([4])
  const sink = new TestSink()
  start(sink, deliveryOf({ ...SETTINGS, fresh: 60_000, on: ['line1/**'] }, 10))
  await until(() => sink.taken.length > 0)
  assert.deepEqual(sink.taken, [4])
  assert.match(metrics.expose(), /policy="stale".*\} 1/)
  assert.match(metrics.expose(), /policy="undecodable".*\} 1/)
})

test('a new sink begins at the end unless it is told otherwise', async (t) => {
  const { append, start } = await bench(t)
  await append([1])
  const sink = new TestSink()
  start(sink, deliveryOf({ ...SETTINGS, from: 'end' }, 10))
  // A group finds its place a moment after it was started; it begins at the end that is there then.
  for (let number = 2; sink.taken.length === 0; number++) {
    await append([number])
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.ok(sink.taken[0]! > 1)
})

test('who has lost its lease when a batch is delivered delivers it again, and goes on without an end', async (t) => {
  const said: string[] = []
  const keep = (message: string) => void said.push(message)
  const logger = { ...silentLogger, warn: keep, error: keep }
  const { log, append, start } = await bench(t, { clock: hurried, logger })
  await append([1, 2, 3])
  // Nobody who coordinates is heard from the moment of the first delivery until the lease is lost.
  const sink = new TestSink(() => {
    if (sink.tried.length === 1) log.hang(true)
    return undefined
  })
  const { delivery } = start(sink, deliveryOf(SETTINGS, 10))
  await until(() => said.length > 0)
  log.hang(false)
  await until(() => sink.taken.length >= 6)
  await append([4])
  await until(() => sink.taken.includes(4))
  assert.deepEqual(sink.taken.slice(0, 6), [1, 2, 3, 1, 2, 3])
  // On a machine that is busy enough the lease may be lost again.
  assert.deepEqual([...new Set(said)], ['Delivered, but too late to say so: it is delivered again'])
  assert.equal(delivery.health().state, 'live')
})
