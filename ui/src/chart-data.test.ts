import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alignedData, badSpans, type ChartLine } from './chart-data.ts'

function line(
  name: string,
  ...points: readonly (readonly [time: number, last: number | null, isBad?: boolean])[]
): ChartLine {
  return {
    name,
    isStepped: false,
    points: points.map(([time, last, isBad = false]) => {
      return { time, last, least: last === null ? null : last - 1, most: last === null ? null : last + 1, isBad }
    }),
  }
}

test('lines of different times share one axis; a gap of a line is null, a time that is not its own nothing', () => {
  const lines = [line('a', [1, 10], [3, null], [5, 30]), line('b', [1, 7], [4, 8])]
  assert.deepEqual(alignedData(lines), [
    [1, 3, 4, 5],
    [10, null, undefined, 30],
    [11, null, undefined, 31],
    [9, null, undefined, 29],
    [7, undefined, 8, undefined],
    [8, undefined, 9, undefined],
    [6, undefined, 7, undefined],
  ])
  assert.deepEqual(alignedData([]), [[]])
})

test('bad points that follow one another are one span, until the next good one', () => {
  const of = line('a', [1, 1], [2, 2, true], [3, 3, true], [4, 4], [5, 5, true])
  assert.deepEqual(badSpans(of), [
    [2, 4],
    [5, 5],
  ])
  assert.deepEqual(badSpans(line('a', [1, 1])), [])
})
