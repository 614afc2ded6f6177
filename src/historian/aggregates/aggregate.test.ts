import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Quality, severity } from '../../model/quality.ts'
import { aggregate, AggregateStream, type AggregateRequest } from './aggregate.ts'
import { AGGREGATES, type AggregateName } from './catalogue.ts'
import { hasInfo } from './info-bits.ts'
import { intervalsOf } from './intervals.ts'
import type { RawValue } from './raw-value.ts'
import type { AggregatePoint } from './result.ts'
import { isUsable, STANDARD_RULES, type AggregateRules } from './rules.ts'

const ALL = Object.keys(AGGREGATES) as AggregateName[]

const qualities = fc.constantFrom(Quality.Good, Quality.Good, Quality.Good, Quality.Uncertain, Quality.BadSensorFailure)

/** Values at whole quarters of a second, some of them Bad, some Uncertain. */
const series = fc
  .uniqueArray(fc.record({ at: fc.nat(400), number: fc.integer({ min: -50, max: 50 }), quality: qualities }), {
    selector: ({ at }) => at,
    maxLength: 60,
  })
  .map((rows) =>
    rows.sort((one, other) => one.at - other.at).map(({ at, number, quality }) => rawOf(at, number, quality)),
  )

const rules: fc.Arbitrary<AggregateRules> = fc.record({
  stepped: fc.boolean(),
  treatUncertainAsBad: fc.boolean(),
  percentDataBad: fc.integer({ min: 50, max: 100 }),
  percentDataGood: fc.integer({ min: 50, max: 100 }),
  slopedExtrapolation: fc.boolean(),
})

const span = fc.record({ start: fc.nat(110_000), end: fc.nat(110_000), everyMs: fc.integer({ min: 500, max: 20_000 }) })

function rawOf(at: number, value: number, quality: number): RawValue {
  return { time: at * 250, value: severity(quality) === 'bad' ? null : value, quality }
}

test('values that come bit by bit give the same as all at once, and are not kept', () => {
  fc.assert(
    fc.property(series, rules, span, (values, rules, span) => {
      const request: AggregateRequest = { ...span, aggregates: ALL, rules }
      const stream = new AggregateStream(request)
      const rows = [...values.flatMap((value) => stream.push(value)), ...stream.end()]
      if (span.end < span.start) rows.reverse()
      const whole = aggregate(values, request)
      ALL.forEach((name, nth) =>
        assert.deepEqual(
          rows.map((row) => row[nth]),
          whole.get(name),
          name,
        ),
      )
    }),
    { numRuns: 300 },
  )
})

test('an interval needs no more than its neighbours: each one alone is as it is among the others', () => {
  fc.assert(
    fc.property(series, rules, span, (values, rules, span) => {
      const whole = aggregate(values, { ...span, aggregates: ALL, rules })
      const intervals = [...intervalsOf(span)]
      if (span.end < span.start) intervals.reverse()
      for (const [nth, { early, late }] of intervals.entries()) {
        const [start, end] = span.end < span.start ? [late, early] : [early, late]
        const alone = aggregate(around(values, early, late, rules), { start, end, everyMs: 0, aggregates: ALL, rules })
        for (const name of ALL) assert.deepEqual(alone.get(name), [whole.get(name)![nth]], `${name} ${early} ${late}`)
      }
    }),
    { numRuns: 200 },
  )
})

/** What is in an interval, and the neighbours that `aggregate` says it should have. */
function around(values: readonly RawValue[], early: number, late: number, rules: AggregateRules): RawValue[] {
  const [before, after] = [values.filter(({ time }) => time < early), values.filter(({ time }) => time > late)]
  const usable = (list: readonly RawValue[]) => list.filter((raw) => isUsable(raw, rules))
  const needed = new Set([
    ...usable(before).slice(-2),
    ...before.slice(-1),
    ...after.slice(0, 1),
    ...usable(after).slice(0, 1),
  ])
  return values.filter((raw) => needed.has(raw) || (raw.time >= early && raw.time <= late))
}

