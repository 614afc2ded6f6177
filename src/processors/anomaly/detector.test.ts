import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../model/json-value.ts'
import { AnomalyDetector, type Judgement } from './detector.ts'

const START = 1_732_287_000_000
const seed = Number(process.env['SEED'] ?? 20_241_122)

test('nothing is said while the machine is learned, and a score afterwards', () => {
  const detector = new AnomalyDetector()
  const judged = pump(seed, 500).map(({ time, values }) => detector.row(time, values))
  assert.ok(judged.slice(0, 400).every(({ warmingUp, score, active }) => warmingUp && score === 0 && !active))
  assert.ok(judged.slice(400).every(({ warmingUp, score }) => !warmingUp && score >= 0 && score < 1))
})

test('a step raises one alarm that names the tag, and it ends when the step does', () => {
  const rows = pump(seed, 1200).map((row, i) =>
    i >= 700 && i < 900 ? { ...row, values: { ...row.values, flow: row.values.flow + 3 } } : row,
  )
  const judged = run(new AnomalyDetector(), rows)
  const [alarm, ...others] = judged.filter(({ begins }) => begins !== undefined)
  assert.equal(others.length, 0, `seed ${seed}`)
  const begun = judged.indexOf(alarm!)
  assert.ok(begun >= 700 && begun < 740, `begins at row ${begun}, seed ${seed}`)
  const { start, since, deviations } = alarm!.begins!
  assert.equal(start, rows[begun]!.time)
  assert.ok(since >= rows[700]!.time && since <= start)
  assert.equal(deviations[0]!.tag, 'flow')
  assert.ok(deviations[0]!.seen > deviations[0]!.high)
  assert.ok(Math.abs(deviations[0]!.before - 30) < 0.1)
  const ended = judged.findIndex(({ ends }) => ends !== undefined)
  assert.ok(ended >= 900 && ended < 960, `ends at row ${ended}, seed ${seed}`)
  assert.deepEqual(judged[ended]!.ends, { asNormal: false })
})

test('tags that part ways are seen though each is where it always is', () => {
  const rows = pump(seed, 1000).map((row, i) =>
    i >= 700 ? { ...row, values: { ...row.values, current: 20 - row.values.current } } : row,
  )
  const alarm = run(new AnomalyDetector(), rows).findIndex(({ begins }) => begins !== undefined)
  assert.ok(alarm >= 700 && alarm < 780, `row ${alarm}, seed ${seed}`)
})

test('an episode twice as long as the warm-up is the new normal', () => {
  const rows = pump(seed, 2400).map((row, i) =>
    i >= 700 ? { ...row, values: { ...row.values, flow: row.values.flow + 3 } } : row,
  )
  const judged = run(new AnomalyDetector(), rows)
  const ended = judged.findIndex(({ ends }) => ends?.asNormal)
  assert.ok(ended >= 1495 && ended < 1560, `row ${ended}, seed ${seed}`)
  assert.ok(judged.slice(ended).every(({ active }) => !active))
})

test('a machine that goes on as it was raises few alarms: the budget', () => {
  const rowsPerAlarm = 1000
  const detector = new AnomalyDetector({ warmUp: { rows: 400 }, falseAlarms: { rows: rowsPerAlarm } })
  const alarms = run(detector, pump(seed, 20_400)).filter(({ begins }) => begins !== undefined).length
  assert.ok(alarms <= 30, `${alarms} alarms in 20,000 rows at one per ${rowsPerAlarm}, seed ${seed}`)
})

test('a day that is missing is seen against the days before', () => {
  const day = 288
  const noise = random(seed)
  const rows = Array.from({ length: 12 * day }, (_, i) => {
    const high = i % day >= 100 && i % day < 200 && Math.floor(i / day) !== 10
    return { time: START + i * 300_000, values: { load: (high ? 80 : 20) + 2 * (noise() - 0.5) } }
  })
  const judged = run(new AnomalyDetector(), rows)
  const alarms = judged.flatMap(({ begins }, row) => (begins === undefined ? [] : [row]))
  assert.deepEqual(
    alarms.filter((row) => row < 10 * day + 100),
    [],
    `seed ${seed}`,
  )
  assert.ok(alarms[0]! < 10 * day + 110, `row ${alarms[0]}, seed ${seed}`)
  assert.equal(judged[alarms[0]!]!.begins!.deviations[0]!.kind, 'season')
})

