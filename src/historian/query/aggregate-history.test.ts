import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryHistory } from '../../../test/historian/memory-history.ts'
import { Quality, severity } from '../../model/quality.ts'
import { aggregate } from '../aggregates/aggregate.ts'
import { AGGREGATES, type AggregateName } from '../aggregates/catalogue.ts'
import type { RawValue } from '../aggregates/raw-value.ts'
import type { AggregatePoint } from '../aggregates/result.ts'
import { STANDARD_RULES, type AggregateRules } from '../aggregates/rules.ts'
import type { HistoryError } from '../history-error.ts'
import { aggregateHistory } from './aggregate-history.ts'
import { isBucketed } from './bucket-aggregates.ts'
import type { HistoryTag } from './history-tag.ts'
import { ReadBudget } from './read-budget.ts'

const ASSET = 'acme/berlin/press1'
const TAG: HistoryTag = { asset: ASSET, tag: 'pressure', type: 'number', stepped: false }
const ALL = Object.keys(AGGREGATES) as AggregateName[]
const BUCKETED = ALL.filter(isBucketed)
const MINUTE = 60_000

const { signal } = new AbortController()

const qualities = fc.constantFrom(
  ...Array(12).fill(Quality.Good),
  Quality.Uncertain,
  Quality.BadSensorFailure,
) as fc.Arbitrary<number>

/** Samples of half an hour, at whole tenths of a second, some on the minute. */
const series = fc
  .uniqueArray(
    fc.record({
      at: fc.oneof(
        fc.nat(18_000),
        fc.nat(30).map((minute) => minute * 600),
      ),
      value: fc.integer({ min: -20, max: 20 }),
      quality: qualities,
    }),
    { selector: ({ at }) => at, maxLength: 120 },
  )
  .map((rows) => rows.sort((one, other) => one.at - other.at))
  .map((rows) =>
    rows.map(({ at, value, quality }): RawValue => ({
      time: at * 100,
      value: severity(quality) === 'bad' ? null : value,
      quality,
    })),
  )

function historyOf(values: readonly RawValue[]): MemoryHistory {
  return new MemoryHistory().add(
    ASSET,
    'pressure',
    ...values.map(({ time, value, quality }) => [time, value, quality] as const),
  )
}

interface Asked {
  readonly start: number
  readonly end: number
  readonly everyMs: number
  readonly aggregates: readonly AggregateName[]
}

async function ask(history: MemoryHistory, asked: Asked, rules: AggregateRules, most = Infinity) {
  const tag = { ...TAG, stepped: rules.stepped }
  const [found] = await aggregateHistory(
    history,
    { ...asked, tags: [tag], rules: () => rules },
    new ReadBudget(most),
    signal,
  )
  return found!
}

test('aggregates out of history are those of all its values: what is read of it is enough', async () => {
  const rules = fc.record({
    stepped: fc.boolean(),
    treatUncertainAsBad: fc.constant(true),
    percentDataBad: fc.constant(100),
    percentDataGood: fc.constant(100),
    slopedExtrapolation: fc.boolean(),
  })
  const times = fc.record({
    start: fc.nat(2_700_000),
    end: fc.nat(2_700_000),
    everyMs: fc.integer({ min: 7_000, max: 90_000 }),
  })
  await fc.assert(
    fc.asyncProperty(series, rules, times, async (values, rules, times) => {
      fc.pre(times.start % MINUTE !== 0)
      const { points, fromBuckets } = await ask(historyOf(values), { ...times, aggregates: ALL }, rules)
      const wanted = aggregate(values, { ...times, aggregates: ALL, rules })
      assert.equal(fromBuckets, 0)
      ALL.forEach((name, nth) => assert.deepEqual(points[nth], wanted.get(name), name))
    }),
    { numRuns: 150 },
  )
})

test('what comes from buckets is what samples give, but for MultipleValues and the last digits of sums', async () => {
  let exact = 0
  const times = fc.record({
    start: fc.nat(25),
    count: fc.nat(20),
    over: fc.nat(MINUTE - 1),
    every: fc.integer({ min: 1, max: 5 }),
  })
  await fc.assert(
    fc.asyncProperty(series, fc.boolean(), times, async (values, stepped, { start, count, over, every }) => {
      const asked: Asked = {
        start: start * MINUTE,
        end: (start + count) * MINUTE + over + 1,
        everyMs: every * MINUTE,
        aggregates: BUCKETED,
      }
      const rules = { ...STANDARD_RULES, stepped, slopedExtrapolation: over % 2 === 0 }
      const { points, fromBuckets } = await ask(historyOf(values), asked, rules)
      exact += fromBuckets
      const wanted = aggregate(values, { ...asked, rules })
      asked.aggregates.forEach((name, nth) => {
        assertAlike(points[nth]!, wanted.get(name)!, name)
      })
    }),
    { numRuns: 300 },
  )
  // A test that never saw a bucket would be none.
  assert.ok(exact > 500, `${exact} intervals came from buckets`)
})

