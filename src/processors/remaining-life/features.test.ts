import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../model/json-value.ts'
import { seededRandom } from '../../system/random.ts'
import { Features, type FeatureSettings } from './features.ts'

/** One regime, two columns with normal 0 and 1; the second never changes. A life is 100 rows. */
const SETTINGS: FeatureSettings = {
  regimes: {
    means: [0, 5],
    scales: [1, 0],
    centres: [[0, 0]],
    reach: 100,
    normal: [{ means: [0, 5], deviations: [1, 0] }],
  },
  columns: [0],
  rowsPerLife: 100,
}

test('level and slopes are those of all rows at once, however long they are', () => {
  const random = seededRandom(2)
  const values = Array.from({ length: 300 }, (_, row) => row / 100 + random.next())
  const features = new Features(SETTINGS)
  values.forEach((value, row) => features.take(row, [value, 5]))
  const [level, short, long, age] = features.vector()
  near(level!, meanOf(values, 5))
  near(short!, slopeOf(values, 10))
  near(long!, slopeOf(values, 30))
  assert.equal(age, 299)
})

/** Exponentially weighted: the newest counts 1, the one before 1 - 2 / (window + 1). */
function meanOf(values: readonly number[], window: number): number {
  let [sum, weights] = [0, 0]
  values.forEach((value, row) => {
    const weight = (1 - 2 / (window + 1)) ** (values.length - 1 - row)
    sum += weight * value
    weights += weight
  })
  return sum / weights
}

/** Weighted least squares about the weighted means, held towards 0 by a fifth of the window. */
function slopeOf(values: readonly number[], window: number): number {
  const weights = values.map((_, row) => (1 - 1 / window) ** (values.length - 1 - row))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const meanTime = weights.reduce((sum, weight, row) => sum + weight * row, 0) / total
  const meanValue = weights.reduce((sum, weight, row) => sum + weight * values[row]!, 0) / total
  let [along, spread] = [0, 0]
  weights.forEach((weight, row) => {
    along += weight * (row - meanTime) * (values[row]! - meanValue)
    spread += weight * (row - meanTime) ** 2
  })
  return (window * along) / (spread + 1 + (window / 5) ** 2)
}

function near(actual: number, wanted: number): void {
  assert.ok(Math.abs(actual - wanted) < 1e-5 * Math.max(1, Math.abs(wanted)), `${actual}, want ${wanted}`)
}

test('a missing value stands for the one before, and a row of an unknown regime for none', () => {
  const [with3, without, foreign] = [3, NaN, 50].map((third) => {
    const features = new Features(SETTINGS)
    features.take(0, [1, 5])
    features.take(1, [3, 5])
    features.take(2, [third, 5])
    return features.vector()
  })
  assert.deepEqual(without, with3)
  assert.deepEqual(foreign, with3)
})

test('restored it goes on bit by bit', () => {
  const random = seededRandom(4)
  const whole = new Features(SETTINGS)
  let parted = new Features(SETTINGS)
  for (let row = 0; row < 400; row += 1) {
    if (row % 33 === 0) parted = Features.restore(SETTINGS, JSON.parse(JSON.stringify(parted.save())) as Json)
    const values = [random.next() < 0.1 ? NaN : 9 * random.next() - 4, random.next() < 0.1 ? NaN : 5]
    whole.take(row, values)
    parted.take(row, values)
    assert.deepEqual(parted.vector(), whole.vector())
  }
  assert.equal(JSON.stringify(parted.save()), JSON.stringify(whole.save()))
})
