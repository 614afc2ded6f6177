import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR, MINUTE, Scenario } from '../../../test/oee/scenario.ts'
import type { Interval } from './judge.ts'
import type { OeeResult } from './result.ts'

const DAY_SHIFT = [{ name: 'day', from: '06:00', to: '14:00', breaks: [{ name: 'meal', at: '10:00', for: '30m' }] }]
const START = '2026-06-01T06:00:00Z'
const BAD = 0x80000000

function press(more: object = {}): Scenario {
  return new Scenario(
    { shifts: DAY_SHIFT, tags: { state: 'state', total: 'total', scrap: 'scrap' }, idealCycle: '30s', ...more },
    START,
  )
}

/** Intervals as `from-to category state reason`, in minutes. */
function shown(scenario: Scenario, intervals: readonly Interval[]): string[] {
  const minute = (time: number) => String((time - scenario.start) / MINUTE)
  return intervals.map(({ from, to, category, state, reason }) =>
    [`${minute(from)}-${minute(to)}`, category, state, ...(reason === null ? [] : [reason])].join(' '),
  )
}

/** Minutes by category, without those that are 0. */
function minutes({ report }: Pick<OeeResult, 'report'>): { [category: string]: number } {
  return Object.fromEntries(
    Object.entries(report.totals.ms).flatMap(([name, ms]) => (ms === 0 ? [] : [[name, ms / MINUTE]])),
  )
}

test('a shift, by hand: breakdown, waiting, set-up, a micro-stop, a break, scrap; every number of the report', () => {
  const scenario = press({ microStop: '2m' })
  const story: { [minute: number]: object } = {
    0: { state: 'Resetting', total: 1000, scrap: 10 },
    20: { state: 'Execute' },
    100: { state: 'Held', total: 1140, scrap: 14 },
    160: { state: 'Execute' },
    200: { state: 'Suspended', total: 1220 },
    201: { state: 'Execute' },
    240: { state: 'Stopped', total: 1296, scrap: 16 },
    270: { state: 'Execute' },
    300: { state: 'Suspended', total: 1350 },
    330: { state: 'Execute' },
    480: { state: 'Stopped', total: 1640, scrap: 36 },
  }
  for (let minute = 0; minute <= 480; minute += 1)
    if (minute in story || minute % 5 === 0) scenario.say(minute, { ...story[minute] })
  const { report } = scenario.passed(483).newest('shift', 'day')
  assert.deepEqual(minutes({ report }), {
    'planned-stop': 30,
    breakdown: 60,
    setup: 20,
    waiting: 30,
    'micro-stop': 1,
    running: 339,
  })
  const { times, quantities, kpis, waterfall, flags } = report
  const inMinutes = Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, ms / MINUTE]))
  assert.deepEqual(inMinutes, {
    calendar: 480,
    POT: 480,
    PBT: 450,
    APT: 340,
    AUST: 20,
    AUPT: 360,
    ADET: 90,
    ADOT: 0,
    AUBT: 450,
  })
  assert.deepEqual(quantities, { PQ: 640, GQ: 614, SQ: 26, RQ: 0 })
  assert.equal(kpis.availability, 340 / 450)
  assert.equal(kpis.effectiveness, (640 * 0.5) / 340)
  assert.equal(kpis.qualityRatio, 614 / 640)
  assert.equal(kpis.oee, (614 * 0.5) / 450)
  assert.deepEqual([kpis.oeeLow, kpis.oeeHigh], [kpis.oee, kpis.oee])
  assert.deepEqual(flags, [])
  assert.deepEqual(
    waterfall.map(({ name, ms, lost }) => [name, ms / MINUTE, Object.values(lost).map((lostMs) => lostMs / MINUTE)]),
    [
      ['calendar', 480, []],
      ['planned', 480, [0]],
      ['busy', 450, [30]],
      ['known', 450, [0]],
      ['running', 340, [60, 20, 30, 0]],
      ['at-speed', 320, [1, 19]],
      ['good', 307, [13, 0]],
    ],
  )
})

