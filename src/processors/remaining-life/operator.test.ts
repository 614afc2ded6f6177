import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fact } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import type { Value } from '../../model/reading.ts'
import { seededRandom } from '../../system/random.ts'
import { TopologyDriver } from '../../testing.ts'
import { remainingLifeConfig } from './config.ts'
import { lifeLearner } from './learner.ts'
import { remainingLifeSpec } from './spec.ts'

const T0 = 1_732_287_000_000
const HOUR = 3_600_000
const ASSET = 'acme/berlin/press-shop/pump1'

function driver(config: object): TopologyDriver {
  const parsed = remainingLifeConfig.parse(config)
  return new TopologyDriver(remainingLifeSpec.topology(parsed, { name: 'pumps', site: 'acme/berlin' }))
}

function reading(hours: number, values: { readonly [tag: string]: Value | null }, asset = ASSET): Fact {
  const time = T0 + hours * HOUR
  return { kind: 'reading', reading: { asset, sourceTime: time, receivedTime: time, values } }
}

function event(type: string, hours: number, asset = ASSET): Fact {
  const time = T0 + hours * HOUR
  const event = { id: `${type}-${hours}`, type, asset, time, receivedTime: time, source: 'mes', data: null }
  return { kind: 'event', event }
}

const number = (value: unknown) => value as number
const facts = (outputs: readonly { readonly fact: Fact }[]) => outputs.map(({ fact }) => fact)
const readings = (all: readonly Fact[]) => all.flatMap((fact) => (fact.kind === 'reading' ? [fact.reading] : []))
const advices = (all: readonly Fact[]) =>
  all.flatMap((fact) => (fact.kind === 'event' ? [fact.event.data as { readonly [name: string]: Json }] : []))

/** A pump that vibrates a little more every hour, in noise; its limit is reached after 200 h. */
function vibration(hours: number): number {
  return 2 + hours * 0.0255 + 0.2 * Math.sin(hours * 1.7) + 0.1 * Math.sin(hours * 0.31)
}

const PUMPS = { tags: 'vibration', limit: { above: 7.1 }, horizon: '3d', costs: { planned: 400, failure: 2500 } }

/** All that is said in the hours, with a restart after every so many of them; 0: without. */
function life(hours: number, restartEvery: number): Fact[] {
  let plant = driver(PUMPS)
  const kept = new Map<string, ReturnType<TopologyDriver['changes']>[number]>()
  return Array.from({ length: hours }, (_, hour) => {
    const said = facts(plant.send(reading(hour, { vibration: vibration(hour) })))
    if (restartEvery > 0 && hour % restartEvery === 0) {
      for (const key of plant.changes()) kept.set(key.key, key)
      const saved = JSON.parse(JSON.stringify([...kept.values()])) as typeof kept extends Map<string, infer K>
        ? K[]
        : never
      plant = driver(PUMPS)
      plant.restore(saved)
    }
    return said
  }).flat()
}

test('what is left comes down to nothing, in an interval that becomes narrow, and maintenance is advised in time', () => {
  const said = life(195, 0)
  const told = readings(said).map(({ values, sourceTime }) => ({ hour: (sourceTime - T0) / HOUR, values }))
  const at150 = told.find(({ hour }) => hour === 150)!.values
  assert.ok(Math.abs(number(at150['life.left']) - 48) < 12)
  assert.ok(number(at150['life.left.low']) < number(at150['life.left']))
  assert.ok(number(at150['life.left.high']) > number(at150['life.left']))
  assert.equal(at150['life.age'], 150)
  assert.ok(number(at150['life.failure']) > 0.7, 'it is likely to fail within three days')
  const [first, ...more] = advices(said)
  assert.equal(first!['action'], 'plan')
  assert.ok(more.length < 8, `${more.length + 1} advices in 195 h`)
  assert.equal(advices(said).at(-1)!['action'], 'now')
  const late = advices(said).find(({ age }) => number(age) > 100)!
  const due = (Date.parse(late['due'] as string) - T0) / HOUR
  assert.ok(due > 140 && due < 195, `due at ${due} h, of 193 that it lasts`)
  assert.ok((first!['costOfWaiting'] as number) > 0)
  assert.match(first!['why'] as string, /^it fails within 72 h with probability/)
  assert.deepEqual(Object.keys(first!), [
    'key',
    'action',
    'why',
    'unit',
    'until',
    'due',
    'costOfWaiting',
    'failure',
    'horizon',
    'age',
    'left',
  ])
})

test('killed and started again at any step, it says the same, bit by bit', () => {
  const without = life(120, 0)
  assert.ok(without.length > 100)
  for (const every of [1, 7]) assert.deepEqual(life(120, every), without)
})

