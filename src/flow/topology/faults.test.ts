import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Fact, Operator, StepContext, Topology } from '../../component/topology.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { topicSpec } from '../../log/topics.ts'
import { Catalogue } from '../../model/catalogue.ts'
import { encodeRecord } from '../../model/record.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { seededRandom } from '../../system/random.ts'
import { textOf } from '../../system/text.ts'
import { StageEngine, type StepFault } from './engine.ts'
import { TopologyRun } from './run.ts'
import { ownTopics } from './stage-topics.ts'
import { until } from '../../../test/until.ts'

const SITE = 'acme/berlin'
const ASSET = `${SITE}/line1/m1`
const T0 = 1_732_287_000_000
const UNLUCKY = 13

type Bad = (context: StepContext) => void

/** Says every value again, and of the unlucky one something that it may not say. */
function topologyOf(bad: Bad, more: Partial<Operator> = {}): Topology {
  const operator: Operator = {
    create: () => null,
    take(_state, fact, context) {
      if (fact.kind === 'reading' && fact.reading.values['x'] === UNLUCKY) bad(context)
      context.emit(fact)
    },
    ...more,
  }
  const steps = [{ name: 'say', does: 'say', with: {}, operator }]
  return { name: 'says', stages: [{ name: 'only', from: [{ topic: 'telemetry' }], steps }] }
}

/** Lets a processor run over the values 1, 13, 2; answers the values that it has said, and why it is not well. */
async function over(t: TestContext, topology: Topology, values: readonly number[] = [1, UNLUCKY, 2]) {
  const log = new MemoryLog({ clock: systemClock })
  const kinds = ['telemetry', 'derived', 'events', 'alarms'] as const
  await log.ensure(kinds.map((kind) => topicSpec(SITE, kind, 1)))
  await log.ensure(ownTopics(SITE, topology, 1))
  for (const [index, x] of values.entries()) {
    const time = T0 + index
    const value = encodeRecord({ asset: ASSET, sourceTime: time, receivedTime: time, values: { x } })
    await log.append('acme.berlin.telemetry', [{ key: ASSET, value, timestamp: time }])
  }
  const said: string[] = []
  const logger = {
    ...silentLogger,
    warn: (_: string, fields?: object) => said.push(String((fields as StepFault).error)),
  }
  const system = { clock: systemClock, random: seededRandom(1), logger, metrics: new Metrics() }
  const run = new TopologyRun({
    log,
    catalogue: new Catalogue(),
    site: SITE,
    topology,
    partitions: 1,
    system,
    commitMs: 5,
  })
  const stop = new AbortController()
  t.after(() => stop.abort())
  const ended = run.run(stop.signal)
  await until(() => run.status().facts >= values.length)
  stop.abort()
  await ended
  const derived: unknown[] = []
  const positions = [{ topic: 'acme.berlin.derived', partition: 0, offset: 0 }]
  const read = log.read(positions, { signal: new AbortController().signal, untilEnd: true })
  for await (const { records } of read) {
    for (const { value } of records) derived.push((JSON.parse(textOf(value!)) as { values: { x: number } }).values.x)
  }
  return { derived, faults: run.status().faults, said }
}

const reading = (values: object, time = T0) =>
  ({ kind: 'reading', reading: { asset: ASSET, sourceTime: time, receivedTime: time, values } }) as Fact
const timed = { key: 'k', time: T0, receivedTime: T0 }

for (const [what, bad, why] of [
  [
    'a product without a topic for it',
    (context) => context.emit({ kind: 'product', ...timed, data: 1 }),
    /^Error: Cannot write product of "says": it has no topic of its own, want `product` declared$/,
  ],
  [
    'a keyed fact when no stage comes after it',
    (context) => context.emit({ kind: 'keyed', ...timed, data: 1 }),
    /^Error: Cannot write fact of "says": no stage comes after it, want a reading, an event or an alarm$/,
  ],
  ['a fact of no kind', (context) => context.emit({ kind: 'nonsense', time: T0 } as never), /it is of kind "nonsense"/],
  ['nothing', (context) => context.emit(null as never), /^TypeError: /],
  [
    'a reading of nowhere',
    (context) => context.emit({ kind: 'reading', reading: { sourceTime: T0 } } as never),
    /its times are \d+ and undefined/,
  ],
  [
    'a reading of no time',
    (context) => context.emit(reading({ x: 1 }, NaN)),
    /its time is NaN, want ms since the epoch$/,
  ],
  [
    'more than a record holds',
    (context) => context.emit(reading({ x: 'x'.repeat(1_100_000) })),
    /^RangeError: Cannot write fact of "acme\/berlin\/line1\/m1": it has 1100\d\d\d bytes, want at most 1 MiB$/,
  ],
  [
    'what is no JSON',
    (context) => context.emit({ kind: 'alarm', alarm: { asset: ASSET, time: T0, detail: { x: 1n } } } as never),
    /BigInt/,
  ],
] as const satisfies readonly (readonly [string, Bad, RegExp])[]) {
  test(`${what} is a fault of its fact, and the others are taken`, async (t) => {
    const { derived, faults, said } = await over(t, topologyOf(bad))
    assert.equal(faults, 1)
    assert.match(said.join('\n'), why)
    assert.deepEqual(
      derived.filter((x) => x !== UNLUCKY),
      [1, 2],
    )
  })
}

