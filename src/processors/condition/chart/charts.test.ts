import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../system/random.ts'
import { learn, newBaseline } from './baseline.ts'
import { addToCusum } from './cusum.ts'
import { addToEwma } from './ewma.ts'
import { firingRules } from './nelson.ts'

/** Values of a normal distribution (Box and Muller 1958). */
function normals(seed: number): () => number {
  const random = seededRandom(seed)
  return () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

/** How many values it takes on average until a chart says something (average run length). */
function runLength(newChart: () => (z: number) => boolean, shift: number, runs: number): number {
  const next = normals(4711)
  let total = 0
  for (let run = 0; run < runs; run++) {
    const chart = newChart()
    do total += 1
    while (!chart(next() + shift))
  }
  return total / runs
}

const ewma = (lambda: number, width: number) => () => {
  const state = { average: 0, count: 0 }
  return (z: number) => Math.abs(addToEwma(state, z, { lambda, width })) > 1
}
const cusum = (slack: number, threshold: number) => () => {
  const state = { high: 0, low: 0 }
  return (z: number) => Math.abs(addToCusum(state, z, { slack, threshold })) > 1
}
const nelson = (rules: readonly number[]) => () => {
  const window: number[] = []
  return (z: number) => {
    window.push(z)
    return firingRules(window.slice(-15), rules).length > 0
  }
}

/** Published average run lengths. */
const PUBLISHED: readonly (readonly [
  what: string,
  chart: () => (z: number) => boolean,
  shift: number,
  published: number,
])[] = [
  // Montgomery, Introduction to Statistical Quality Control, 6th edition, table 9.3.
  ['CUSUM 0.5/5', cusum(0.5, 5), 0, 465],
  ['CUSUM 0.5/5', cusum(0.5, 5), 0.5, 38],
  ['CUSUM 0.5/5', cusum(0.5, 5), 1, 10.4],
  ['CUSUM 0.5/5', cusum(0.5, 5), 2, 4.01],
  ['CUSUM 0.5/4', cusum(0.5, 4), 0, 168],
  // Lucas and Saccucci 1990, table 3 (limits of the steady state, which differ little without a shift).
  ['EWMA 0.1/2.814', ewma(0.1, 2.814), 0, 500],
  ['EWMA 0.25/2.998', ewma(0.25, 2.998), 0, 500],
  ['EWMA 0.25/2.998', ewma(0.25, 2.998), 0.5, 48.2],
  // One point beyond 3 sigma: 1 / 0.0027.
  ['rule 1', nelson([1]), 0, 370.4],
  ['rule 1', nelson([1]), 1, 43.9],
]

for (const [what, chart, shift, published] of PUBLISHED) {
  test(`${what} says something after ${published} values at a shift of ${shift} sigma`, () => {
    const runs = published > 100 ? 3_000 : 10_000
    const length = runLength(chart, shift, runs)
    // The spread of a mean of exponential lengths is 1 / sqrt(runs); published limits are rounded.
    assert.ok(Math.abs(length / published - 1) < 0.08, `it took ${length.toFixed(1)}`)
  })
}

const S = [0.5, -0.5]

/** Series that fire a rule at their last value and not before it. */
const FIRING: readonly (readonly [rule: number, window: readonly number[]])[] = [
  [1, [0, 0, 3.1]],
  [1, [0, -3.1]],
  [2, Array<number>(9).fill(0.1)],
  [2, Array<number>(9).fill(-0.1)],
  [3, [0, 0.1, 0.2, 0.3, 0.4, 0.5]],
  [3, [0.5, 0.4, 0.3, 0.2, 0.1, 0]],
  [4, [...S, ...S, ...S, ...S, ...S, ...S, ...S]],
  [5, [2.1, 0, 2.1]],
  [5, [-2.1, -2.2]],
  [6, [1.1, 1.2, 0, 1.1, 1.3]],
  [6, [-1.1, -1.2, -1.4, -1.1]],
  [7, Array.from({ length: 15 }, (_, index) => (index % 3) * 0.3 - 0.3)],
  [8, [1.1, -1.1, 1.1, 1.1, -1.2, -1.1, 1.1, -1.1]],
]

for (const [rule, window] of FIRING) {
  test(`rule ${rule} fires on ${window.slice(-5).join(' ')}`, () => {
    assert.deepEqual(firingRules(window, [rule]), [rule])
    assert.deepEqual(firingRules(window.slice(0, -1), [rule]), [])
    assert.deepEqual(
      firingRules([...window, 0, 0.01, 0], [rule]).filter((one) => one !== 7),
      [],
    )
  })
}

test('a baseline is learned from what the process is like, and a drift does not widen it', () => {
  for (const drift of [0, 0.01]) {
    const next = normals(7)
    const baseline = newBaseline(undefined)
    for (let count = 0; count < 1_000; count++) learn(baseline, 50 + 2 * next() + drift * count, 1_000)
    assert.ok(Math.abs(baseline.mean - 50 - drift * 500) < 0.3, `mean ${baseline.mean}`)
    assert.ok(Math.abs(baseline.sigma! - 2) < 0.15, `sigma ${baseline.sigma}`)
  }
})

test('values that are all the same teach nothing', () => {
  const baseline = newBaseline(undefined)
  for (let count = 0; count < 100; count++) learn(baseline, 5, 20)
  assert.equal(baseline.sigma, undefined)
  learn(baseline, 6, 20)
  assert.ok(baseline.sigma! > 0)
})
