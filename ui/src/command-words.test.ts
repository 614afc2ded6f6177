import assert from 'node:assert/strict'
import { test } from 'node:test'
import { typedValue } from './command-words.ts'

for (const [text, type, value] of [
  ['60', 'number', 60],
  [' -1.5e3 ', 'number', -1500],
  ['true', 'boolean', true],
  ['false', 'boolean', false],
  ['07', 'string', '07'],
  ['12', 'int64', 12],
  // Beyond 2^53 it travels as a text, as the API has it.
  ['9007199254740993', 'int64', '9007199254740993'],
  ['[1,2]', 'array', [1, 2]],
] as const) {
  test(`typed: ${text} as ${type}`, () => assert.deepEqual(typedValue(text, type), value))
}

for (const [text, type, range, fault] of [
  ['', 'number', undefined, 'Want a number'],
  ['abc', 'number', undefined, 'Want a number'],
  ['1e999', 'number', undefined, 'Want a number'],
  ['1.5', 'int64', undefined, 'Want a whole number'],
  ['81', 'number', [20, 80], 'Want 20 to 80'],
  ['19', 'int64', [20, 80], 'Want 20 to 80'],
  ['{', 'structure', undefined, 'Want an object as JSON'],
] as const) {
  test(`not taken: ${JSON.stringify(text)} as ${type}`, () =>
    assert.throws(() => typedValue(text, type, range), { message: fault }))
}
