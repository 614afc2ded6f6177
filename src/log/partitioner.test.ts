import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2 as reference } from '@platformatic/kafka'
import fc from 'fast-check'
import { murmur2, partitionOf } from './partitioner.ts'

test('murmur2 gives the values of the test of Kafka itself', () => {
  // org.apache.kafka.common.utils.UtilsTest, testMurmur2
  const cases: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ]
  for (const [key, hash] of cases) assert.equal(murmur2(key), hash, key)
  assert.equal(murmur2(Buffer.from('abc')), 479470107)
})

test('murmur2 agrees with another implementation for every text and its bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (key) => {
      assert.equal(murmur2(key), reference(Buffer.from(key)))
      assert.equal(murmur2(Buffer.from(key)), reference(Buffer.from(key)))
    }),
  )
})

test('a partition is the hash without its sign, modulo the count', () => {
  assert.equal(partitionOf('21', 12), (-973932308 & 0x7fffffff) % 12)
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 1000 }), (key, count) => {
      const partition = partitionOf(key, count)
      assert.ok(partition >= 0 && partition < count)
    }),
  )
})
