import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ORACLE_CONFIG, SECOND, story, ticks, type Input, type Tick } from '../../../test/oee/oracle.ts'
import { seededRandom, type Random } from '../../system/random.ts'
import { oeeSettings } from './config.ts'
import { CATEGORIES } from './judge.ts'
import { OeeMachine, type MachineState } from './machine.ts'
import type { OeeResult } from './result.ts'
import type { Totals } from './totals.ts'

const SEEDS = Number(process.env.SEEDS ?? 4)
const HOURS = 14
const SETTINGS = oeeSettings.parse(ORACLE_CONFIG)
// The clocks of Berlin go forward at 2026-03-29 01:00 UTC and back at 2026-10-25 01:00 UTC.
const STARTS = ['2026-03-28T17:00:00Z', '2026-10-24T17:00:00Z', '2026-06-10T08:00:00Z'].map((text) => Date.parse(text))

/** Inputs and passing time, as they reach the machine. */
type Step = Input | { readonly watermark: number }

interface Run {
  readonly told: OeeResult[]
  readonly state: string
}

function run(steps: readonly Step[], restartAt: (index: number) => boolean = () => false): Run {
  let machine = new OeeMachine(SETTINGS)
  const told: OeeResult[] = []
  for (const [index, step] of steps.entries()) {
    if (restartAt(index)) machine = new OeeMachine(SETTINGS, JSON.parse(JSON.stringify(machine.save())) as MachineState)
    if ('reading' in step) assert.equal(machine.reading(step.reading), undefined)
    else if ('event' in step) assert.equal(machine.event(step.event), undefined)
    else for (const one of machine.watermark(step.watermark)) if (one.type === 'result') told.push(one)
  }
  return { told, state: JSON.stringify(machine.save()) }
}

function begin(seed: number): {
  readonly random: Random
  readonly inputs: Input[]
  readonly start: number
  readonly end: number
} {
  const random = seededRandom(seed)
  const start = STARTS[seed % STARTS.length]!
  return { random, inputs: story(random, start, HOURS), start, end: start + HOURS * 3_600_000 }
}

function timeOf(input: Input): number {
  if ('reading' in input) return input.reading.time
  return 'time' in input.event ? input.event.time : input.event.to
}

/** In order, with time passing in between. */
function inOrder(inputs: readonly Input[], random: Random, end: number): Step[] {
  const steps: Step[] = []
  let watermark = -Infinity
  for (const input of inputs) {
    steps.push(input)
    if (random.next() < 0.2 && ('reading' in input || input.event.kind !== 'reason')) {
      watermark = Math.max(watermark, timeOf(input) - random.integer(60) * SECOND)
      if ('reading' in input) steps.push({ watermark })
    }
  }
  return [...steps, { watermark: end + 3_600_000 }]
}

/** Everything up to half an hour late, after time has passed. */
function late(inputs: readonly Input[], random: Random, end: number): Step[] {
  const arrivals = inputs.map((input, index) => {
    // Those who speak of a time in words speak in turn: their order is part of what they say.
    const timed = 'reading' in input || input.event.kind === 'order' || input.event.kind === 'offline'
    return {
      input,
      index,
      at: timeOf(input) + (timed && random.next() < 0.3 ? random.integer(1500) * SECOND : 0),
      timed,
    }
  })
  const steps: Step[] = []
  let watermark = -Infinity
  const notes = inputs.filter(
    (input) => 'event' in input && (input.event.kind === 'reason' || input.event.kind === 'planned-stop'),
  )
  for (const { input, at, timed } of arrivals.sort((a, b) => a.at - b.at || a.index - b.index)) {
    if (!timed) continue
    steps.push(input)
    watermark = Math.max(watermark, at - 60 * SECOND)
    if (random.next() < 0.2) steps.push({ watermark })
    while (notes.length > 0 && timeOf(notes[0]!) < at - 300 * SECOND) steps.push(notes.shift()!)
  }
  return [...steps, ...notes, { watermark: end + 3_600_000 }]
}

