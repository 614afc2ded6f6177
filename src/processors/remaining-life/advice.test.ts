import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { advise } from './advice.ts'
import { Ends } from './ends.ts'

const costs = { planned: 1, failure: 5 }
const close = (actual: number, wanted: number) =>
  assert.ok(Math.abs(actual - wanted) < 1e-9, `${actual}, want ${wanted}`)

test('just before the first that may fail, where that is far enough away', () => {
  // Moments are 1 apart. Up to 99 nothing fails: 1 / (100 + 99). At 100 half have: (1 + 4 / 2) / 200.
  const advice = advise(new Ends([100, 200]), { age: 100, horizon: 150, costs, unit: 'cycles' })
  assert.deepEqual([advice.action, advice.until, advice.failure], ['plan', 99, 0.5])
  // To the end of the horizon it costs 3, and its length 100 + (100 + 150) / 2 is worth 225 / 199.
  close(advice.costOfWaiting, 3 - 225 / 199)
  assert.equal(
    advice.why,
    'it fails within 150 cycles with probability 0.5; maintenance costs least after 99 cycles more',
  )
})

test('now, where waiting risks more than it is worth', () => {
  const soon = new Ends([0.01, 1, 2, 3, 4])
  const advice = advise(soon, { age: 1_000, horizon: 10, costs, unit: 'h' })
  assert.deepEqual([advice.action, advice.until, advice.failure], ['now', 0, 1])
  // Certain failure instead of planned maintenance, less the 2.002 h that it lasts on average.
  close(advice.costOfWaiting, 5 - (1_000 + 2.002) / 1_000)
})

test('none within the horizon, where it will last', () => {
  const advice = advise(new Ends([500, 600, 700]), { age: 100, horizon: 30, costs, unit: 'cycles' })
  assert.deepEqual([advice.action, advice.failure], ['none', 0])
  assert.ok(advice.until > 480 && advice.until < 500, `until ${advice.until}`)
  const never = advise(new Ends([Infinity]), { age: 0, horizon: 30, unit: 'cycles' })
  assert.deepEqual([never.action, never.until, never.failure, never.costOfWaiting], ['none', 30, 0, 0])
})

test('waiting never costs less than the best moment, and dearer failures never make it later', () => {
  const lives = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(lives, fc.integer({ min: 1, max: 300 }), fc.integer({ min: 2, max: 20 }), (times, age, failure) => {
      const at = (dear: number) =>
        advise(new Ends(times), { age, horizon: 100, costs: { planned: 1, failure: dear }, unit: 'h' })
      assert.ok(at(failure).costOfWaiting >= 0)
      assert.ok(at(failure + 1).until <= at(failure).until)
    }),
    { seed: 7 },
  )
})
