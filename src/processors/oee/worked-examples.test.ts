import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { MINUTE, Scenario } from '../../../test/oee/scenario.ts'

const FILE = new URL('../../../../shared/data/oee/worked_examples.csv', import.meta.url)

interface Example {
  readonly id: string
  readonly [column: string]: string
}

function examples(): Example[] {
  const [head, ...lines] = readFileSync(FILE, 'utf8').trim().split('\n')
  const columns = head!.split(',')
  return lines.map((line) => {
    const cells = [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map((match) => match[1] ?? match[2]!)
    return Object.fromEntries(columns.map((column, index) => [column, cells[index]!])) as unknown as Example
  })
}

/**
 * A published example as the machine would have told it: a shift with its breaks, production with a count every minute at
 * its even speed, one stop, bad items spread over the run.
 */
function played(
  example: Example,
  shift: object,
  breaks: 'excluded' | 'loss',
  pauses: readonly [number, number][],
): Scenario {
  const total = Number(example.total_parts || 0)
  const reject = Number(example.reject_parts || 0)
  const run = Number(example.run_min)
  const scenario = new Scenario(
    {
      shifts: [shift],
      breaks,
      tags: { state: 'state', total: 'total', scrap: 'scrap' },
      idealCycle: example.ideal_parts_per_min === '' ? '1s' : `${60_000 / Number(example.ideal_parts_per_min)}ms`,
      revise: '1h',
    },
    '2026-06-01T06:00:00Z',
  )
  const inPause = (minute: number) => pauses.some(([from, to]) => minute >= from && minute < to)
  let ran = 0
  for (let minute = 0; minute < 480; minute += 1) {
    const runs = !inPause(minute) && ran < run
    const made = { total: Math.floor((total * ran) / run), scrap: Math.floor((reject * ran) / run) }
    scenario.say(minute, { state: runs ? 'Execute' : 'Stopped', ...made })
    if (runs) ran += 1
  }
  return scenario.say(480, { state: 'Stopped', total, scrap: reject }).passed(481)
}

const CASES: { readonly [id: string]: (example: Example) => Scenario } = {
  vorne_a: (example) => {
    const breaks = [
      { name: 'break', at: '08:00', for: '15m' },
      { name: 'meal', at: '10:00', for: '30m' },
    ]
    const shift = { name: 'day', from: '06:00', to: '14:00', breaks }
    return played(example, shift, 'excluded', [
      [120, 135],
      [240, 270],
    ])
  },
  waycalculator_1: (example) => played(example, { name: 'day', from: '06:00', to: '14:00' }, 'excluded', []),
  haldan_availability: (example) => {
    const breaks = [
      { name: 'tea', at: '08:00', for: '30m' },
      { name: 'break', at: '11:00', for: '30m' },
    ]
    return played(example, { name: 'day', from: '06:00', to: '14:00', breaks }, 'loss', [
      [120, 150],
      [300, 330],
    ])
  },
}

const skip = existsSync(FILE) ? false : 'shared/data/oee is not here'

test('published examples come out as published, within 0.1 points', { skip }, async (t) => {
  const all = examples()
  assert.deepEqual(all.map(({ id }) => id).sort(), Object.keys(CASES).sort())
  for (const example of all) {
    await t.test(example.id, () => {
      const { report } = CASES[example.id]!(example).newest('shift')
      const { availability, effectiveness, qualityRatio, oee } = report.kpis
      assert.equal(report.times.PBT, Number(example.planned_min) * MINUTE)
      assert.equal(report.times.APT, Number(example.run_min) * MINUTE)
      const near = (ratio: number | null, published: string) =>
        published === '' ||
        assert.ok(Math.abs(ratio! * 100 - Number(published)) <= 0.1, `${ratio} is not ${published} %`)
      near(availability, example.availability_pct!)
      near(effectiveness, example.performance_pct!)
      near(qualityRatio, example.quality_pct!)
      near(oee, example.oee_pct!)
    })
  }
})

test(
  'the same shift is better with its breaks taken out: a result is only comparable together with its rule',
  { skip },
  () => {
    const example = examples().find(({ id }) => id === 'haldan_availability')!
    const pauses: [number, number][] = [
      [120, 150],
      [300, 330],
    ]
    const breaks = [
      { name: 'tea', at: '08:00', for: '30m' },
      { name: 'break', at: '11:00', for: '30m' },
    ]
    const shift = { name: 'day', from: '06:00', to: '14:00', breaks }
    const { availability } = played(example, shift, 'excluded', pauses).newest('shift').report.kpis
    assert.equal(availability, 373 / 420)
  },
)
