import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HOUR, MINUTE, Scenario } from '../../../test/oee/scenario.ts'
import { lineReport, rollUp, type Member } from './line.ts'
import { pareto } from './report.ts'
import { oeeSettings } from './config.ts'
import { countersOf } from './machine.ts'

interface Story {
  readonly cycleSeconds: number
  /** Minutes of the hour in which it stands, with the state. */
  readonly stands: readonly [from: number, to: number, state: string][]
  readonly perMinute: number
  readonly bad: number
  readonly hours?: number
}

/** A machine over whole hours from 06:00, with a count every minute. */
function machine(asset: string, { cycleSeconds, stands, perMinute, bad, hours = 1 }: Story): Member {
  const config = {
    tags: { state: 'state', total: 'total', scrap: 'scrap' },
    idealCycle: `${cycleSeconds}s`,
    microStop: '2m',
  }
  const scenario = new Scenario(config, '2026-06-01T06:00:00Z')
  let total = 0
  for (let minute = 0; minute < hours * 60; minute += 1) {
    const stop = stands.find(([from, to]) => minute >= from && minute < to)
    scenario.say(minute, { state: stop?.[2] ?? 'Execute', total, scrap: Math.min(total, bad) })
    if (stop === undefined) total += perMinute
  }
  scenario.say(hours * 60, { state: 'Execute', total, scrap: bad }).passed(hours * 60 + 3)
  const { totals } = scenario.machine.report(scenario.start, scenario.at(hours * 60)).report
  return { asset, counters: countersOf(oeeSettings.parse(config)), totals }
}

const FILLER = machine('filler', { cycleSeconds: 5, stands: [[0, 6, 'Suspended']], perMinute: 10, bad: 20 })
const PRESS = machine('press', { cycleSeconds: 6, stands: [[10, 22, 'Held']], perMinute: 10, bad: 10 })
const PACKER = machine('packer', { cycleSeconds: 3, stands: [[10, 23, 'Suspended']], perMinute: 10, bad: 14 })

test('a line goes at the pace of its slowest machine and makes what its last one counts as good', () => {
  const line = lineReport([FILLER, PRESS, PACKER], { produced: 'bottleneck' })!
  assert.deepEqual(
    [line.pace, line.paceBy, line.producedAt, line.goodAt],
    ['press', 'longest-ideal-cycle', 'press', 'packer'],
  )
  // The press runs 48 of 60 minutes and makes 480 at 6 s; the packer packs 470, of which 456 are good.
  assert.equal(line.kpis.availability, 48 / 60)
  assert.equal(line.kpis.effectiveness, (480 * 6) / (48 * 60))
  assert.equal(line.kpis.qualityRatio, 456 / 480)
  assert.equal(line.kpis.oee, (456 * 6) / 3600)
  assert.equal(line.scrapAndRework, 20 + 10 + 14)
})

test('counted at the last machine, OEE is the same and the loss is one of effectiveness', () => {
  const line = lineReport([FILLER, PRESS, PACKER], { produced: 'last', bottleneck: 'press' })!
  assert.deepEqual([line.paceBy, line.producedAt], ['config', 'packer'])
  assert.equal(line.quantities.PQ, 470)
  assert.equal(line.kpis.effectiveness, (470 * 6) / (48 * 60))
  assert.equal(line.kpis.qualityRatio, 456 / 470)
  assert.equal(line.kpis.oee, (456 * 6) / 3600)
  assert.equal(lineReport([], { produced: 'last' }), undefined)
})

test('machines are rolled up by their planned busy time: times are added, ratios are not averaged', () => {
  const good = machine('a', { cycleSeconds: 6, stands: [], perMinute: 10, bad: 0, hours: 1 })
  const poor = machine('b', { cycleSeconds: 6, stands: [[0, 135, 'Held']], perMinute: 10, bad: 0, hours: 3 })
  const { kpis, times, without } = rollUp([good, poor])
  assert.equal(times.PBT, 4 * HOUR)
  assert.equal(times.APT, (60 + 45) * MINUTE)
  // The mean of 100 % and 25 % is 62.5 %; by hours it is (1 * 100 % + 3 * 25 %) / 4.
  assert.equal(kpis.oee, (1 * 1 + 3 * 0.25) / 4)
  assert.equal(kpis.availability, 105 / 240)
  assert.deepEqual(without, [])
})

test('losses as a Pareto, by asset, by state and by category', () => {
  const members = [FILLER, PRESS, PACKER]
  assert.deepEqual(pareto(members, 'asset'), [
    { key: 'packer', ms: 13 * MINUTE, times: 1, share: 13 / 31, cumulative: 13 / 31 },
    { key: 'press', ms: 12 * MINUTE, times: 1, share: 12 / 31, cumulative: 25 / 31 },
    { key: 'filler', ms: 6 * MINUTE, times: 1, share: 6 / 31, cumulative: 1 },
  ])
  const brief = (by: 'state' | 'category' | 'reason') =>
    pareto(members, by).map(({ key, ms, times }) => [key, ms / MINUTE, times])
  assert.deepEqual(brief('state'), [
    ['Suspended', 19, 2],
    ['Held', 12, 1],
  ])
  assert.deepEqual(brief('category'), [
    ['waiting', 19, 2],
    ['breakdown', 12, 1],
  ])
  assert.deepEqual(brief('reason'), [['no reason given', 31, 3]])
})