test('a long series is cut as a short one is', () => {
  const values = Array.from({ length: 10_000 }, (_, at) =>
    rawOf(at, (at * 7919) % 101, at % 13 === 0 ? Quality.BadTimeout : 0),
  )
  const request = { start: 0, end: 2_500_000, everyMs: 3_100, aggregates: ALL, rules: STANDARD_RULES }
  const whole = aggregate(values, request)
  for (const [nth, { early, late }] of [...intervalsOf(request)].entries()) {
    if (nth % 40 !== 0) continue
    const near = values.filter(({ time }) => time > early - 10_000 && time < late + 10_000)
    const alone = aggregate(near, { ...request, start: early, end: late, everyMs: 0 })
    for (const name of ALL) assert.deepEqual(alone.get(name), [whole.get(name)![nth]], `${name} ${early}`)
  }
})

test('durations add up: Good, Bad and Uncertain time is all the time; without Uncertain the percents are 100', () => {
  fc.assert(
    fc.property(series, rules, span, (values, rules, span) => {
      const certain = values.map((raw) => (severity(raw.quality) === 'uncertain' ? { ...raw, quality: 0 } : raw))
      const aggregates: AggregateName[] = ['DurationGood', 'DurationBad', 'PercentGood', 'PercentBad']
      // Stepped, so that no bound is Uncertain for what comes after it.
      const points = aggregate(certain, { ...span, aggregates, rules: { ...rules, stepped: true } })
      const [good, bad, percentGood, percentBad] = aggregates.map((name) => points.get(name)!)
      const intervals = [...intervalsOf(span)]
      if (span.end < span.start) intervals.reverse()
      good!.forEach((point, nth) => {
        if (point.value === null) return
        const { early, late } = intervals[nth]!
        const [last] = certain.slice(-1)
        // Of the interval that the last value is in, nothing is known after it, but for one millisecond.
        const ends = last!.time >= early && last!.time < late && severity(last!.quality) === 'good'
        const whole = ends ? last!.time - early + 1 : late - early
        assert.equal(numberIn(point) + numberIn(bad![nth]!), whole)
        assert.ok(Math.abs(numberIn(percentGood![nth]!) + numberIn(percentBad![nth]!) - 100) < 1e-9)
      })
    }),
    { numRuns: 300 },
  )
})

test('areas add up: the total of a span is that of its intervals', () => {
  fc.assert(
    fc.property(series, rules, fc.integer({ min: 500, max: 20_000 }), (values, rules, everyMs) => {
      const usable = values.filter((raw) => isUsable(raw, rules))
      fc.pre(usable.length >= 2)
      const [start, end] = [usable[0]!.time, usable.at(-1)!.time]
      const totals = (every: number) =>
        aggregate(values, { start, end, everyMs: every, aggregates: ['Total'], rules }).get('Total')!
      const parts = totals(everyMs).reduce((sum, point) => sum + numberIn(point), 0)
      assert.ok(Math.abs(parts - numberIn(totals(0)[0]!)) < 1e-6 * Math.max(1, Math.abs(parts)))
    }),
    { numRuns: 300 },
  )
})

test('backwards, intervals between the values are the same as forwards, the newest first', () => {
  const same: AggregateName[] = [
    'TimeAverage',
    'TimeAverage2',
    'Total',
    'Average',
    'Minimum',
    'Maximum',
    'MinimumActualTime',
    'Count',
    'DurationGood',
    'DurationBad',
    'PercentBad',
    'WorstQuality',
    'VarianceSample',
    'Range',
  ]
  const actual = new Set<string>(['MinimumActualTime'])
  fc.assert(
    fc.property(series, rules, fc.integer({ min: 1, max: 80 }), (values, rules, count) => {
      // Edges lie between the values, which are at whole quarters of a second.
      const [start, end] = [-125, -125 + count * 1500]
      const forwards = aggregate(values, { start, end, everyMs: 1500, aggregates: same, rules })
      const backwards = aggregate(values, { start: end, end: start, everyMs: 1500, aggregates: same, rules })
      for (const name of same) {
        const turned = forwards.get(name)!.toReversed()
        const dated = turned.map((point) =>
          actual.has(name) && point.value !== null ? point : { ...point, time: point.time + 1500 },
        )
        const comparable = (point: AggregatePoint) => ({ ...point, quality: severity(point.quality) })
        assert.deepEqual(backwards.get(name)!.map(comparable), dated.map(comparable), name)
      }
    }),
    { numRuns: 200 },
  )
})

