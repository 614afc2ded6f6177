import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR, MINUTE, Scenario } from '../../../test/oee/scenario.ts'
import { countersOf } from './machine.ts'
import { oeeSettings } from './config.ts'
import { pastReport } from './past.ts'

const CONFIG = { tags: { state: 'state', total: 'total', good: 'good' }, idealCycle: '10s' }

/** Runs from 08:00 to 10:00 with a stop from 08:30 to 08:50; six items a minute, one of ten bad. */
function morning(): Scenario {
  const scenario = new Scenario(CONFIG, '2026-06-01T08:00:00Z')
  let total = 0
  for (let minute = 0; minute <= 120; minute += 1) {
    const stands = minute >= 30 && minute < 50
    scenario.say(minute, { state: stands ? 'Held' : 'Execute', total, good: total - Math.floor(total / 10) })
    if (!stands) total += 6
  }
  return scenario.passed(121)
}

test('any past time comes out of the hours that were told, cut anywhere', () => {
  const scenario = morning()
  const counters = countersOf(oeeSettings.parse(CONFIG))
  const hours = scenario.results.filter(({ kind }) => kind === 'hour')
  const { report, intervals } = pastReport(hours, scenario.at(20), scenario.at(80), counters)
  assert.equal(report.times.PBT, HOUR)
  assert.equal(report.times.APT, 40 * MINUTE)
  assert.equal(report.kpis.availability, 40 / 60)
  assert.equal(report.quantities.PQ, 240)
  assert.deepEqual(
    intervals.map(({ from, to, category }) => [
      (from - scenario.start) / MINUTE,
      (to - scenario.start) / MINUTE,
      category,
    ]),
    [
      [20, 30, 'running'],
      [30, 50, 'breakdown'],
      [50, 60, 'running'],
      [60, 80, 'running'],
    ],
  )
})

test('whatever it is cut into, the parts add up', () => {
  const scenario = morning()
  const counters = countersOf(oeeSettings.parse(CONFIG))
  const hours = scenario.results.filter(({ kind }) => kind === 'hour')
  const whole = pastReport(hours, scenario.start, scenario.at(120), counters).report.quantities
  const cuts = [0, 7.777, 33.3, 49.99, 50.01, 77, 100.123, 120].map((minute) => scenario.at(minute))
  const parts = cuts.slice(1).map((to, index) => pastReport(hours, cuts[index]!, to, counters).report)
  assert.equal(
    parts.reduce((sum, { quantities }) => sum + quantities.PQ, 0),
    whole.PQ,
  )
  assert.equal(
    parts.reduce((sum, { quantities }) => sum + quantities.GQ, 0),
    whole.GQ,
  )
  assert.equal(
    parts.reduce((sum, { times }) => sum + times.calendar, 0),
    2 * HOUR,
  )
})

test('time for which nothing was told is unknown, not a loss', () => {
  const scenario = morning()
  const counters = countersOf(oeeSettings.parse(CONFIG))
  const hours = scenario.results.filter(({ kind, from }) => kind === 'hour' && from !== scenario.start)
  const { report, intervals } = pastReport(hours, scenario.start, scenario.at(120), counters)
  assert.equal(report.unknownMs, HOUR)
  assert.equal(report.kpis.availability, 1)
  assert.equal(intervals[0]!.state, 'no record')
})