test('unknown time is shown and never guessed: OEE is of the known time, and how far it may be off stands beside it', () => {
  const scenario = press({ shifts: [], stale: '10m' })
    .say(0, { state: 'Execute', total: 0, scrap: 0 })
    .say(9, { total: 18 })
    .say(18, { state: null, total: 36 }, { state: BAD })
    .say(24, { state: 'Execute', total: 40 })
    .say(30, { total: 52 })
    .say(55, { total: 80 })
    .say(60, { total: 86 })
    .passed(61)
  const hour = scenario.newest('hour')
  assert.deepEqual(shown(scenario, hour.intervals!), [
    '0-18 running Execute',
    '18-24 unknown bad quality',
    '24-40 running Execute',
    '40-55 unknown no data',
    '55-60 running Execute',
  ])
  const { report } = hour
  assert.equal(report.unknownShare, 21 / 60)
  assert.deepEqual([report.quantities.PQ, report.quantitiesUnknown.PQ], [36 + 12 + 6, 4 + 28])
  assert.equal(report.kpis.availability, 1)
  assert.equal(report.kpis.oee, (54 * 0.5) / 39)
  // At least those that were counted in unknown time were made; at most all of it was perfect.
  assert.equal(report.kpis.oeeLow, (86 * 0.5) / 60)
  assert.equal(report.kpis.oeeHigh, (54 * 0.5 + 21) / 60)
  assert.deepEqual(report.flags, ['unknown-time', 'made-in-unknown-time'])
})

test('a source that has lost its machine makes it unknown at once, until it speaks again', () => {
  const scenario = press({ shifts: [], stale: 'never' }).say(0, { state: 'Execute', total: 0 })
  scenario.machine.event({ kind: 'offline', time: scenario.at(20), cause: 'lost' })
  scenario.say(35, { total: 3 }).passed(62)
  const { intervals } = scenario.newest('hour')
  assert.deepEqual(shown(scenario, intervals!), [
    '0-20 running Execute',
    '20-35 unknown offline',
    '35-60 running Execute',
  ])
  assert.deepEqual([intervals![1]!.first, intervals![1]!.last], ['lost', 'c2'])
})

test('effectiveness is never capped: above 1 it is shown and flagged, and so is the speed that was gained', () => {
  const scenario = press({ shifts: [] })
  for (let minute = 0; minute <= 60; minute += 1)
    scenario.say(minute, { state: 'Execute', total: minute * 3, scrap: 0 })
  const { report } = scenario.passed(61).newest('hour')
  assert.equal(report.kpis.effectiveness, 1.5)
  assert.equal(report.kpis.oee, 1.5)
  assert.deepEqual(report.flags, ['effectiveness-above-1'])
  assert.equal(report.waterfall.find(({ name }) => name === 'at-speed')!.lost['reduced-speed'], -30 * MINUTE)
})

test('a stop over the end of a period is short or long by its whole length', () => {
  const over = (end: number) => {
    const scenario = press({ shifts: [], microStop: '3m', stale: 'never' })
    scenario.say(0, { state: 'Execute' }).say(59, { state: 'Held' }).passed(61).say(end, { state: 'Execute' })
    assert.ok(!scenario.results.some(({ to }) => to === scenario.at(60)), 'nobody knows yet how long it is')
    return scenario.passed(64)
  }
  assert.deepEqual(shown(over(61.5), over(61.5).newest('hour').intervals!), [
    '0-59 running Execute',
    '59-60 micro-stop Held',
  ])
  const long = over(62)
  assert.deepEqual(shown(long, long.newest('hour').intervals!), ['0-59 running Execute', '59-60 breakdown Held'])
  assert.equal(long.results.filter(({ kind, from }) => kind === 'hour' && from === long.start).length, 1)
  assert.equal(long.newest('hour').revision, 0, 'told once, when it was certain')
})

test('what is counted at the end of a period was made in it, and is in its first telling', () => {
  const scenario = press({ shifts: [], stale: 'never' }).say(0, { state: 'Execute', total: 0 }).passed(60)
  assert.ok(!scenario.results.some(({ to }) => to === scenario.at(60)))
  const hour = scenario.say(60, { total: 110 }).passed(60.01).newest('hour')
  assert.deepEqual([hour.from, hour.revision, hour.report.quantities.PQ], [scenario.start, 0, 110])
})