test('backwards, an interval has what is at its late edge and not what is at its early edge', () => {
  const values = [rawOf(0, 1, 0), rawOf(4, 2, 0), rawOf(8, 3, 0)]
  const request = { start: 2000, end: 0, everyMs: 1000, rules: STANDARD_RULES }
  const points = aggregate(values, { ...request, aggregates: ['Start', 'End', 'Count', 'Delta', 'DeltaBounds'] })
  assert.deepEqual(
    points.get('Start')!.map(({ time, value }) => [time, value]),
    [
      [2000, 3],
      [1000, 2],
    ],
  )
  assert.deepEqual(
    points.get('End')!.map(({ value }) => value),
    [3, 2],
  )
  assert.deepEqual(
    points.get('Count')!.map(({ time, value }) => [time, value]),
    [
      [2000, 1],
      [1000, 1],
    ],
  )
  assert.deepEqual(
    points.get('Delta')!.map(({ value }) => value),
    [0, 0],
  )
  assert.deepEqual(
    points.get('DeltaBounds')!.map(({ value }) => value),
    [-1, -1],
  )
})

test('of values with the same time the last one counts, and says that there are more', () => {
  const values = [rawOf(0, 1, 0), rawOf(4, 2, 0), rawOf(4, 7, 0), rawOf(8, 3, 0)]
  const points = aggregate(values, {
    start: 0,
    end: 2000,
    everyMs: 1000,
    aggregates: ['Start', 'Interpolative', 'Count'],
    rules: STANDARD_RULES,
  })
  const [, second] = points.get('Start')!
  assert.equal(second!.value, 7)
  assert.ok(hasInfo(second!.quality, 'ExtraData'))
  assert.equal(points.get('Interpolative')![1]!.value, 7)
  assert.deepEqual(
    points.get('Count')!.map(({ value }) => value),
    [1, 1],
  )
})

test('a value that is no number is as good as none to what calculates, and a value to what does not', () => {
  const values: RawValue[] = [rawOf(0, 1, 0), { time: 500, value: 'Execute', quality: 0 }, rawOf(8, 3, 0)]
  const request = { start: 0, end: 2000, everyMs: 0, rules: STANDARD_RULES }
  const counted = aggregate(values, { ...request, aggregates: ['Count', 'NumberOfTransitions', 'End'] })
  assert.deepEqual(
    [...counted.values()].map(([point]) => point!.value),
    [2, 2, 'Execute'],
  )
  const calculated = aggregate(values, { ...request, aggregates: ['Count', 'Average', 'WorstQuality'] })
  assert.deepEqual(
    [...calculated.values()].map(([point]) => point!.value),
    [1, 1, Quality.BadTypeMismatch],
  )
})

test('start and end the same make no interval, 0 and lengths beyond the span make one', () => {
  const of = (start: number, end: number, everyMs: number) => [...intervalsOf({ start, end, everyMs })]
  assert.deepEqual(of(5, 5, 1), [])
  assert.deepEqual(of(0, 10, 0), [{ early: 0, late: 10 }])
  assert.deepEqual(of(0, 10, 20), [{ early: 0, late: 10 }])
  assert.deepEqual(of(0, 10, 4), [
    { early: 0, late: 4 },
    { early: 4, late: 8 },
    { early: 8, late: 10 },
  ])
  assert.deepEqual(of(10, 0, 4), [
    { early: 0, late: 2 },
    { early: 2, late: 6 },
    { early: 6, late: 10 },
  ])
})

function numberIn({ value }: AggregatePoint): number {
  assert.equal(typeof value, 'number')
  return value as number
}
