import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SEED } from '../../../test/operators/rig.ts'
import { seededRandom } from '../../system/random.ts'
import { addTo, MOST_EXACT, newQuantiles, quantile, RELATIVE_ERROR } from './quantiles.ts'

const SHARES = [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]

test('of few numbers a percentile is exact, between two of them on a straight line', () => {
  const quantiles = newQuantiles()
  assert.equal(quantile(quantiles, 0.5), undefined)
  for (const value of [30, 10, 20, 40]) addTo(quantiles, value)
  assert.deepEqual(
    [0, 0.25, 0.5, 0.9, 1].map((share) => quantile(quantiles, share)),
    [10, 17.5, 25, 37, 40],
  )
})

test('of many it is within the relative error of the number at that rank, whatever their sign and size', () => {
  for (let seed = SEED; seed < SEED + 10; seed++) {
    const random = seededRandom(seed)
    const numbers = Array.from({ length: MOST_EXACT * 5 }, () => {
      const size = 10 ** (random.next() * 20 - 6)
      return random.next() < 0.1 ? 0 : random.next() < 0.5 ? -size : size
    })
    const quantiles = newQuantiles()
    for (const number of numbers) addTo(quantiles, number)
    assert.equal(quantiles.exact, null)
    const sorted = numbers.sort((a, b) => a - b)
    for (const share of SHARES) {
      const wanted = sorted[Math.floor(share * (sorted.length - 1))]!
      const got = quantile(JSON.parse(JSON.stringify(quantiles)) as typeof quantiles, share)!
      assert.ok(
        Math.abs(got - wanted) <= RELATIVE_ERROR * 1.0001 * Math.abs(wanted),
        `SEED=${seed} p${share}: ${got} for ${wanted}`,
      )
    }
  }
})
