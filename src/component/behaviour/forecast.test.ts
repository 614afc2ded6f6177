import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BehaviourDefinition } from '../../model/behaviour.ts'
import type { TagDefinition } from '../../model/definition.ts'
import type { Value } from '../../model/reading.ts'
import { behaviourFaults, compileBehaviour } from './behaviour.ts'
import { ForecastError, MOST_POINTS, runForecast, type Forecast, type ForecastStep } from './forecast.ts'

const NUMBER: TagDefinition = { type: 'number', kind: 'gauge' }
const TAGS = new Map<string, TagDefinition>([
  ['energy', NUMBER],
  ['temperature', NUMBER],
  ['setpoint', NUMBER],
  ['a', NUMBER],
  ['b', NUMBER],
  ['cycles', { type: 'int64', kind: 'counter' }],
  ['state', { type: 'string', kind: 'state' }],
])
const FROM = 1_700_000_000_000

type Parts = { readonly [name: string]: string }

function definition(tags: Parts, { stepMs = 1_000, reaches = {}, totals = {} }: Options = {}): BehaviourDefinition {
  const maps = { tags: entries(tags), reaches: entries(reaches), totals: entries(totals) }
  return { stepMs, horizonMs: 60_000, ...maps }
}

interface Options {
  readonly stepMs?: number
  readonly reaches?: Parts
  readonly totals?: Parts
}

function entries(parts: Parts): Map<string, string> {
  return new Map(Object.entries(parts))
}

/** Runs to the end. */
function run(behaviour: BehaviourDefinition, start: { readonly [tag: string]: Value }, horizonMs: number) {
  const steps: ForecastStep[] = []
  const running = runForecast(compileBehaviour(behaviour, TAGS), new Map(Object.entries(start)), {
    from: FROM,
    horizonMs,
  })
  for (let next = running.next(); ; next = running.next()) {
    if (next.done === true) return { steps, forecast: next.value satisfies Forecast }
    steps.push(next.value)
  }
}

test('what grows evenly grows exactly: 90 kW for an hour are 90 kWh', () => {
  const behaviour = definition(
    { energy: "energy + (state == 'Execute' ? 90.0 : 0.0) * dt / 3600.0" },
    { stepMs: 10_000, totals: { energy: 'energy' } },
  )
  const working = run(behaviour, { energy: 1000, state: 'Execute' }, 3_600_000).forecast
  assert.deepEqual(working.totals, [{ name: 'energy', tag: 'energy', value: 90 }])
  assert.deepEqual(working.points.get('energy')!.slice(0, 3), [
    [FROM, 1000],
    [FROM + 10_000, 1000.25],
    [FROM + 20_000, 1000.5],
  ])
  assert.deepEqual(working.points.get('energy')!.at(-1), [FROM + 3_600_000, 1090])
  assert.equal(working.to, FROM + 3_600_000)
  assert.equal(run(behaviour, { energy: 1000, state: 'Held' }, 3_600_000).forecast.totals[0]!.value, 0)
})

test('what approaches its aim is the power of the factor of one step, bit for bit as reckoned by hand', () => {
  const behaviour = definition({ temperature: 'temperature + (setpoint - temperature) * dt / 8.0' }, { stepMs: 2_000 })
  const { steps } = run(behaviour, { temperature: 16, setpoint: 80 }, 10_000)
  // 80 - 64 * 0.75 ** n: powers of two and three, exact in binary.
  assert.deepEqual(
    steps.map(({ values }) => values.get('temperature')),
    [0, 1, 2, 3, 4, 5].map((n) => 80 - 64 * 0.75 ** n),
  )
})

test('all equations read the step before: two tags change places', () => {
  const { steps } = run(definition({ a: 'b', b: 'a' }), { a: 1, b: 2 }, 3_000)
  assert.deepEqual(
    steps.map(({ values }) => [values.get('a'), values.get('b')]),
    [
      [1, 2],
      [2, 1],
      [1, 2],
      [2, 1],
    ],
  )
})

