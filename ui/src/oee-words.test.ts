import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flagTexts, lengthText, percentText, placeOfCause } from './oee-words.ts'

test('lengths have two units at most, ratios a percent sign', () => {
  const lengths = [0, 4_500, 59_000, 60_000, 75_000, 3_600_000, 4_320_000, 90_000_000, -30_000]
  assert.deepEqual(lengths.map(lengthText), [
    '0 s',
    '4.5 s',
    '59 s',
    '1 min',
    '1 min 15 s',
    '1 h',
    '1 h 12 min',
    '25 h',
    '\u221230 s',
  ])
  assert.deepEqual([percentText(0.8333), percentText(1), percentText(null)], ['83.3 %', '100.0 %', '–'])
})

test('a cause says where a reading lies; what a reader has to know is said in words', () => {
  assert.deepEqual(placeOfCause('acme.berlin.telemetry/3/1234'), {
    topic: 'acme.berlin.telemetry',
    at: '3:1234',
    partition: '3',
  })
  assert.equal(placeOfCause(''), undefined)
  assert.deepEqual(flagTexts(['unknown-time', 'counter-reset']), ['A counter was reset'])
})
