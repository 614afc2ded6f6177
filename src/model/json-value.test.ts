import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonValue } from './json-value.ts'

test('values travel as JSON without losing digits', () => {
  assert.equal(jsonValue(7n), 7)
  assert.equal(jsonValue(9223372036854775807n), '9223372036854775807')
  assert.equal(jsonValue(Uint8Array.of(0xde, 0xad)), '3q0=')
  assert.deepEqual(jsonValue({ a: [1, 'x', 9007199254740993n], b: null }), { a: [1, 'x', '9007199254740993'], b: null })
  assert.equal(jsonValue(null), null)
})