test('tags that are absent or bad are no evidence', () => {
  const rows = pump(seed, 1200).map(({ time, values }, i): Row => {
    if (i % 3 === 1) return { time, values: { flow: values.flow } }
    return { time, values: i % 50 === 0 ? { ...values, current: Number.NaN } : values }
  })
  const judged = run(new AnomalyDetector(), rows)
  assert.ok(judged.every(({ score }) => Number.isFinite(score)))
  assert.ok(judged.filter(({ begins }) => begins !== undefined).length <= 1, `seed ${seed}`)
})

test('a tag that has never moved is heard when it moves', () => {
  const rows = pump(seed, 600).map(({ time, values }, i) => ({
    time,
    values: { ...values, setpoint: i < 500 ? 40 : 45 },
  }))
  const judged = run(new AnomalyDetector(), rows)
  const alarm = judged.findIndex(({ begins }) => begins !== undefined)
  assert.ok(alarm >= 500 && alarm < 505, `row ${alarm}, seed ${seed}`)
  assert.equal(judged[alarm]!.begins!.deviations[0]!.tag, 'setpoint')
})

test('restored from JSON at any row, it goes on exactly as if nothing had happened', () => {
  const rows = pump(seed, 1500).map((row, i) =>
    i >= 600 ? { ...row, values: { ...row.values, flow: row.values.flow + 3 * Number(i < 700 || i > 750) } } : row,
  )
  const expected = run(new AnomalyDetector(), rows)
  const pick = random(seed)
  for (let round = 0; round < 5; round++) {
    const stops = new Set(Array.from({ length: 6 }, () => Math.floor(pick() * rows.length)))
    let detector = new AnomalyDetector()
    const judged = rows.map(({ time, values }, row) => {
      if (stops.has(row)) detector = AnomalyDetector.restore(JSON.parse(JSON.stringify(detector.save())) as Json)
      return detector.row(time, values)
    })
    assert.deepEqual(judged, expected, `seed ${seed}, restored at ${[...stops].join(', ')}`)
  }
})

test('a state of another version is refused', () => {
  const saved = { ...(new AnomalyDetector().save() as object), version: 2 }
  assert.throws(() => AnomalyDetector.restore(saved), {
    message: 'Cannot restore anomaly detector: state is version 2, want 1',
  })
})

test('a warm-up and a budget in time follow the interval of the rows', () => {
  const hour = 3_600_000
  const detector = new AnomalyDetector({ warmUp: { ms: hour }, falseAlarms: { ms: 24 * hour } })
  const judged = run(detector, pump(seed, 800, 10_000))
  assert.equal(
    judged.findIndex(({ warmingUp }) => !warmingUp),
    361,
  )
  const { rowsPerAlarm } = detector.save() as { rowsPerAlarm: number }
  assert.equal(rowsPerAlarm, 8640)
})

interface Row {
  readonly time: number
  readonly values: { readonly [tag: string]: number }
}

function run(detector: AnomalyDetector, rows: readonly Row[]): Judgement[] {
  return rows.map(({ time, values }) => detector.row(time, values))
}

/** A pump whose current follows its pressure, and whose flow follows neither. */
function pump(seed: number, rows: number, interval = 1000) {
  const noise = random(seed)
  const normal = () => noise() + noise() + noise() + noise() - 2
  let pressure = 0
  return Array.from({ length: rows }, (_, i) => {
    pressure = 0.9 * pressure + normal()
    const values = { pressure: 5 + pressure, current: 10 + pressure + 0.1 * normal(), flow: 30 + normal() }
    return { time: START + i * interval, values }
  })
}

function random(seed: number): () => number {
  let state = seed % 2_147_483_647
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}