test('every interval names the readings that made it', () => {
  const scenario = press({ shifts: [] })
    .say(0, { state: 'Execute' })
    .say(5, {})
    .say(8, { state: 'Held' })
    .say(12, {})
    .say(15, { state: 'Execute' })
    .say(20, {})
    .passed(20)
  const { intervals } = scenario.machine.report(scenario.start, scenario.at(20))
  assert.deepEqual(
    intervals!.map(({ category, first, last }) => [category, first, last]),
    [
      ['running', 'c1', 'c3'],
      ['breakdown', 'c3', 'c5'],
      ['running', 'c5', 'c6'],
    ],
  )
})

test('reasons: from a tag, by an operator afterwards, and taken back', () => {
  const reasons = { E7: { class: 'breakdown' }, setup: { class: 'setup' } } as const
  const scenario = new Scenario({ tags: { state: 'state', reason: 'fault' }, stale: 'never', reasons }, START)
    .say(0, { state: 'Execute', fault: '' })
    .say(10, { state: 'Suspended', fault: 'E7' })
    .say(30, { state: 'Execute', fault: 0 })
    .passed(61)
  const told = () => shown(scenario, scenario.newest('hour').intervals!)
  assert.deepEqual(told(), ['0-10 running Execute', '10-30 breakdown Suspended E7', '30-60 running Execute'])
  const note = (from: number, to: number, reason: string | null) =>
    scenario.machine.event({
      kind: 'reason',
      from: scenario.at(from),
      to: scenario.at(to),
      reason,
      cause: `note ${reason}`,
    })
  // Only where the machine stood: a reason makes no stop.
  assert.equal(note(15, 40, 'setup'), undefined)
  scenario.passed(62)
  assert.deepEqual(told(), [
    '0-10 running Execute',
    '10-15 breakdown Suspended E7',
    '15-30 setup Suspended setup',
    '30-40 running Execute',
    '40-60 running Execute',
  ])
  assert.equal(scenario.newest('hour').revision, 1)
  assert.equal(scenario.newest('hour').intervals![2]!.said, 'note setup')
  note(15, 40, null)
  scenario.passed(63.5)
  assert.deepEqual(
    [scenario.newest('hour').revision, minutes(scenario.newest('hour'))],
    [2, { breakdown: 20, running: 40 }],
  )
})

test('planned stops: told before, moved, and taken back', () => {
  const scenario = press({ shifts: [], stale: 'never' })
  const plan = (from: number, to: number) =>
    scenario.machine.event({
      kind: 'planned-stop',
      id: 'm1',
      from: scenario.at(from),
      to: scenario.at(to),
      reason: 'service',
      cause: 'p',
    })
  plan(20, 40)
  scenario
    .say(0, { state: 'Execute', total: 0 })
    .say(15, { state: 'Stopped', total: 30 })
    .say(50, { state: 'Execute' })
    .passed(61)
  assert.deepEqual(minutes(scenario.newest('hour')), { 'planned-stop': 20, breakdown: 15, running: 25 })
  plan(15, 50)
  scenario.passed(63)
  assert.deepEqual(minutes(scenario.newest('hour')), { 'planned-stop': 35, running: 25 })
  assert.equal(plan(0, 0), undefined)
  scenario.passed(65)
  assert.deepEqual(minutes(scenario.newest('hour')), { breakdown: 35, running: 25 })
  assert.equal(scenario.newest('hour').revision, 2)
})

test('production outside the plan is no effectiveness: its items stand apart', () => {
  const scenario = press({ stale: 'never' })
    .say(0, { state: 'Execute', total: 0, scrap: 0 })
    .say(240, { total: 400 })
    .say(270, { total: 460 })
    .say(480, { total: 800 })
    .say(500, { total: 840 })
    .passed(541)
  const { report } = scenario.newest('shift')
  assert.deepEqual([report.quantities.PQ, report.quantitiesOutside.PQ], [740, 60])
  assert.deepEqual(report.flags, ['made-outside-plan'])
  const after = scenario.newest('hour')
  assert.deepEqual([minutes(after), after.report.quantitiesOutside.PQ], [{ unplanned: 60 }, 40])
  assert.equal(after.report.kpis.oee, null)
})