/** The last that was told of each period and order. */
function last(told: readonly OeeResult[]): Map<string, OeeResult> {
  return new Map(
    told.map((result) => [result.kind === 'order' ? result.name : `${result.kind} ${result.from}`, result]),
  )
}

function bare(results: Map<string, OeeResult>): { [key: string]: unknown } {
  return Object.fromEntries([...results].map(([key, result]) => [key, { ...result, revision: 0 }]))
}

function expected(all: readonly Tick[]): { [name: string]: number } {
  const sums: { [name: string]: number } = { total: 0, scrap: 0 }
  for (const category of CATEGORIES) sums[category] = 0
  for (const { category, total, scrap } of all) {
    sums[category]! += SECOND
    sums.total! += total
    sums.scrap! += scrap
  }
  return sums
}

function told({ ms, made, madeOutside, madeUnknown }: Totals): { [name: string]: number } {
  const counts = (index: 0 | 2) => (made.counts[index] + madeOutside.counts[index] + madeUnknown.counts[index]) / 1000
  return { ...ms, total: counts(0), scrap: counts(2) }
}

for (let seed = 1; seed <= SEEDS; seed += 1) {
  test(`what is told is what brute force finds, second by second (seed ${seed})`, () => {
    const { random, inputs, start, end } = begin(seed)
    const results = [...last(run(inOrder(inputs, random, end)).told).values()]
    const all = ticks(inputs, start - 30 * 3_600_000, end + 3_600_000)
    for (const { kind, name, from, to, report, orders, intervals } of results) {
      const own = all.filter(({ at, order }) => (kind === 'order' ? order === name : at >= from && at < to))
      assert.deepEqual(told(report.totals), expected(own), `${kind} ${name}`)
      for (const part of orders) {
        const ownPart = own.filter(({ order, product }) => order === part.order && product === part.product)
        assert.deepEqual(told(part.report.totals), expected(ownPart), `${kind} ${name} ${part.order}`)
      }
      if (kind !== 'order') assert.equal(report.times.calendar, to - from)
      if (kind === 'hour') assertCovers(intervals!, from, to)
    }
    const kinds = new Set(results.map(({ kind }) => kind))
    assert.deepEqual(
      [...kinds].sort(),
      ['day', 'hour', 'order', 'shift'].filter((kind) => kinds.has(kind as 'day')),
    )
    assert.ok(kinds.has('hour') && kinds.has('shift'))
  })

  test(`late inputs end in the results of inputs in order (seed ${seed})`, () => {
    const { random, inputs, end } = begin(seed)
    const once = run([...inputs, { watermark: end + 3_600_000 }])
    const corrected = run(late(inputs, random, end))
    assert.deepEqual(bare(last(corrected.told)), bare(last(once.told)))
    assert.ok(
      corrected.told.some(({ revision }) => revision > 0),
      'no correction was needed: this tests nothing',
    )
    for (const results of Map.groupBy(
      corrected.told,
      ({ kind, from, name }) => `${kind} ${kind === 'order' ? name : from}`,
    ).values()) {
      assert.deepEqual(
        results.map(({ revision }) => revision),
        results.map((_, index) => index),
      )
    }
  })

  test(`a machine that is saved and made anew at any step goes on, byte for byte (seed ${seed})`, () => {
    const { random, inputs, end } = begin(seed)
    const steps = late(inputs, random, end)
    const whole = run(steps)
    const again = run(steps, () => random.next() < 0.1)
    assert.equal(JSON.stringify(again.told), JSON.stringify(whole.told))
    assert.equal(again.state, whole.state)
  })
}

function assertCovers(
  intervals: readonly { readonly from: number; readonly to: number }[],
  from: number,
  to: number,
): void {
  let at = from
  for (const interval of intervals) {
    assert.equal(interval.from, at)
    assert.ok(interval.to > at && Number.isInteger(interval.to))
    at = interval.to
  }
  assert.equal(at, to)
}
