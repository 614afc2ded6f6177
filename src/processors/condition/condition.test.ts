import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Value } from '../../model/reading.ts'
import { short, T0, TestPlant } from '../../../test/processors/condition-plant.ts'

const HOT = 'Check "press7": temperature is 96, want at most 95 (hi)'

test('an expression that holds for long enough is an alarm, at the moment at which it has', () => {
  const plant = new TestPlant('{ when: temperature > 95 for 30s, severity: high }', 'overheating')
  assert.deepEqual(plant.at(0, { temperature: 96.3 }), [])
  assert.deepEqual(plant.at(20, { temperature: 97 }), [])
  const [raised] = plant.at(60, { temperature: 98 })
  assert.deepEqual(raised, {
    asset: 'acme/berlin/press-shop/line1/press7',
    alarm: 'overheating',
    action: 'raise',
    time: T0 + 30_000,
    priority: 'high',
    message: 'Check "press7": temperature is 97; alarm at temperature > 95 for 30s',
    detail: { values: { temperature: 97 }, when: 'temperature > 95 for 30s', since: T0 },
  })
  assert.deepEqual(plant.at(61, { temperature: 95 }), [
    {
      asset: 'acme/berlin/press-shop/line1/press7',
      alarm: 'overheating',
      action: 'clear',
      time: T0 + 61_000,
      detail: { values: { temperature: 95 }, when: 'temperature > 95 for 30s', since: T0 },
    },
  ])
})

test('an alarm is raised though its machine says nothing more', () => {
  const plant = new TestPlant('{ when: temperature > 95 for 30s }')
  plant.at(0, { temperature: 96 })
  assert.deepEqual(plant.until(29).map(short), [])
  assert.deepEqual(plant.until(31).map(short), [
    'raise watch medium @30: Check "press7": temperature is 96; alarm at temperature > 95 for 30s',
  ])
})

test('what holds for less than it must is no alarm', () => {
  const plant = new TestPlant('{ when: temperature > 95 for 30s }')
  for (const [second, temperature] of [
    [0, 96],
    [29, 95],
    [30, 96],
    [59, 90],
  ] as const)
    assert.deepEqual(plant.at(second, { temperature }), [])
  assert.deepEqual(plant.until(1000), [])
})

test('a condition may have another end than its beginning', () => {
  const plant = new TestPlant(
    '{ when: temperature > 95, clear: temperature < 90 for 10s, message: "Cool {asset}: {temperature} Cel" }',
  )
  assert.deepEqual(plant.at(0, { temperature: 96 }).map(short), ['raise watch medium @0: Cool press7: 96 Cel'])
  assert.deepEqual(plant.at(1, { temperature: 91 }), [])
  assert.deepEqual(plant.at(2, { temperature: 89 }), [])
  assert.deepEqual(plant.at(3, { temperature: 92 }), [])
  assert.deepEqual(plant.at(4, { temperature: 89 }), [])
  assert.deepEqual(plant.until(20).map(short), ['clear watch @14'])
})

test('an alarm may latch', () => {
  const plant = new TestPlant('{ when: temperature > 95, latch: true }')
  const told = [
    ...plant.at(0, { temperature: 96 }),
    ...plant.at(1, { temperature: null }),
    ...plant.at(2, { temperature: 90 }),
  ]
  assert.deepEqual(
    told.map(({ action, latch }) => [action, latch]),
    [
      ['raise', true],
      ['update', undefined],
      ['clear', undefined],
    ],
  )
})

test('each limit is an alarm of its own, with a deadband', () => {
  const plant = new TestPlant(
    '{ limits: { value: temperature, hihi: { at: 110, severity: critical }, hi: 95, lo: 5, lolo: 0, deadband: 2 } }',
  )
  const steps: readonly (readonly [temperature: number, ...told: string[]])[] = [
    [95],
    [96, `raise watch.hi medium @1: ${HOT}`],
    [111, 'raise watch.hihi critical @2: Check "press7": temperature is 111, want at most 110 (hihi)'],
    [108.5],
    [108, 'clear watch.hihi @4'],
    [93.5],
    [93, 'clear watch.hi @6'],
    [4, 'raise watch.lo medium @7: Check "press7": temperature is 4, want at least 5 (lo)'],
    [-1, 'raise watch.lolo medium @8: Check "press7": temperature is -1, want at least 0 (lolo)'],
    [1.5],
    [10, 'clear watch.lo @10', 'clear watch.lolo @10'],
  ]
  steps.forEach(([temperature, ...told], second) => {
    assert.deepEqual(plant.at(second, { temperature }).map(short), told)
  })
})

