import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { numberText } from './value-text.ts'

test('a number is written as the engine writes it, but for -0', () => {
  const decimals = fc
    .tuple(
      fc.integer({ min: -1_000_000_000_000_000, max: 1_000_000_000_000_000 }),
      fc.constantFrom(1, 10, 100, 1e3, 1e4),
    )
    .map(([digits, divisor]) => digits / divisor)
  const small = fc.integer({ min: 0, max: 2_000_000 }).map((thousandths) => thousandths / 1000)
  const doubles = fc.double({ noNaN: true, noDefaultInfinity: true })
  fc.assert(
    fc.property(fc.oneof(decimals, small, doubles), (value) => {
      // The neighbours look alike in three decimals and are not.
      for (const one of [value, value * (1 + Number.EPSILON), value * (1 - Number.EPSILON)]) {
        assert.equal(numberText(one), Object.is(one, -0) ? '-0' : String(one))
      }
    }),
    { numRuns: 2_000 },
  )
  for (const value of [0, 0.001, 0.999, 0.9995, 999_999_999.999, 1e9 + 0.001, 1e12 + 0.5, 5e-324, 1e300]) {
    assert.equal(numberText(value), String(value))
  }
  assert.equal(numberText(-0), '-0')
})
