import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ageText, digitsFor, numberText, qualityText, rateText, unitText, valueText, sizeText } from './format.ts'

test('numbers: thin spaces, a real minus, no signed zero, exponents where digits end', () => {
  assert.equal(numberText(1284812, 0), '1\u202f284\u202f812')
  assert.equal(numberText(-12.345, 2), '\u221212.35')
  assert.equal(numberText(-0.001, 1), '0.0')
  assert.equal(numberText(0.00001, digitsFor({}, [0.00001])), '0.00001')
  assert.equal(numberText(-1.6e-19, digitsFor({}, [1.6e-19])), '\u22121.600e\u221219')
  assert.equal(numberText(6.02214e23, 1), '6.022e23')
  assert.equal(numberText(999.96, 1), '1\u202f000.0')
  assert.equal(numberText(Infinity, 1), 'Infinity')
})

test('digits come from what was seen, as far as the range is worth them, so that a value does not jump', () => {
  assert.equal(digitsFor({ range: [0, 120] }, [71.28319]), 2)
  assert.equal(digitsFor({ range: [0, 120] }, [71, 71.3]), 1)
  assert.equal(digitsFor({ range: [0, 3000] }, [12.34]), 1)
  assert.equal(digitsFor({ range: [0, 100_000] }, [12.34]), 0)
  assert.equal(digitsFor({ range: [0, 1] }, [1 / 3]), 4)
  assert.equal(digitsFor({ range: [5, 5] }, [5]), 0)
  assert.equal(digitsFor({}, [1, 2, 3]), 0)
  assert.equal(digitsFor({}, [1, 2.5, 3.25]), 2)
  assert.equal(digitsFor({}, [38.458, 17.1]), 2)
  assert.equal(digitsFor({}, [387.666]), 1)
  assert.equal(digitsFor({}, [10_482.756]), 1)
  assert.equal(digitsFor({}, [NaN, 1 / 3]), 3)
})

test('every kind of value has a text', () => {
  assert.equal(valueText(null, 0), '–')
  assert.equal(valueText(true, 0), 'true')
  assert.equal(valueText('9223372036854775807', 0), '9223372036854775807')
  assert.equal(valueText([1, null], 0), '[1,null]')
  assert.equal(valueText({ a: 1 }, 0), '{"a":1}')
})

test('ages, units, qualities and rates', () => {
  assert.deepEqual([-5, 1999, 8000, 100_000, 7_200_000, 200_000_000].map(ageText), [
    'now',
    'now',
    '8 s',
    '1 min',
    '2 h',
    '2 d',
  ])
  assert.deepEqual(['Cel', 'bar', undefined, '{pieces}', '__proto__'].map(unitText), [
    '°C',
    'bar',
    '',
    'pieces',
    '__proto__',
  ])
  assert.equal(qualityText('BadSensorFailure'), 'Bad sensor failure')
  assert.equal(qualityText('0x80AB0000'), '0x80AB0000')
  assert.deepEqual([0, 0.25, 12.6].map(rateText), ['0', '0.3', '13'])
})

test('a size has one to three figures before the point', () => {
  const sizes = [0, 999, 1_000, 9_940, 10_000, 123_456, 2_500_000_000, 4e15]
  assert.deepEqual(
    sizes.map(sizeText).map((text) => text.replaceAll('\u202f', ' ')),
    ['0 B', '999 B', '1.0 kB', '9.9 kB', '10 kB', '123 kB', '2.5 GB', '4 000 TB'],
  )
})