test('a limit may be one of what is worked out', () => {
  const plant = new TestPlant('{ limits: { value: "process - tag(\\"air\\")", lo: 8.6 } }')
  assert.deepEqual(plant.at(0, { process: 308 }), [])
  assert.deepEqual(plant.at(1, { air: 300 }).map(short), [
    'raise watch.lo medium @1: Check "press7": process - tag("air") is 8, want at least 8.6 (lo)',
  ])
})

test('a delay for being over', () => {
  const plant = new TestPlant('{ limits: { value: temperature, hi: 95 }, clearAfter: 10s, for: 5s }')
  plant.at(0, { temperature: 96 })
  assert.deepEqual(plant.at(6, { temperature: 90 }).map(short), [`raise watch.hi medium @5: ${HOT}`])
  plant.at(10, { temperature: 96 })
  plant.at(12, { temperature: 90 })
  assert.deepEqual(plant.until(60).map(short), ['clear watch.hi @22'])
})

test('a Bad value neither raises nor clears, and an active alarm says so', () => {
  const plant = new TestPlant('{ limits: { value: temperature, hi: 95 } }')
  assert.deepEqual(plant.at(0, { temperature: null }), [])
  assert.deepEqual(plant.at(1, { temperature: 96 }).map(short), [`raise watch.hi medium @1: ${HOT}`])
  assert.deepEqual(plant.at(2, { temperature: null }).map(short), [
    'update watch.hi medium @2: Check "press7": temperature is unknown, want at most 95 (hi) (when last known; now temperature is BadSensorFailure)',
  ])
  assert.deepEqual(plant.at(3, { temperature: null }), [])
  assert.deepEqual(plant.at(4, { temperature: 96 }).map(short), [`update watch.hi medium @4: ${HOT}`])
  plant.at(5, { temperature: null })
  assert.deepEqual(plant.at(6, { temperature: 90 }).map(short), ['clear watch.hi @6'])
})

test('time that is not known does not count for a duration, and does not undo it', () => {
  const plant = new TestPlant('{ when: temperature > 95 for 30s }')
  plant.at(0, { temperature: 96 })
  plant.at(20, { temperature: null })
  assert.deepEqual(plant.until(100), [])
  plant.at(100, { temperature: 96 })
  assert.deepEqual(
    plant.at(120, { temperature: 96 }).map((one) => one.time - T0),
    [110_000],
  )
})

test('a value that is too old is not known', () => {
  const plant = new TestPlant('{ when: temperature > 95 && running for 30s, staleAfter: 10s }')
  plant.at(0, { temperature: 96, running: true })
  assert.deepEqual(plant.until(100), [])
  for (const second of [100, 108, 116]) plant.at(second, { temperature: 96, running: true })
  assert.deepEqual(
    plant.at(124, { temperature: 96, running: true }).map((one) => one.time - T0),
    [120_000],
  )
  assert.deepEqual(plant.until(200).map(short), [
    'update watch medium @134: Check "press7": temperature is unknown, running is unknown; alarm at temperature > 95 && running for 30s (when last known; now temperature is stale, its last value is 10000 ms old)',
  ])
})

test('an Uncertain value counts: beyond its range is where an alarm is wanted', () => {
  const plant = new TestPlant('{ limits: { value: temperature, hi: 95 } }')
  assert.equal(plant.at(0, { temperature: 130 }).length, 1)
})

