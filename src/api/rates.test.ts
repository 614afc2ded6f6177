import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rates } from './rates.ts'

test('a rate is what came in over the last ten seconds, per second', () => {
  const rates = new Rates()
  assert.equal(rates.total(), 0)
  for (let second = 0; second <= 30; second += 1) {
    rates.note(
      second * 1000,
      new Map([
        ['a', second * 100],
        ['b', second < 25 ? 0 : (second - 25) * 10],
      ]),
    )
  }
  assert.equal(rates.of('a'), 100)
  assert.equal(rates.of('b'), 5)
  assert.equal(rates.total(), 105)
  assert.equal(rates.of('nobody'), 0)
})