const MULTIPLE_VALUES = 0x10

/** Equal but for MultipleValues (and the bits that say that there are any, where it was the only one) and last digits. */
function assertAlike(points: readonly AggregatePoint[], wanted: readonly AggregatePoint[], name: string): void {
  const digits = points.map((point, nth) => sameButDigits(point, wanted[nth]))
  assert.deepEqual(digits.map(plain), wanted.map(plain), name)
}

/** With the value that was wanted, where it is that but for its last digits. */
function sameButDigits(point: AggregatePoint, wanted: AggregatePoint | undefined): AggregatePoint {
  const [value, want] = [point.value, wanted?.value]
  if (typeof value !== 'number' || typeof want !== 'number') return point
  return Math.abs(value - want) <= Math.max(1e-6, 1e-9 * Math.abs(want)) ? { ...point, value: want } : point
}

function plain({ time, value, quality }: AggregatePoint) {
  const without = (quality & ~MULTIPLE_VALUES) >>> 0
  return { time, value, quality: (without & 0x1f) === 0 ? (without & 0xfffffbff) >>> 0 : without }
}

test('a day of a tag passes through as buckets, not as samples', async () => {
  const values = Array.from({ length: 14_400 }, (_, at): RawValue => ({
    time: at * 6_000,
    value: at % 100,
    quality: 0,
  }))
  const history = historyOf(values)
  const asked: Asked = {
    start: 0,
    end: 86_400_000,
    everyMs: MINUTE,
    aggregates: ['Average', 'Minimum', 'Maximum', 'Count'],
  }
  const { points, fromBuckets } = await ask(history, asked, STANDARD_RULES, 0)
  assert.equal(fromBuckets, 1_440)
  assert.deepEqual(
    points.map((list) => list.length),
    [1_440, 1_440, 1_440, 1_440],
  )
  assert.equal(history.asked.samples, 0)
})

test('only the intervals that buckets cannot tell are read', async () => {
  const values = Array.from({ length: 1_000 }, (_, at): RawValue => ({ time: at * 6_000, value: at, quality: 0 }))
  values[500] = { time: 3_000_000, value: null, quality: Quality.BadTimeout }
  const history = historyOf(values)
  const asked: Asked = { start: 0, end: 6_000_000, everyMs: MINUTE, aggregates: ['Average'] }
  const { points, fromBuckets } = await ask(history, asked, STANDARD_RULES)
  assert.equal(fromBuckets, 99)
  assert.equal(history.asked.samples, 10)
  assert.deepEqual(points, [...aggregate(values, { ...asked, rules: STANDARD_RULES }).values()])
})

test('a question that takes too many samples is refused, and one that nobody waits for ends', async () => {
  const values = Array.from({ length: 1_000 }, (_, at): RawValue => ({ time: at * 100, value: at, quality: 0 }))
  const asked: Asked = { start: 1, end: 100_000, everyMs: 1_000, aggregates: ['TimeAverage'] }
  await assert.rejects(ask(historyOf(values), asked, STANDARD_RULES, 500), (error: HistoryError) => {
    assert.equal(error.code, 'HISTORY_TOO_LARGE')
    return true
  })
  const text = 'x'.repeat(1 << 20)
  const texts = new MemoryHistory().add(
    ASSET,
    'pressure',
    ...Array.from({ length: 65 }, (_, at) => [at, text] as const),
  )
  const start: Asked = { start: 0, end: 65, everyMs: 1, aggregates: ['Start'] }
  await assert.rejects(ask(texts, start, STANDARD_RULES), /texts of more than 64 MiB/)
  const gone = AbortSignal.abort(new Error('gone'))
  const query = { ...asked, tags: [TAG], rules: () => STANDARD_RULES }
  await assert.rejects(aggregateHistory(historyOf(values), query, new ReadBudget(1e6), gone), /gone/)
})