test('a value that comes late changes nothing', () => {
  const plant = new TestPlant('{ limits: { value: temperature, hi: 95 } }')
  plant.at(10, { temperature: 90 })
  assert.deepEqual(plant.at(5, { temperature: 99 }), [])
})

test('a rate of change', () => {
  const plant = new TestPlant('{ rate: { value: temperature, above: 5, per: 1m, over: 2m } }')
  const told = Array.from({ length: 40 }, (_, index) => {
    const temperature = index < 20 ? 20 : 20 + (index - 19) * 2
    return plant.at(index * 10, { temperature })
  }).flat()
  // 2 in 10 s are 12 a minute; over 2 min that is seen when more than 10 have come: 5.0 is not above 5.
  assert.deepEqual(told.map(short), [
    'raise watch medium @250: Check "press7": temperature changes by 6 per 1m, want at most 5',
  ])
})

test('a control chart learns what is right and sees what no limit sees', () => {
  const plant = new TestPlant('{ chart: { value: torque, learn: 50, cusum: {} }, severity: low }')
  const wave = (index: number) => 40 + ((index * 7) % 11) - 5
  const told = Array.from({ length: 120 }, (_, index) =>
    plant.at(index, { torque: wave(index) + (index < 100 ? 0 : 6) }),
  )
  const first = told.findIndex((one) => one.length > 0)
  assert.ok(first >= 103 && first <= 112, `it was told at ${first}`)
  assert.match(
    short(told[first]![0]!),
    /^raise watch low @\d+: Check "press7": torque is \d+: the sum of deviations is too high, want it around \d+\.?\d* \(sigma \d\.\d+\)$/,
  )
})

test('a chart with what is right given, and rules by number', () => {
  const plant = new TestPlant('{ chart: { value: torque, mean: 40, sigma: 1, nelson: [1, 5] } }')
  assert.deepEqual(plant.at(0, { torque: 42.5 }), [])
  assert.deepEqual(plant.at(1, { torque: 43.5 }).map(short), [
    'raise watch medium @1: Check "press7": torque is 43.5: beyond 3 sigma (rule 1), 2 of 3 beyond 2 sigma (rule 5), want it around 40 (sigma 1)',
  ])
  assert.deepEqual(plant.at(2, { torque: 40 }).map(short), ['clear watch @2'])
})

test('values of a chart may be averaged to one point', () => {
  const plant = new TestPlant('{ chart: { value: torque, mean: 40, sigma: 1, group: 4, nelson: [1] } }')
  for (const [second, torque] of [50, 50, 40].entries()) assert.deepEqual(plant.at(second, { torque }), [])
  assert.equal(plant.at(3, { torque: 40 }).length, 1)
})

test('zones of vibration: an alarm in C, a graver one in D', () => {
  const plant = new TestPlant('{ vibration: { value: velocity, group: 2 }, severity: medium }')
  const steps: readonly (readonly [velocity: number, ...told: string[]])[] = [
    [1.4],
    [2.8],
    [2.9, 'raise watch medium @2: Check "press7": velocity is 2.9 mm/s (zone C), want at most 2.8 mm/s'],
    [4.6, 'update watch high @3: Check "press7": velocity is 4.6 mm/s (zone D), want at most 2.8 mm/s'],
    [4.45],
    [4.4, 'update watch medium @5: Check "press7": velocity is 4.4 mm/s (zone C), want at most 2.8 mm/s'],
    [2.75],
    [2.65, 'clear watch @7'],
  ]
  steps.forEach(([velocity, ...told], second) => {
    assert.deepEqual(plant.at(second, { velocity }).map(short), told)
  })
})

