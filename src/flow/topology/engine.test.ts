import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fact, Operator, Step } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { seededRandom } from '../../system/random.ts'
import { StageEngine, type Output } from './engine.ts'

const T0 = 1_732_287_000_000
const ASSET = 'acme/berlin/line1/press1'

function reading(time: number, value: number, { asset = ASSET, received = time } = {}): Fact {
  return { kind: 'reading', reading: { asset, sourceTime: time, receivedTime: received, values: { x: value } } }
}

/** Says 10 s of event time after the last positive value how many there were; forgets them at a negative one. */
const counter: Operator<{ count: number }> = {
  create: () => ({ count: 0 }),
  take(state, fact, context) {
    if (fact.kind !== 'reading') return
    const x = fact.reading.values['x'] as number
    if (x === 13) throw new Error('unlucky')
    state.count = x < 0 ? 0 : state.count + 1
    if (x < 0) context.clearTimer('quiet')
    else context.setTimer('quiet', context.time + 10_000)
  },
  due(state, timer, context) {
    const { key: asset, time, received } = context
    const values = { count: state.count }
    assert.equal(timer, 'quiet')
    state.count = 0
    context.emit({ kind: 'reading', reading: { asset, sourceTime: time, receivedTime: received, values } })
  },
  save: ({ count }) => count,
  restore: (json: Json) => ({ count: json as number }),
  isIdle: ({ count }) => count === 0,
}

const double: Operator<null> = {
  create: () => null,
  take(_state, fact, context) {
    context.emit(fact)
    context.emit(fact)
  },
}

const steps: Step[] = [{ name: 'count', does: 'counter', with: {}, operator: counter }]

function place(fact: Fact, offset: number) {
  const received = fact.kind === 'reading' ? fact.reading.receivedTime : 0
  return { fact, cause: `t/0/${offset}`, received }
}

function told(outputs: readonly Output[]): unknown[] {
  return outputs.map(({ fact, cause, received }) => {
    assert.equal(fact.kind, 'reading')
    const { sourceTime, values } = fact.reading
    return [sourceTime - T0, values, cause.replaceAll(String(T0), 'T').replace(/@\d+/, '@'), received - T0]
  })
}

test('a timer fires by the clock of its key, at its own time, before whatever comes later', () => {
  const engine = new StageEngine({ steps })
  engine.take(place(reading(T0, 1), 0))
  engine.take(place(reading(T0 + 4_000, 1), 1))
  assert.deepEqual(told(engine.drain()), [])
  engine.take(place(reading(T0 + 20_000, 1), 2))
  assert.deepEqual(told(engine.drain()), [[14_000, { count: 2 }, 't/0/1/count.quiet@/0', 14_000]])
})

test('a silent key goes on with the received times of its partition, by its own clock', () => {
  const engine = new StageEngine({ steps })
  // Its clock is an hour behind.
  engine.take(place(reading(T0 - 3_600_000, 1, { received: T0 }), 0))
  engine.take(place(reading(T0 + 9_000, -1, { asset: 'acme/berlin/other' }), 1))
  assert.deepEqual(told(engine.drain()), [])
  engine.advance(T0 + 10_000)
  assert.deepEqual(told(engine.drain()), [[-3_590_000, { count: 1 }, 't/0/0/count.quiet@/0', 10_000]])
})

test('a clock that is ahead is not believed', () => {
  const engine = new StageEngine({ steps })
  engine.take(place(reading(T0 + 900_000_000, 1, { received: T0 }), 0))
  engine.advance(T0 + 10_000)
  assert.deepEqual(told(engine.drain()), [[10_000, { count: 1 }, 't/0/0/count.quiet@/0', 10_000]])
})

test('a clock that was never set, with fractions that do not add up, fires all the same', () => {
  const random = seededRandom(1)
  const fired: number[] = []
  const operator: Operator<null> = {
    create: () => null,
    take: (_state, _fact, context) => context.setTimer('soon', context.time + random.next()),
    due: (_state, _timer, context) => void fired.push(context.time),
  }
  for (let index = 1; index <= 100; index++) {
    const engine = new StageEngine({ steps: [{ name: 'one', does: 'one', with: {}, operator }] })
    engine.take(place(reading(random.next(), 1, { received: T0 }), 0))
    engine.advance(T0 + 2)
    assert.equal(fired.length, index)
  }
})

