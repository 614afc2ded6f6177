import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { AlarmTransition } from '../../model/alarm.ts'
import { Quality } from '../../model/quality.ts'
import type { Reading, Value } from '../../model/reading.ts'
import { seededRandom } from '../../system/random.ts'
import { TopologyDriver } from '../../testing.ts'
import { mostTags } from './config.ts'
import { anomalySpec } from './spec.ts'

const T0 = 1_732_287_000_000
const ASSET = 'acme/berlin/press-shop/press7'
const SEED = 7

/** One press under an anomaly processor; a row a second. */
class Press {
  readonly #driver: TopologyDriver
  #second = 0

  constructor(yaml: string) {
    const config = anomalySpec.config.parse(parse(yaml))
    this.#driver = new TopologyDriver(anomalySpec.topology(config, { name: 'unusual', site: 'acme/berlin' }))
  }

  row(values: { readonly [tag: string]: Value | null }) {
    const time = T0 + 1000 * this.#second++
    const bad = Object.keys(values).filter((tag) => values[tag] === null)
    const quality = Object.fromEntries(bad.map((tag) => [tag, Quality.BadSensorFailure]))
    const reading: Reading = { asset: ASSET, sourceTime: time, receivedTime: time, values, quality }
    const facts = this.#driver.send({ kind: 'reading', reading }).map(({ fact }) => fact)
    return {
      scores: facts.flatMap((fact) => (fact.kind === 'reading' ? [fact.reading] : [])),
      alarms: facts.flatMap((fact) => (fact.kind === 'alarm' ? [fact.alarm] : [])),
    }
  }