const REFUSED: readonly (readonly [config: string, message: RegExp])[] = [
  ['{}', /it has none, want exactly one of when, limits, rate, chart, vibration/],
  ['{ when: a > 1, limits: { value: a, hi: 1 } }', /it has when and limits, want exactly one/],
  ['{ limits: { value: a } }', /Cannot use limits without a limit/],
  ['{ limits: { value: a, hi: 1, lo: 2 } }', /Cannot use limit "lo": it is 2, want less than hi \(1\)/],
  ['{ limits: { value: a, hi: 1 }, clear: a < 1 }', /Cannot use "clear" without "when"/],
  ['{ when: a > 1 for 3s, for: 4s }', /Cannot use "for" twice/],
  ['{ rate: { value: a } }', /Cannot use a rate without a limit/],
  ['{ chart: { value: a } }', /Cannot use this chart: it has none/],
  ['{ chart: { value: a, mean: 3, cusum: {} } }', /want both, or none/],
  ['{ vibration: { value: a } }', /Cannot tell the zones: want "group" or "boundaries"/],
  ['{ when: a >> 1 }', /Cannot read expression "a >> 1" at column 4/],
]

for (const [config, message] of REFUSED) {
  test(`a config that is refused: ${config}`, () => assert.throws(() => new TestPlant(config), { message }))
}

test('a condition is of each asset', () => {
  const plant = new TestPlant('{ on: "press-shop/**", limits: { value: temperature, hi: 95 } }')
  assert.equal(plant.at(0, { temperature: 99 }, { asset: 'acme/berlin/paint/robot' }).length, 0)
  assert.equal(plant.at(0, { temperature: 99 }, { asset: 'acme/berlin/press-shop/a' }).length, 1)
  assert.equal(plant.at(0, { temperature: 99 }, { asset: 'acme/berlin/press-shop/b' }).length, 1)
})

test('tags that a processor derives are taken where they are asked for', () => {
  const plant = new TestPlant('{ of: spectrum, limits: { value: rms, hi: 4.5 } }')
  assert.equal(plant.at(0, { rms: 5 }, { topic: 'derived', by: 'other' }).length, 0)
  assert.equal(plant.at(0, { rms: 5 }, { topic: 'derived', by: 'spectrum' }).length, 1)
})

test('values that cannot be compared are a fault', () => {
  const plant = new TestPlant('{ when: temperature > 95 }')
  assert.throws(() => plant.at(0, { temperature: 'hot' }), { code: 'BAD_EXPRESSION' })
})

const CONFIGS = [
  '{ when: "a > 1 && b < 2 || c for 3s", clear: a < 0 for 2s }',
  '{ when: "a > 1 || b > 1", staleAfter: 4s, clearAfter: 2s }',
  '{ limits: { value: a + b, hihi: 4, hi: 2, lo: 0, deadband: 1 }, for: 2s, staleAfter: 5s }',
  '{ rate: { value: a, above: 1, below: -1, per: 1s, over: 5s }, clearAfter: 1s }',
  '{ chart: { value: a, learn: 20, ewma: {} } }',
  '{ chart: { value: a + b, mean: 1, sigma: 1, group: 2, nelson: [1, 2, 3, 4, 5, 6, 7, 8] }, latch: true }',
  '{ vibration: { value: a, boundaries: [0.5, 1, 2], deadband: 1 }, for: 2s }',
]

for (const config of CONFIGS) {
  test(`alarms come and go in turn, and stops change nothing: ${config}`, () => {
    const value = fc.constantFrom<Value | null>(-1, 0, 1, 2, 3, null)
    const values = fc.record(
      { a: value, b: value, c: fc.constantFrom<Value | null>(true, false, null) },
      { requiredKeys: [] },
    )
    const step = fc.record({ apart: fc.nat({ max: 4 }), values, stop: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const whole = new TestPlant(config)
        const stopped = new TestPlant(config)
        const active = new Set<string>()
        let second = 0
        let last = -Infinity
        for (const { apart, values, stop } of steps) {
          second += apart
          const told = [...whole.until(second), ...whole.at(second, values)]
          assert.deepEqual([...stopped.until(second), ...stopped.at(second, values)], told)
          if (stop) stopped.restart()
          for (const { action, alarm, time } of told) {
            assert.equal(active.has(alarm), action !== 'raise', `${action} ${alarm}`)
            if (action === 'raise') active.add(alarm)
            if (action === 'clear') active.delete(alarm)
            assert.ok(time >= last && time <= T0 + second * 1000)
            last = time
          }
        }
      }),
      { numRuns: 300 },
    )
  })
}