test('orders and products change in the middle: each has its own result, with its own ideal cycle', () => {
  const scenario = new Scenario(
    {
      tags: { state: 'state', total: 'total', good: 'good' },
      stale: 'never',
      products: { A: { idealCycle: '30s' }, B: { idealCycle: '60s' } },
    },
    START,
  )
    .order(0, 'W1', 'A')
    .say(0, { state: 'Execute', total: 0, good: 0 })
    .say(40, { total: 70, good: 63 })
    .order(40, 'W2', 'B')
    .say(70, { total: 100, good: 93 })
    .order(80, 'W1', 'A', 15_000)
    .say(100, { state: 'Idle', total: 160, good: 150 })
    .order(100, null)
    .say(110, {})
    .passed(125)
  const w1 = scenario.newest('order', 'W1')
  assert.deepEqual([w1.from, w1.to, w1.report.times.calendar], [scenario.start, scenario.at(100), 60 * MINUTE])
  // 70 at 30 s, then 60 at the 15 s that the order brought: what is counted at an instant was made before it.
  assert.deepEqual(w1.report.quantities, { PQ: 130, GQ: 120, SQ: 10, RQ: 0 })
  assert.equal(w1.report.kpis.effectiveness, (70 * 30 + 60 * 15) / (60 * 60))
  const w2 = scenario.newest('order', 'W2').report
  assert.deepEqual([w2.quantities.PQ, w2.times.calendar], [30, 40 * MINUTE])
  const [first, second] = scenario.results.filter(({ kind, from }) => kind === 'hour' && from >= scenario.start)
  assert.deepEqual(
    first!.products.map(({ product, report }) => [product, report.quantities.PQ]),
    [
      ['A', 70],
      ['B', 0],
    ],
  )
  assert.deepEqual(
    first!.orders.map(({ order, report }) => [order, report.times.APT / MINUTE]),
    [
      ['W1', 40],
      ['W2', 20],
    ],
  )
  // After 100 no order runs: a stop is down time of the unit and delays none.
  assert.deepEqual([second!.report.times.ADOT / MINUTE, second!.report.times.ADET / MINUTE], [20, 0])
  const product = scenario.newest('hour').products.map(({ product, report }) => [product, report.quantities.PQ])
  assert.deepEqual(product, [
    ['A', 60],
    ['B', 30],
  ])
})

test('late data corrects what was told, with a new revision; what is too late is refused', () => {
  const scenario = press({ shifts: [], stale: 'never', lateness: '30m' })
    .say(0, { state: 'Execute', total: 0 })
    .say(65, { total: 100 })
    .passed(65)
  assert.deepEqual([minutes(scenario.newest('hour')), scenario.newest('hour').revision], [{ running: 60 }, 0])
  scenario.say(50, { state: 'Held', total: 90 }).say(55, { state: 'Execute' }).passed(66.5)
  const corrected = scenario.newest('hour')
  assert.deepEqual([minutes(corrected), corrected.revision], [{ breakdown: 5, running: 55 }, 1])
  assert.equal(corrected.report.quantities.PQ, 90)
  scenario.say(40, {}).passed(70)
  assert.equal(scenario.newest('hour').revision, 1, 'what changes nothing is not told')
  const refusal = scenario.machine.reading({ time: scenario.at(30), values: { state: 'Held' }, cause: 't/0/7' })
  assert.deepEqual(refusal, {
    why: 'too-late',
    cause: 't/0/7',
    message: 'Cannot take "t/0/7": its time is 2026-06-01T06:30:00.000Z, want 2026-06-01T06:40:00.000Z or later',
  })
})

test('a reading that is late by a moment, over the end of an hour that was told, corrects it', () => {
  const scenario = press({ shifts: [], stale: 'never' }).say(0, { state: 'Execute', total: 0 }).passed(60.5)
  assert.deepEqual(minutes(scenario.newest('hour')), { running: 60 })
  scenario.say(59.75, { state: 'Held' }).passed(61.6)
  assert.deepEqual(
    [minutes(scenario.newest('hour')), scenario.newest('hour').revision],
    [{ breakdown: 0.25, running: 59.75 }, 1],
  )
})

test('a machine with a running tag', () => {
  const scenario = new Scenario({ tags: { running: 'on' }, stale: 'never' }, START)
    .say(0, { on: true })
    .say(30, { on: 0 })
    .say(45, { on: 'true' })
    .passed(61)
  const hour = scenario.newest('hour')
  assert.deepEqual(shown(scenario, hour.intervals!), [
    '0-30 running Running',
    '30-45 breakdown Stopped',
    '45-60 running Running',
  ])
  assert.deepEqual(hour.report.flags, ['no-ideal-cycle', 'quantity-not-measured'])
  assert.deepEqual(
    [hour.report.kpis.availability, hour.report.kpis.effectiveness, hour.report.kpis.oee],
    [0.75, null, null],
  )
})