test('maintenance makes it new, once, and takes back what was said', () => {
  const plant = driver(PUMPS)
  for (let hour = 0; hour < 180; hour += 1) plant.send(reading(hour, { vibration: vibration(hour) }))
  const done = facts(plant.send(event('maintenance.done', 180)))
  assert.deepEqual(readings(done)[0]!.values, {
    'life.left': null,
    'life.left.low': null,
    'life.left.high': null,
    'life.failure': null,
  })
  assert.deepEqual(advices(done), [{ key: 'pumps', action: 'none', why: 'maintenance is done' }])
  assert.deepEqual(facts(plant.send(event('maintenance.done', 180))), [])
  const after = Array.from({ length: 60 }, (_, hour) => plant.send(reading(181 + hour, { vibration: vibration(hour) })))
  const told = readings(after.flatMap(facts)).at(-1)!
  assert.equal(told.values['life.age'], 59)
  assert.ok(number(told.values['life.left']) > 80)
  assert.deepEqual(facts(plant.send(event('order.started', 300))), [])
})

test('it is not foretold more often than is asked for', () => {
  const plant = driver({ ...PUMPS, every: '24h' })
  const said = Array.from({ length: 121 }, (_, hour) => plant.send(reading(hour, { vibration: vibration(hour) })))
  const hours = readings(said.flatMap(facts)).map(({ sourceTime }) => (sourceTime - T0) / HOUR)
  assert.ok(hours.length >= 4)
  assert.ok(hours.slice(1).every((hour, at) => hour === hours[at]! + 24))
})

test('a horizon in time is taken into the unit of use by how fast it is used', () => {
  const cells = { tags: 'capacity', limit: { below: 1.4 }, age: 'cycle', horizon: '40h' }
  const plant = driver(cells)
  const said = Array.from({ length: 122 }, (_, cycle) =>
    facts(plant.send(reading(4 * cycle, { cycle, capacity: 1.9 - 0.004 * cycle + 0.004 * Math.sin(cycle * 2.3) }))),
  ).flat()
  const [advice] = advices(said)
  assert.equal(advice!['unit'], 'cycle')
  assert.equal(advice!['horizon'], 10)
})

test('before a model was learned nothing is said, and nothing kept', () => {
  const plant = driver({ tags: ['a', 'b'] })
  assert.deepEqual(facts(plant.send(reading(0, { a: 1, b: 2 }))), [])
  assert.deepEqual(plant.changes(), [])
})

/** A pump of the fleet from new to its failure: `wear` grows until it is 1, at a pace of its own. */
function* fleet(seed: number, units: number): Generator<Fact> {
  const random = seededRandom(seed)
  for (let unit = 0; unit < units; unit += 1) {
    const asset = `acme/berlin/press-shop/pump${unit}`
    const pace = 0.02 + 0.02 * random.next()
    let hour = 0
    for (let wear = 0; wear < 1; wear += pace, hour += 1) {
      const heat = 40 + 20 * wear + random.next()
      // Two messages a row, as sensors of their own send them.
      yield reading(hour, { heat }, asset)
      yield reading(hour, { flow: 9 - 3 * wear + 0.2 * random.next() }, asset)
    }
    yield event('machine.failed', hour, asset)
  }
}

test('learned from the past of a fleet, it knows how much is left of another one', () => {
  const config = { tags: ['heat', 'flow'], horizon: 10 }
  const learner = lifeLearner(remainingLifeConfig.parse(config))
  const past = [...fleet(1, 30)]
  for (const fact of past) learner.take(fact, fact.kind === 'reading' ? fact.reading.sourceTime : 0)
  const { file, said } = learner.learned()
  assert.equal(said['units'], 30)
  assert.deepEqual(said['used'], ['heat', 'flow'])
  const again = lifeLearner(remainingLifeConfig.parse(config))
  for (const fact of past) again.take(fact, fact.kind === 'reading' ? fact.reading.sourceTime : 0)
  assert.equal(JSON.stringify(again.learned().file), JSON.stringify(file))

  const plant = driver({ ...config, model: JSON.stringify(file) })
  const errors: number[] = []
  for (const fact of fleet(2, 10)) {
    const told = readings(facts(plant.send(fact))).at(-1)
    const left = told?.values['life.left']
    if (typeof left !== 'number') continue
    const end = [...lengths].find(([asset]) => asset === told!.asset)![1]
    errors.push(Math.abs((told!.sourceTime - T0) / HOUR + left - end))
  }
  assert.ok(errors.length > 200)
  const mean = errors.reduce((sum, one) => sum + one, 0) / errors.length
  assert.ok(mean < 4, `mean error ${mean} h of lives of some 35`)
})

/** Hours that the pumps of the second fleet last. */
const lengths = new Map(
  [...fleet(2, 10)].flatMap((fact) =>
    fact.kind === 'event' ? [[fact.event.asset, (fact.event.time - T0) / HOUR] as const] : [],
  ),
)
