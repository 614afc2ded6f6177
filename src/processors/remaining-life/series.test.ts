import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../../model/json-value.ts'
import { MOST_POINTS, Series } from './series.ts'

test('points are merged two by two when there are too many', () => {
  const series = new Series()
  for (let i = 0; i < MOST_POINTS; i += 1) series.add(i, 10 * i)
  const { times, values } = series.points()
  assert.equal(times.length, MOST_POINTS / 2)
  assert.deepEqual(
    [times.slice(0, 3), values.slice(0, 3)],
    [
      [0.5, 2.5, 4.5],
      [5, 25, 45],
    ],
  )
  series.add(256, 0)
  assert.deepEqual([series.points().times.at(-1), series.points().values.at(-1)], [256, 0])
  series.add(257, 8)
  assert.deepEqual([series.points().times.at(-1), series.points().values.at(-1)], [256.5, 4])
})

test('memory is bounded, the mean of all stays, and a restored one goes on bit by bit', () => {
  const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 2_000 })
  fc.assert(
    fc.property(numbers, fc.nat(), (values, cut) => {
      const whole = new Series()
      let parted = new Series()
      values.forEach((value, at) => {
        if (at === cut % values.length) parted = Series.restore(JSON.parse(JSON.stringify(parted.save())) as Json)
        whole.add(at, value)
        parted.add(at, value)
      })
      assert.ok(whole.points().times.length <= MOST_POINTS)
      assert.equal(JSON.stringify(parted.save()), JSON.stringify(whole.save()))
      assert.equal(JSON.stringify(parted.points()), JSON.stringify(whole.points()))
    }),
    { seed: 11, numRuns: 50 },
  )
})