test('a machine with only a counter runs while it moves; the last item of a stop took its cycle', () => {
  const scenario = new Scenario({ tags: { good: 'n' }, idealCycle: '1m', movedWithin: 3 }, START)
  const moves = [0, 1, 2, 4, 7, 20, 21, 22]
  for (let minute = 0; minute <= 30; minute += 0.5) {
    scenario.say(minute, { n: 500 + moves.filter((at) => at <= minute).length })
  }
  scenario.passed(30)
  const { intervals, report } = scenario.machine.report(scenario.start, scenario.at(30))
  assert.deepEqual(shown(scenario, intervals!), [
    '0-7 running Running',
    '7-19 breakdown Stopped',
    '19-22 running Running',
    '22-30 breakdown Stopped',
  ])
  assert.deepEqual(report.quantities, { PQ: 7, GQ: 7, SQ: 0, RQ: 0 })
  assert.deepEqual(report.flags, ['quality-not-measured'])
  assert.deepEqual([intervals![1]!.first, intervals![1]!.last], ['c15', 'c41'])
})

test('rework is neither good nor scrap', () => {
  const scenario = press({ shifts: [], stale: 'never', tags: { state: 'state', total: 't', scrap: 's', rework: 'r' } })
    .say(0, { state: 'Execute', t: 0, s: 0, r: 0 })
    .say(60, { t: 100, s: 5, r: 15 })
    .passed(61)
  const { quantities, kpis, waterfall } = scenario.newest('hour').report
  assert.deepEqual(quantities, { PQ: 100, GQ: 80, SQ: 5, RQ: 15 })
  assert.equal(kpis.qualityRatio, 0.8)
  assert.deepEqual(waterfall.at(-1), {
    name: 'good',
    ms: 40 * MINUTE,
    lost: { scrap: 2.5 * MINUTE, rework: 7.5 * MINUTE },
  })
})

test('closed periods leave the state: it does not grow with time', () => {
  const scenario = press({ shifts: [], stale: 'never', revise: '2h', lateness: '1m' })
  const sizes: number[] = []
  for (let minute = 0; minute < 7 * 24 * 60; minute += 1) {
    scenario.say(minute, { state: minute % 7 === 0 ? 'Held' : 'Execute', total: minute }).passed(minute)
    if (minute % 1440 === 1439) sizes.push(JSON.stringify(scenario.machine.save()).length)
  }
  assert.ok(sizes[0]! < 60_000, `${sizes[0]} bytes`)
  for (const size of sizes) assert.ok(Math.abs(size - sizes[0]!) < 3_000, sizes.join())
  assert.equal(scenario.results.filter(({ kind }) => kind === 'day').length, 7)
  assert.equal(scenario.newest('day').report.times.calendar, 24 * HOUR)
})

test('a silence of months is skipped and said to be, not told hour by hour', () => {
  const scenario = press({ shifts: [] }).say(0, { state: 'Execute', total: 0 }).passed(61)
  const before = scenario.results.length
  scenario.passed(200 * 1440)
  assert.equal(scenario.skipped.length, 1)
  assert.ok(scenario.results.length - before < 31 * 26)
  const { from, to } = scenario.skipped[0]!
  assert.ok(from <= scenario.at(61) + 31 * 24 * HOUR && to > scenario.at(199 * 1440))
  scenario.say(200 * 1440 + 1, { state: 'Execute', total: 7 }).passed(200 * 1440 + 120)
  assert.equal(scenario.newest('hour').revision, 0)
})

test('what cannot be noted is refused', () => {
  const scenario = press({ shifts: [], revise: '1h' }).say(0, { state: 'Execute' }).passed(300)
  const note = (from: number, to: number) =>
    scenario.machine.event({ kind: 'reason', from: scenario.at(from), to: scenario.at(to), reason: 'x', cause: 'n' })
      ?.why
  assert.equal(note(10, 10), 'empty')
  assert.equal(note(10, 50), 'too-late')
  assert.equal(note(250, 260), undefined)
  for (let index = 0; index < 999; index += 1) note(250, 260)
  assert.equal(note(250, 260), 'too-many')
})
