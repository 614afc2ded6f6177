import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bareTail, deviationRule, observe, returnPeriod, tailOf, type TailRule } from './tail.ts'

const RULE: TailRule = { priorPeaks: 10, priorExcess: 0.1, follows: 'rows', rate: 0.025, step: 0, gap: 2 }

test('within the limit everything is usual', () => {
  assert.equal(returnPeriod(bareTail(2), RULE, 2), 1)
  assert.equal(returnPeriod(bareTail(2), RULE, Number.NaN), 1)
})

test('beyond it the prior speaks until there are peaks', () => {
  // (0 + 100) / (0 + 1) rows between excursions, (1 + ln(4 / 2) / (10 * 0.1)) ^ 10 beyond.
  assert.equal(returnPeriod(bareTail(2), RULE, 4), 100 * (1 + Math.log(2)) ** 10)
})

test('an excursion counts once, at its peak, when it has been quiet for the gap', () => {
  const tail = bareTail(1)
  for (const value of [0, 2, 4, 0, 3, 0]) observe(tail, RULE, value, false)
  assert.deepEqual([tail.peaks, tail.peak], [0, 4])
  observe(tail, RULE, 0, false)
  assert.deepEqual([tail.peaks, tail.peak], [1, 0])
  // At most six times the mean excess so far, 0.1.
  assert.equal(tail.excess.toFixed(12), (0.6).toFixed(12))
})

test('a normal sample has the return periods of the normal distribution, or shorter ones far out: a tail is heavy until it is known', () => {
  let state = 1
  const uniform = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  const rule = deviationRule(1)
  const tail = tailOf(Array.from({ length: 5000 }, normal), rule, 0)
  for (const [z, period] of [
    [2.5, 161],
    [3.09, 1000],
    [3.719, 10_000],
  ] as const) {
    const seen = returnPeriod(tail, rule, z)
    assert.ok(seen > period / 10 && seen < period * 2, `${z} sigma: one in ${seen}, want ${period}`)
  }
})
