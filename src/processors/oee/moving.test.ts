import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, type Random } from '../../system/random.ts'
import { oeeSettings } from './config.ts'
import { OeeMachine, type MachineState } from './machine.ts'
import type { OeeResult } from './result.ts'

const SETTINGS = oeeSettings.parse({
  tags: { total: 'n' },
  idealCycle: '10s',
  movedWithin: 4,
  microStop: '2m',
  lateness: '10m',
  revise: '90m',
  stale: '5m',
})
const WITHIN = 40_000
const CYCLE = 10_000
const STALE = 300_000
const START = Date.parse('2026-06-01T00:00:00Z')
const END = START + 5 * 3_600_000

interface Reading {
  readonly time: number
  readonly n: number
}

/** A counter that is read every few seconds, sometimes not at all, and that moves in bursts. */
function story(random: Random): Reading[] {
  const readings: Reading[] = []
  let n = 100
  let busy = true
  for (let time = START; time < END; time += 1000 * (1 + random.integer(random.next() < 0.01 ? 600 : 12))) {
    if (random.next() < 0.04) busy = !busy
    if (busy && random.next() < 0.6) n += 1 + random.integer(2)
    readings.push({ time, n })
  }
  return readings
}

/** ms by motion in the first hours, straight from the rule. */
function byHand(readings: readonly Reading[]): { [kind: string]: number } {
  const moves = readings.filter(({ n }, index) => index === 0 || n > readings[index - 1]!.n).map(({ time }) => time)
  const sums = { running: 0, stands: 0, unknown: 0 }
  for (let time = START; time < END; time += 1000) {
    const heard = readings.findLast((reading) => reading.time <= time)!.time
    const before = moves.findLast((move) => move <= time)!
    const next = moves.find((move) => move > time) ?? Infinity
    const runs = next - before <= WITHIN || time >= next - CYCLE
    if (time >= heard + STALE) sums.unknown += 1000
    else if (runs) sums.running += 1000
    else sums.stands += 1000
  }
  return sums
}

function run(
  steps: readonly (Reading | number)[],
  restart: () => boolean = () => false,
): { told: OeeResult[]; state: string } {
  let machine = new OeeMachine(SETTINGS)
  const told: OeeResult[] = []
  for (const step of steps) {
    if (restart()) machine = new OeeMachine(SETTINGS, JSON.parse(JSON.stringify(machine.save())) as MachineState)
    if (typeof step === 'number') told.push(...machine.watermark(step).filter((result) => result.type === 'result'))
    else assert.equal(machine.reading({ time: step.time, values: { n: step.n }, cause: `r${step.time}` }), undefined)
  }
  return { told, state: JSON.stringify(machine.save()) }
}

function last(told: readonly OeeResult[]): Map<string, OeeResult> {
  return new Map(told.map((result) => [`${result.kind} ${result.from}`, { ...result, revision: 0 }]))
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`a machine of which only a counter is known: by hand, late, and between restarts (seed ${seed})`, () => {
    const random = seededRandom(seed)
    const readings = story(random)
    const once = run([...readings, END + 3_600_000])
    const hours = [...last(once.told).values()].filter(({ kind, from }) => kind === 'hour' && from < END)
    const sum = (...names: (keyof OeeResult['report']['totals']['ms'])[]) =>
      names.reduce((all, name) => all + hours.reduce((ms, { report }) => ms + report.totals.ms[name], 0), 0)
    const found = { running: sum('running'), stands: sum('breakdown', 'micro-stop'), unknown: sum('unknown') }
    assert.deepEqual(found, byHand(readings))

    const arrivals = readings.map((reading) => ({
      reading,
      at: reading.time + (random.next() < 0.2 ? random.integer(500_000) : 0),
    }))
    const steps: (Reading | number)[] = []
    let watermark = 0
    for (const { reading, at } of arrivals.sort((a, b) => a.at - b.at)) {
      watermark = Math.max(watermark, at - 1)
      steps.push(reading)
      if (random.next() < 0.3) steps.push(watermark)
    }
    const late = run([...steps, END + 3_600_000])
    assert.deepEqual(last(late.told), last(once.told))
    const again = run([...steps, END + 3_600_000], () => random.next() < 0.05)
    assert.equal(JSON.stringify(again.told), JSON.stringify(late.told))
    assert.equal(again.state, late.state)
  })
}