  /** Stops and starts again from what was kept. */
  restart(): number {
    const saved = JSON.stringify(this.#driver.changes())
    this.#driver.restore(JSON.parse(saved) as ReturnType<TopologyDriver['changes']>)
    return saved.length
  }
}

/** Pressure follows flow, both with noise. */
function* usual(seed = SEED): Generator<{ pressure: number; flow: number }, never> {
  const random = seededRandom(seed)
  const noise = () => random.next() + random.next() + random.next() - 1.5
  for (;;) {
    const flow = 30 + noise()
    yield { flow, pressure: 5 + 0.2 * (flow - 30) + 0.1 * noise() }
  }
}

const CONFIG = '{ on: "press-shop/**", warmUp: 200, falseAlarms: 4000, severity: high }'

function warm(press: Press, rows: ReturnType<typeof usual>, count = 600): AlarmTransition[] {
  return Array.from({ length: count }, () => press.row(rows.next().value).alarms).flat()
}

test('an alarm with what led to it, and its end; stops change nothing', () => {
  const whole = new Press(CONFIG)
  const stopped = new Press(CONFIG)
  const rows = usual()
  const told: AlarmTransition[] = []
  for (let i = 0; i < 800; i++) {
    const { pressure, flow } = rows.next().value
    const row = i >= 600 && i < 650 ? { flow, pressure: pressure + 4 } : { flow, pressure }
    const { alarms, scores } = whole.row(row)
    if (i % 50 === 30) stopped.restart()
    assert.deepEqual(stopped.row(row), { alarms, scores })
    told.push(...alarms)
    const { values, quality } = scores[0]!
    if (i < 200) assert.deepEqual(values, { 'unusual.score': null, 'unusual.active': 0 })
    else assert.equal(quality, undefined)
    if (i === 220) assert.ok((values['unusual.score'] as number) < 0.99 && values['unusual.active'] === 0)
    if (i === 620) assert.ok((values['unusual.score'] as number) > 0.999 && values['unusual.active'] === 1)
  }
  const [raised, cleared, ...more] = told
  assert.deepEqual(more, [])
  assert.deepEqual(
    [raised!.asset, raised!.alarm, raised!.action, raised!.priority, raised!.time],
    [ASSET, 'unusual', 'raise', 'high', T0 + 600_000],
  )
  assert.match(raised!.message!, /^Check "press7": pressure is \d\.\d+, (usually|by the other tags) /)
  const { since, deviations } = raised!.detail as { since: number; deviations: { [name: string]: unknown }[] }
  assert.ok(since > T0 + 568_000 && since <= T0 + 600_000, `since ${since}`)
  assert.deepEqual(Object.keys(deviations[0]!), ['tag', 'kind', 'rows', 'seen', 'expected', 'low', 'high', 'before'])
  assert.deepEqual([cleared!.action, cleared!.message], ['clear', undefined])
  assert.equal((cleared!.detail as { asNormal: boolean }).asNormal, false)
})

test('what lasts is learned, and the end of the alarm says so', () => {
  const press = new Press('{ warmUp: 200 }')
  const rows = usual()
  warm(press, rows)
  const told = Array.from({ length: 500 }, () => {
    const { pressure, flow } = rows.next().value
    return press.row({ flow, pressure: pressure + 4 }).alarms
  }).flat()
  assert.deepEqual(
    told.map(({ action }) => action),
    ['raise', 'clear'],
  )
  assert.match(told[1]!.message!, /^Learned as the new normal of "press7", for it lasts: pressure /)
  assert.equal((told[1]!.detail as { asNormal: boolean }).asNormal, true)
})

test('an episode that grows much rarer is told again, not with every row', () => {
  const press = new Press('{ warmUp: 200 }')
  const rows = usual()
  warm(press, rows)
  const told = Array.from({ length: 40 }, (_, i) => {
    const { pressure, flow } = rows.next().value
    return press.row({ flow, pressure: pressure + 0.5 * 3 ** i }).alarms
  }).flat()
  const times = told.map(({ time }) => (time - T0) / 1000 - 600)
  assert.deepEqual([told[0]!.action, ...new Set(told.slice(1).map(({ action }) => action))], ['raise', 'update'])
  assert.ok(told.length <= 5, `told at rows ${times.join(', ')}`)
  assert.ok(
    times.slice(1).every((row, at) => row - times[at]! >= 16),
    `told at rows ${times.join(', ')}`,
  )
  assert.notEqual(told.at(-1)!.message, told[0]!.message)
})

test('values beyond all measure leave a state that can be kept', () => {
  const [whole, stopped] = [new Press('{ warmUp: 200 }'), new Press('{ warmUp: 200 }')]
  const rows = usual()
  for (let i = 0; i < 300; i++) {
    const row = i === 230 ? { flow: 1e100, pressure: -1e100 } : rows.next().value
    const expected = whole.row(row)
    if (i > 228 && i < 240) stopped.restart()
    assert.deepEqual(stopped.row(row), expected)
  }
})

test('rows count only while "when" is true, and one that is not known is not', () => {
  const press = new Press('{ warmUp: 200, when: state == "Execute" }')
  const rows = usual()
  assert.deepEqual(press.row(rows.next().value), { scores: [], alarms: [] })
  press.row({ state: 'Execute' })
  warm(press, rows)
  press.row({ state: 'Idle' })
  for (let i = 0; i < 100; i++) assert.deepEqual(press.row({ pressure: 0, flow: 0 }), { scores: [], alarms: [] })
  press.row({ state: null })
  assert.deepEqual(press.row({ pressure: 0, flow: 0 }), { scores: [], alarms: [] })
  press.row({ state: 'Execute' })
  assert.equal(press.row({ pressure: 0, flow: 0 }).alarms.length, 1)
})

test('a Bad value and what is no number are none', () => {
  const press = new Press('{ warmUp: 200, tags: [pressure, flow] }')
  const rows = usual()
  warm(press, rows)
  for (let i = 0; i < 50; i++) {
    const { flow } = rows.next().value
    assert.deepEqual(press.row({ flow, pressure: i % 2 === 0 ? null : 'broken' }).alarms, [])
  }
  assert.deepEqual(press.row({ other: 1e9, text: 'x' }), { scores: [], alarms: [] })
})

test('scores may be left out, and nothing is said of a machine that has no numbers', () => {
  const press = new Press('{ scores: false }')
  assert.deepEqual(press.row({ pressure: 5 }), { scores: [], alarms: [] })
  assert.deepEqual(new Press('{}').row({ state: 'Execute' }), { scores: [], alarms: [] })
})

test('as many tags as are allowed fit into the state of a key, with an episode that is being learned', () => {
  const most = mostTags({ warmUp: { rows: 100 } })
  const press = new Press('{ warmUp: 100 }')
  const random = seededRandom(SEED)
  const row = (shift: number) =>
    Object.fromEntries(Array.from({ length: most }, (_, tag) => [`tag${tag}`, shift + random.next() * 100]))
  assert.throws(() => press.row({ ...row(0), extra: 1 }), {
    message: `Cannot learn "${ASSET}": it has ${most + 1} tags with numbers, want at most ${most}; name them in "tags"`,
  })
  for (let i = 0; i < 110; i++) press.row(row(0))
  for (let i = 0; i < 195; i++) press.row(row(500))
  const bytes = press.restart()
  assert.ok(bytes > 500_000 && bytes < 2 ** 20, `${bytes} bytes of ${most} tags`)
})

for (const [config, message] of [
  ['{ warmUp: 10 }', /50/],
  ['{ warmUp: soon }', /Cannot read duration/],
  ['{ when: "a > 1 for 3s" }', /Cannot use .*for.* here/],
  ['{ falseAlarms: 3 }', /50/],
  [
    `{ warmUp: 4096, tags: [${'abcdefghijklmnop'.split('').join(', ')}] }`,
    /Cannot learn 16 tags with this warmUp: want at most \d+/,
  ],
] as const)
  test(`a config that is refused: ${config}`, () => {
    const parsed = anomalySpec.config.safeParse(parse(config))
    assert.match(JSON.stringify(parsed.error?.issues), message)
  })