test('a past that is sent in one go fires in its own order, and not in the future', () => {
  const engine = new StageEngine({ steps })
  for (const at of [0, 60_000, 120_000])
    engine.take(place(reading(T0 - 300_000 + at, 1, { received: T0 }), at / 60_000))
  assert.deepEqual(told(engine.drain()), [
    [-290_000, { count: 1 }, 't/0/0/count.quiet@/0', 0],
    [-230_000, { count: 1 }, 't/0/1/count.quiet@/0', 0],
  ])
})

test('what throws has emitted nothing and harms only its fact', () => {
  const faults: string[] = []
  const engine = new StageEngine({ steps: [{ ...steps[0]!, name: 'double', operator: double }, ...steps] }, (fault) => {
    faults.push(`${fault.key} ${fault.cause} ${String(fault.error)}`)
  })
  engine.take(place(reading(T0, 13), 0))
  engine.take(place(reading(T0, 1), 1))
  engine.advance(T0 + 10_000)
  assert.deepEqual(faults, [`${ASSET} t/0/0 Error: unlucky`])
  assert.deepEqual(told(engine.drain()), [[10_000, { count: 2 }, 't/0/1/count.quiet@/0', 10_000]])
})

test('outputs are numbered under their cause', () => {
  const engine = new StageEngine({ steps: [{ ...steps[0]!, operator: double }] })
  engine.take(place(reading(T0, 1), 7))
  assert.deepEqual(
    engine.drain().map(({ cause }) => cause),
    ['t/0/7/0', 't/0/7/1'],
  )
})

test('a key of which nothing is known any more is let go, and the changelog is told', () => {
  const engine = new StageEngine({ steps })
  engine.take(place(reading(T0, 1), 0))
  assert.deepEqual(
    engine.changes().map(({ key, state }) => [key, state?.steps]),
    [[ASSET, { count: 1 }]],
  )
  engine.take(place(reading(T0 + 1, -1), 1))
  assert.equal(engine.keys, 0)
  assert.deepEqual(engine.changes(), [{ key: ASSET, state: null }])
  assert.deepEqual(engine.changes(), [])
})

test('killed and restored anywhere, with or without ticks of the wall clock, the outputs are the same', () => {
  const seed = Number(process.env['SEED'] ?? Date.now())
  const random = seededRandom(seed)
  const facts = Array.from({ length: 400 }, (_, index) => {
    const received = T0 + index * 1_500
    const asset = `acme/berlin/m${Math.floor(random.next() * 3)}`
    const late = random.next() < 0.2 ? random.next() * 30_000 : 0
    return reading(received - late, random.next() < 0.1 ? -1 : 1, { asset, received })
  })
  const whole = run(
    facts,
    () => false,
    () => false,
  )
  assert.ok(whole.length > 20)
  const killed = run(
    facts,
    () => random.next() < 0.3,
    () => random.next() < 0.5,
  )
  assert.deepEqual(killed, whole, `SEED=${seed}`)
})

/** Outputs of all facts by key; the engine is thrown away and restored, and the clock ticks, where they are said to. */
function run(facts: readonly Fact[], dies: () => boolean, ticks: () => boolean): string[] {
  let engine = new StageEngine({ steps })
  const kept = new Map<string, ReturnType<StageEngine['changes']>[number]>()
  const outputs: Output[] = []
  facts.forEach((fact, offset) => {
    const placed = place(fact, offset)
    if (ticks()) engine.advance(placed.received - 700)
    engine.take(placed)
    outputs.push(...engine.drain())
    if (!dies()) return
    for (const saved of engine.changes()) kept.set(saved.key, JSON.parse(JSON.stringify(saved)))
    const restored = new StageEngine({ steps })
    restored.restore(kept.values(), engine.received)
    engine = restored
  })
  return outputs.map((output) => JSON.stringify(output)).sort()
}

test('what is stored late after a restart is said no earlier than what the next stage was told', () => {
  const engine = new StageEngine({ steps: [{ ...steps[0]!, operator: double }] })
  engine.restore([], T0 + 5_000)
  engine.take(place(reading(T0, 1), 0))
  assert.deepEqual(
    engine.drain().map(({ received }) => received - T0),
    [5_000, 5_000],
  )
})
