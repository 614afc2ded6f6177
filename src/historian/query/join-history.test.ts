import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryHistory } from '../../../test/historian/memory-history.ts'
import type { RawValue } from '../aggregates/raw-value.ts'
import type { HistoryTag } from './history-tag.ts'
import { joinAsOf } from './join-as-of.ts'
import { joinHistory, type JoinQuery, type JoinRow } from './join-history.ts'
import { ReadBudget } from './read-budget.ts'

const { signal } = new AbortController()

const tagOf = (asset: string, tag: string): HistoryTag => ({ asset, tag, type: 'number', stepped: false })
const TAGS = [
  tagOf('acme/berlin/press1', 'force'),
  tagOf('acme/berlin/press2', 'force'),
  tagOf('acme/berlin/oven', 'heat'),
]

const times = fc.uniqueArray(fc.nat(5_000), { maxLength: 80 }).map((list) => list.sort((one, other) => one - other))

function historyOf(series: readonly (readonly number[])[]): MemoryHistory {
  const history = new MemoryHistory()
  series.forEach((list, nth) => {
    const { asset, tag } = TAGS[nth]!
    history.add(asset, tag, ...list.map((time) => [time, time * 10 + nth] as const))
  })
  return history
}

/** The newest at or before, by looking at all of them. */
function plain(time: number, list: readonly number[], toleranceMs: number): number | undefined {
  return list.findLast((at) => at <= time && time - at <= toleranceMs)
}

test('rows are at the times of the first tag, cells the newest value then, if it is not too old', async () => {
  const toleranceOf = fc.oneof(fc.nat(400), fc.constant(Infinity))
  await fc.assert(
    fc.asyncProperty(fc.tuple(times, times, times), toleranceOf, fc.nat(4_000), async (series, toleranceMs, from) => {
      const query: JoinQuery = { tags: TAGS, from, to: from + 2_000, toleranceMs, limit: 1_000 }
      const { rows, next } = await joinHistory(historyOf(series), query, new ReadBudget(1e6), signal)
      const wanted = series[0].filter((time) => time >= from && time < from + 2_000)
      assert.deepEqual(
        rows.map(({ time }) => time),
        wanted,
      )
      assert.equal(next, undefined)
      for (const { time, cells } of rows) {
        assert.deepEqual(
          cells.map((cell) => cell?.time),
          series.map((list) => plain(time, list, toleranceMs)),
        )
      }
      const whole = series.map((list) => list.map((time): RawValue => ({ time, value: 0, quality: 0 })))
      const joined = joinAsOf(wanted, whole, toleranceMs)
      assert.deepEqual(
        joined.map((cells) => cells.map((cell) => cell?.time)),
        rows.map(timesIn),
      )
    }),
    { numRuns: 200 },
  )
})

const timesIn = ({ cells }: JoinRow) => cells.map((cell) => cell?.time)

test('a grid of whole minutes is the same from buckets, without reading what lies between', async () => {
  const minutes = fc.record({
    from: fc.nat(40),
    every: fc.integer({ min: 1, max: 7 }),
    rows: fc.integer({ min: 1, max: 30 }),
  })
  const seconds = fc.uniqueArray(fc.nat(4_000), { maxLength: 80 }).map((list) => list.sort((one, other) => one - other))
  await fc.assert(
    fc.asyncProperty(fc.tuple(seconds, seconds, seconds), minutes, async (series, { from, every, rows: limit }) => {
      const inMs = series.map((list) => list.map((second) => second * 1_000))
      const history = historyOf(inMs)
      const query: JoinQuery = {
        tags: TAGS,
        from: from * 60_000,
        to: 1e8,
        toleranceMs: 300_000,
        everyMs: every * 60_000,
        limit,
      }
      const { rows } = await joinHistory(history, query, new ReadBudget(0), signal)
      assert.equal(rows.length, limit)
      for (const { time, cells } of rows) {
        assert.deepEqual(
          cells.map((cell) => cell?.time),
          inMs.map((list) => plain(time, list, 300_000)),
        )
      }
      assert.equal(history.asked.samples, 0)
    }),
    { numRuns: 200 },
  )
})

test('rows of a grid, and pages that go on where the one before ended', async () => {
  const history = historyOf([[0, 1_000, 2_000, 3_000], [500, 2_500], [2_100]])
  const query: JoinQuery = { tags: TAGS, from: 0, to: 3_500, toleranceMs: 1_000, limit: 3 }
  const ask = (change: Partial<JoinQuery>) => joinHistory(history, { ...query, ...change }, new ReadBudget(100), signal)
  const gridded = await ask({ everyMs: 500 })
  assert.deepEqual(
    gridded.rows.map(({ time }) => time),
    [0, 500, 1_000],
  )
  assert.equal(gridded.next, 1_500)
  const rest = await ask({ everyMs: 500, from: 1_500, limit: 100 })
  assert.deepEqual(rest.rows.map(timesIn), [
    [1_000, 500, undefined],
    [2_000, undefined, undefined],
    [2_000, 2_500, 2_100],
    [3_000, 2_500, 2_100],
  ])
  const page = await ask({})
  assert.equal(page.next, 2_000.001)
  assert.deepEqual(
    (await ask({ from: page.next })).rows.map(({ time }) => time),
    [3_000],
  )
})
