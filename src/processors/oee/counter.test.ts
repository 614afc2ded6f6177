import assert from 'node:assert/strict'
import { test } from 'node:test'
import { count, newCounter } from './counter.ts'

/** What each value counted, in units. */
function counted(values: readonly number[], max?: number): (number | string)[] {
  const counter = newCounter(max)
  return values.map((value) => {
    const { counted, oddity } = count(counter, value)
    return oddity === undefined ? counted / 1000 : `${counted / 1000} ${oddity}`
  })
}

test('the first value only says where a counter stands', () => {
  assert.deepEqual(counted([1000, 1003, 1003, 1010]), [0, 3, 0, 7])
})

test('a counter with a known greatest value rolls over', () => {
  assert.deepEqual(counted([995, 2, 3], 999), [0, '7 rollover', 1])
  assert.deepEqual(counted([60_000, 100], 65_535), [0, '5636 rollover'])
})

test('a usual greatest value is learned when it is passed in usual steps, and is then known', () => {
  assert.deepEqual(counted([65_520, 65_530, 4, 60_000, 100]), [0, 10, '10 rollover', 59_996, '5636 rollover'])
})

test('far from any greatest value a counter that falls was reset: what it shows was made since', () => {
  assert.deepEqual(counted([60_000, 60_005, 12, 20]), [0, 5, '12 reset', 8])
  assert.deepEqual(counted([5000, 5001, 0]), [0, 1, '0 reset'])
})

test('a counter that is set back a little takes nothing off and counts nothing', () => {
  assert.deepEqual(counted([1000, 998, 1001]), [0, '0 back', 3])
})

test('parts of units add up exactly', () => {
  const values = Array.from({ length: 1001 }, (_, index) => index / 10)
  assert.equal(
    counted(values).reduce((sum: number, part) => sum + Number(part) * 1000, 0),
    100_000,
  )
})
