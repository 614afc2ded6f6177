import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ends } from './ends.ts'
import { outlook } from './prognosis.ts'

test('quantiles, probabilities and means of ends, by hand', () => {
  const ends = new Ends([30, 10, Infinity, 20], [1, 4, 2, 3])
  assert.deepEqual(
    [0, 0.4, 0.41, 0.7, 0.71, 0.8, 0.81, 1].map((share) => ends.quantile(share)),
    [10, 10, 20, 20, 30, 30, Infinity, Infinity],
  )
  assert.deepEqual(
    [9, 10, 19, 20, 30, 1e9].map((time) => ends.within(time)),
    [0, 0.4, 0.4, 0.7, 0.8, 0.8],
  )
  // 0.4 * 10 + 0.3 * 20 + 0.3 * 25: the third and the fourth are stopped.
  assert.ok(Math.abs(ends.meanUpTo(25) - 17.5) < 1e-12)
})

test('what is later than can be said is absent', () => {
  const ends = new Ends([5, 8, Infinity, Infinity])
  assert.deepEqual(outlook(ends, 8), { median: 8, low: 5, level: 0.8, failure: 0.5 })
  assert.deepEqual(outlook(new Ends([Infinity]), 8, 0.5), { level: 0.5, failure: 0 })
  assert.deepEqual(outlook(new Ends([3]), 2), { median: 3, low: 3, high: 3, level: 0.8, failure: 0 })
})
