import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inferDefinition } from './definition.ts'
import { qualityOf, samplesOf, type Reading } from './reading.ts'

const reading: Reading = {
  asset: 'acme/berlin/press7',
  sourceTime: 1,
  serverTime: 2,
  receivedTime: 3,
  values: { temperature: 71.3, pressure: null },
  quality: { pressure: 0x808c0000 },
}

test('a reading is one sample per tag, each with its quality and the three times', () => {
  assert.deepEqual(samplesOf(reading), [
    {
      asset: 'acme/berlin/press7',
      tag: 'temperature',
      value: 71.3,
      quality: 0,
      sourceTime: 1,
      serverTime: 2,
      receivedTime: 3,
    },
    {
      asset: 'acme/berlin/press7',
      tag: 'pressure',
      value: null,
      quality: 0x808c0000,
      sourceTime: 1,
      serverTime: 2,
      receivedTime: 3,
    },
  ])
})

test('a tag without an entry is Good, also when its name is one of Object.prototype', () => {
  assert.equal(qualityOf(reading, 'temperature'), 0)
  assert.equal(qualityOf(reading, 'toString'), 0)
  assert.equal(qualityOf({ ...reading, quality: {} }, '__proto__'), 0)
})

test('the type of a tag is told from its first value', () => {
  const types = [true, 1, 1n, 'x', Uint8Array.of(1), [1], { a: 1 }].map((value) => inferDefinition(value).type)
  assert.deepEqual(types, ['boolean', 'number', 'int64', 'string', 'bytes', 'array', 'structure'])
})
