import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './subscription.ts'

const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')

test('a subscription is what Kafka writes, version 3', () => {
  const owned = [
    { topic: 't', partition: 2 },
    { topic: 't', partition: 0 },
  ]
  const bytes = encodeSubscription({ topics: ['u', 't'], owned, generation: 7 })
  const expected = hex(
    '0003', // version
    '00000002 0001 74 0001 75', // topics t, u
    '00000004 00000007', // user data: generation
    '00000001 0001 74 00000002 00000000 00000002', // owned
    '00000007 ffff', // generation, no rack
  )
  assert.deepEqual(Buffer.from(bytes), expected)
  assert.deepEqual(decodeSubscription(bytes), {
    topics: ['t', 'u'],
    owned: [
      { topic: 't', partition: 0 },
      { topic: 't', partition: 2 },
    ],
    generation: 7,
  })
})

test('older members say less: no owned partitions, the generation in the user data', () => {
  const v0 = hex('0000', '00000001 0001 74', 'ffffffff')
  assert.deepEqual(decodeSubscription(v0), { topics: ['t'], owned: [], generation: -1 })
  const v1 = hex('0001', '00000001 0001 74', '00000004 00000005', '00000001 0001 74 00000001 00000003')
  assert.deepEqual(decodeSubscription(v1), { topics: ['t'], owned: [{ topic: 't', partition: 3 }], generation: 5 })
  const sticky = hex('0001', '00000001 0001 74', '00000008 0000000000000005', '00000000')
  assert.equal(decodeSubscription(sticky).generation, -1)
})

test('an assignment is what Kafka writes; nothing at all is none', () => {
  const given = [
    { topic: 'u', partition: 1 },
    { topic: 't', partition: 0 },
  ]
  const bytes = encodeAssignment(given)
  assert.deepEqual(
    Buffer.from(bytes),
    hex('0000', '00000002 0001 74 00000001 00000000 0001 75 00000001 00000001', 'ffffffff'),
  )
  assert.deepEqual(decodeAssignment(bytes), [given[1], given[0]])
  assert.deepEqual(decodeAssignment(new Uint8Array(0)), [])
  assert.throws(() => decodeAssignment(hex('0000 7fffffff')), { code: 'KAFKA_MALFORMED_REQUEST' })
})
