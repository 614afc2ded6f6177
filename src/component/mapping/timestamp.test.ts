import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { parseTime } from './timestamp.ts'

test('numbers count s, ms, us or ns by their magnitude', () => {
  assert.equal(parseTime(0), 0)
  assert.equal(parseTime(1_732_287_000), 1_732_287_000_000)
  assert.equal(parseTime(1_732_287_000.5), 1_732_287_000_500)
  assert.equal(parseTime(1_732_287_000_123), 1_732_287_000_123)
  assert.equal(parseTime(1_732_287_000_123.4565), 1_732_287_000_123.457)
  assert.equal(parseTime(1_732_287_000_123_456), 1_732_287_000_123.456)
  assert.equal(parseTime(1_732_287_000_123_456_789n), 1_732_287_000_123.457)
  assert.equal(parseTime('1732287000123'), 1_732_287_000_123)
  assert.equal(parseTime(-86_400), -86_400_000)
})

test('ISO 8601 is read with its fractions and its offset', () => {
  const cases: [string, number][] = [
    ['2024-11-22T14:50:00Z', 1_732_287_000_000],
    ['2024-11-22T15:50:00+01:00', 1_732_287_000_000],
    ['2024-11-22T15:50:00+0100', 1_732_287_000_000],
    ['2024-11-22T15:50+01', 1_732_287_000_000],
    ['2024-11-22 14:50:00', 1_732_287_000_000],
    ['2024-11-22T14:50:00.123Z', 1_732_287_000_123],
    ['2024-11-22T14:50:00.123456789Z', 1_732_287_000_123.457],
    ['2024-11-22T14:50:00,5Z', 1_732_287_000_500],
    ['2024-11-22', 1_732_233_600_000],
    ['9999-12-31T23:59:59Z', 253_402_300_799_000],
  ]
  for (const [text, ms] of cases) assert.equal(parseTime(text), ms, text)
})

test('what is no time is undefined', () => {
  const cases = ['', 'now', '22.11.2024', '2024-13-01', '2024-11-22T25:00:00Z', '1e3', '9'.repeat(60), true, {}, [1]]
  for (const given of [...cases, Number.POSITIVE_INFINITY, Number.NaN, 1e300]) assert.equal(parseTime(given), undefined)
})