test('what is reached is told of the first step at which it is true, also of the start; what is not has no time', () => {
  const reaches = { worn: 'a >= 7.0', soon: 'a >= 1.0', never: 'a > 100.0' }
  const { forecast } = run(definition({ a: 'a + 0.5 * dt' }, { reaches }), { a: 4 }, 20_000)
  assert.deepEqual(forecast.reaches, [
    { name: 'worn', condition: 'a >= 7.0', at: FROM + 6_000 },
    { name: 'soon', condition: 'a >= 1.0', at: FROM },
    { name: 'never', condition: 'a > 100.0' },
  ])
})

test('counts are reckoned with fractions', () => {
  const { forecast } = run(definition({ cycles: 'cycles + dt / 4.0' }), { cycles: 10 }, 2_000)
  assert.deepEqual(
    forecast.points.get('cycles')!.map(([, value]) => value),
    [10, 10.25, 10.5],
  )
})

test('of many steps so many points are kept, the first and the last among them', () => {
  const { forecast, steps } = run(definition({ a: 'a + 1.0' }), { a: 0 }, 10_001_000)
  assert.equal(steps.length, 10_002)
  const points = forecast.points.get('a')!
  assert.ok(points.length <= MOST_POINTS && points.length > MOST_POINTS / 2, `${points.length} points`)
  assert.deepEqual(
    [points[0], points.at(-1)],
    [
      [FROM, 0],
      [FROM + 10_001_000, 10_001],
    ],
  )
})

test('the same start gives the same forecast', () => {
  const behaviour = definition({ a: 'a + sqrt(b) * dt', b: 'b * 1.001 + a / 1000.0' }, { reaches: { far: 'a > 40.0' } })
  const once = run(behaviour, { a: 0.1, b: 0.2 }, 60_000)
  assert.deepEqual(run(behaviour, { a: 0.1, b: 0.2 }, 60_000), once)
})

test('an equation that has no value, or one that is no number, ends it with the tag and the moment', () => {
  const ends = (tags: Parts, start: { readonly [tag: string]: Value }, message: RegExp) =>
    assert.throws(
      () => run(definition(tags), start, 5_000),
      (error) => error instanceof ForecastError && message.test(error.message),
    )
  ends(
    { a: 'a / (b - b)' },
    { a: 1, b: 1 },
    /^Cannot forecast tag "a" beyond 2023-11-14T22:13:20.000Z: .*want a number$/,
  )
  ends({ a: 'a % int(b)' }, { a: 1, b: 0 }, /^Cannot forecast tag "a" beyond/)
  ends({ a: 'a * a * a' }, { a: 1e100 }, /its equation yields Infinity, want a number$/)
})

test('what does not fit the tags of the model is told with its place', () => {
  const faults = (tags: Parts, options?: Options, model = TAGS) =>
    [...behaviourFaults(definition(tags, options), model)].map(({ path, message }) => `${path.join('.')}: ${message}`)
  assert.deepEqual(faults({ a: 'a + dt' }, { reaches: { far: 'a > 1.0' }, totals: { grown: 'a' } }), [])
  assert.deepEqual(faults({ energi: 'energy' }), [
    'tags.energi: Cannot forecast tag "energi": it is not in the model, want one of energy, temperature, setpoint, a, b, cycles, state',
  ])
  assert.deepEqual(faults({ state: '1.0' }), [
    'tags.state: Cannot forecast tag "state": it is of type string, want number or int64',
  ])
  assert.match(
    faults({ a: 'a + energi * dt' })[0]!,
    /^tags\.a: .*at column 5: there is no tag "energi".*did you mean "energy"\?$/,
  )
  assert.match(faults({ a: 'a > 1.0' })[0]!, /it yields bool, want a number$/)
  assert.match(
    faults({ a: 'a' }, { reaches: { far: 'a' } })[0]!,
    /^reaches\.far: .*it yields double, want true or false$/,
  )
  assert.match(faults({ a: 'a' }, { totals: { b: 'b' } })[0]!, /^totals\.b: .*it has no equation/)
  assert.match(faults({ a: 'a' }, {}, new Map([...TAGS, ['dt', NUMBER]]))[0]!, /^: Cannot use "dt" in equations/)
  assert.match(faults({ a: 'a' }, { stepMs: 0.5 })[0]!, /^horizon: .*120000 steps of 0.5 ms, want at most 100000$/)
})