for (const [what, next, times] of [
  ['at its own time', (now: number) => now, 2],
  ['in the past', (now: number) => now - 1_000, 2],
  ['too soon after to ever get on', (now: number) => now + 0.0005, 1],
] as const) {
  test(`a timer that sets the next one ${what} is a fault after 1,000 of them`, () => {
    const { stages } = topologyOf(() => {}, {
      due(_state, timer, context) {
        context.setTimer(timer, next(context.now))
      },
    })
    const faults: StepFault[] = []
    const { operator } = stages[0]!.steps[0]!
    const take: Operator['take'] = (_state, _fact, context) => context.setTimer('again', context.time)
    const steps = [{ ...stages[0]!.steps[0]!, operator: { ...operator, take } }]
    const engine = new StageEngine({ steps }, (fault) => faults.push(fault))
    engine.take({ fact: reading({ x: UNLUCKY }), cause: 't/0/0', received: T0 })
    engine.take({ fact: reading({ x: UNLUCKY }, T0 + 10_000), cause: 't/0/1', received: T0 + 10_000 })
    assert.deepEqual(
      faults.map(({ step, cause, error }) => `${step} ${cause} ${String(error)}`.replace(/due at [\d.]+/, 'due at …')),
      ['t/0/0', 't/0/1']
        .slice(0, times)
        .map(
          (cause) =>
            `say ${cause} RangeError: Cannot set timer "again": 1000 were due at …, each set by the last, want a later time`,
        ),
    )
  })
}

test('a timer that catches up a long silence in steps of its own is none', () => {
  let fired = 0
  const operator: Operator = {
    create: () => null,
    take: (_state, _fact, context) => context.setTimer('minute', context.time + 60_000),
    due(_state, timer, context) {
      fired += 1
      context.setTimer(timer, context.now + 60_000)
    },
  }
  const engine = new StageEngine({ steps: [{ name: 'say', does: 'say', with: {}, operator }] })
  engine.take({ fact: reading({ x: 1 }), cause: 't/0/0', received: T0 })
  engine.advance(T0 + 100_000 * 60_000)
  assert.equal(fired, 100_000)
})

test('a later step is given the believed time of a fact of a wrong clock', () => {
  const times: number[] = []
  const operator: Operator = {
    create: () => null,
    take(_state, fact, context) {
      times.push(context.time - T0)
      context.emit(fact)
    },
  }
  const steps = ['one', 'two'].map((name) => ({ name, does: 'note', with: {}, operator }))
  const engine = new StageEngine({ steps })
  engine.take({ fact: reading({ x: 1 }, T0 + 900_000_000), cause: 't/0/0', received: T0 })
  assert.deepEqual(times, [0, 0])
})

test('a state that is larger than a record is let go, with a fault that names its key and size', async (t) => {
  const topology = topologyOf(() => {}, {
    create: () => ({ text: '' }),
    take(state, fact, context) {
      const { text } = state as { text: string }
      if (fact.kind === 'reading')
        (state as { text: string }).text = text + 'x'.repeat(fact.reading.values['x'] as number)
      context.emit(fact)
    },
    save: (state) => (state as { text: string }).text,
  })
  const { faults, said, derived } = await over(t, topology, [1, 1_100_000])
  assert.deepEqual(derived, [1, 1_100_000])
  assert.equal(faults, 1)
  assert.match(
    said.join('\n'),
    /^RangeError: Cannot keep state of "acme\/berlin\/line1\/m1": it has 110\d{4} bytes as JSON, want at most 1048576; it begins anew$/,
  )
})

test('a key whose state cannot be read begins anew', () => {
  const faults: StepFault[] = []
  const { stages } = topologyOf(() => {}, {
    save: () => null,
    restore() {
      throw new Error('of an older version')
    },
  })
  const engine = new StageEngine(stages[0]!, (fault) => faults.push(fault))
  const state = { time: T0, received: T0, steps: { say: null }, timers: [] }
  engine.restore([{ key: ASSET, state }], T0)
  assert.deepEqual(
    faults.map(({ key, error }) => [key, String(error)]),
    [[ASSET, 'Error: of an older version']],
  )
  engine.take({ fact: reading({ x: 1 }, T0 + 1), cause: 't/0/0', received: T0 + 1 })
  assert.equal(engine.drain().length, 1)
})
