import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../../../test/mqtt/manual-clock.ts'
import { acknowledge, startListener } from '../../../../test/mqtt/rig.ts'
import { until } from '../../../../test/until.ts'
import type { Rig } from '../../../../test/mqtt/rig.ts'
import {
  ack,
  connect,
  packet,
  PINGREQ,
  publish,
  subscribe,
  text,
  u16,
  u32,
  varint,
} from '../../../../test/mqtt/raw-client.ts'
import type { ConnectOptions, RawClient } from '../../../../test/mqtt/raw-client.ts'

/**
 * The MQTT lines of the catalogue of bad input: the connection closes with the right reason code (5) or just closes
 * (3.1.1), and whoever else is connected notices nothing.
 */

const NONE = Buffer.alloc(0)

async function ping(client: RawClient): Promise<void> {
  client.send(PINGREQ)
  assert.equal((await client.next())?.type, 13)
}

/** What a connection hears last: the reason code of a DISCONNECT or a CONNACK; `closed` where it just closes. */
async function lastWord(client: RawClient): Promise<number | 'closed'> {
  let word: number | 'closed' = 'closed'
  for (let got = await client.next(); got !== undefined; got = await client.next()) {
    if (got.type === 14) word = got.body[0]!
    if (got.type === 2) word = got.body[1]!
  }
  return word
}

async function withBystander(rig: Rig, attack: () => Promise<void>): Promise<void> {
  const bystander = await rig.client({ clientId: 'bystander', level: 5 })
  await attack()
  await ping(bystander)
  assert.equal(bystander.unread, 0)
}

/** Before CONNECT, or instead of it. */
const STRANGERS: { readonly [name: string]: readonly [bytes: Buffer, end: number | 'closed'] } = {
  'remaining length over four bytes': [Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]), 'closed'],
  '256 MB announced before CONNECT': [Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), 'closed'],
  'a TLS hello on the plain port': [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]), 'closed'],
  'an HTTP request': [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'closed'],
  'PUBLISH first': [publish(), 'closed'],
  'PINGREQ first': [PINGREQ, 'closed'],
  'CONNECT with reserved bits in its first byte': [Buffer.from([0x11, 2, 0, 0]), 'closed'],
  'a wrong protocol name': [connect({ name: 'MQTX' }), 'closed'],
  'MQTT 3.1': [connect({ name: 'MQIsdp', level: 3 }), 1],
  'level 3 with the new name': [connect({ level: 3 }), 1],
  'level 6': [connect({ level: 6 }), 0x84],
  'the reserved flag of CONNECT, 3.1.1': [connect({ flags: 3 }), 'closed'],
  'the reserved flag of CONNECT, 5': [connect({ level: 5, flags: 3 }), 0x81],
  'a will QoS without a will': [connect({ level: 5, flags: 0x0a }), 0x81],
  'a will of QoS 3': [
    connect({ level: 5, flags: 0x1e, rest: Buffer.concat([Buffer.from([0]), text('t'), text('')]) }),
    0x81,
  ],
  'a will to a topic with a wildcard': [
    connect({ level: 5, flags: 6, rest: Buffer.concat([Buffer.from([0]), text('a/#'), text('')]) }),
    0x90,
  ],
  'a will to no topic': [connect({ flags: 6, rest: Buffer.concat([text(''), text('')]) }), 'closed'],
  'a will to be retained': [
    connect({ level: 5, flags: 0x26, rest: Buffer.concat([Buffer.from([0]), text('a'), text('')]) }),
    0x9a,
  ],
  'a password without a user, 3.1.1': [connect({ flags: 0x42, rest: text('secret') }), 'closed'],
  'an empty id that is to be kept, 3.1.1': [connect({ clientId: '', clean: false }), 2],
  'an id of 300 characters': [connect({ level: 5, clientId: 'x'.repeat(300) }), 0x85],
  'an id that is not UTF-8': [connect({ level: 5, clientId: Buffer.from([0xc3, 0x28]) }), 0x81],
  'an id with a NUL': [connect({ level: 5, clientId: 'a\0b' }), 0x81],
  'an id with a surrogate': [connect({ level: 5, clientId: Buffer.from([0xed, 0xa0, 0x80]) }), 0x81],
  'CONNECT longer than its fields': [connect({ level: 5, rest: Buffer.from('more') }), 0x81],
  'CONNECT shorter than its fields': [packet(0x10, text('MQTT'), Buffer.from([5, 2, 0, 60, 0, 0, 9])), 0x81],
  'properties of CONNECT beyond its end': [packet(0x10, text('MQTT'), Buffer.from([5, 2, 0, 60, 99, 0, 0])), 0x81],
  'a property twice': [connect({ level: 5, properties: Buffer.from([0x21, 0, 5, 0x21, 0, 5]) }), 0x82],
  'an unknown property': [connect({ level: 5, properties: Buffer.from([0x7f, 0]) }), 0x81],
  'a property of another packet': [connect({ level: 5, properties: Buffer.from([0x23, 0, 1]) }), 0x82],
  'receive maximum 0': [connect({ level: 5, properties: Buffer.from([0x21, 0, 0]) }), 0x82],
  'maximum packet size 0': [connect({ level: 5, properties: Buffer.from([0x27, 0, 0, 0, 0]) }), 0x82],
  'request problem information 2': [connect({ level: 5, properties: Buffer.from([0x17, 2]) }), 0x82],
  'authentication data without a method': [connect({ level: 5, properties: Buffer.from([0x16, 0, 1, 1]) }), 0x82],
  'an authentication method': [
    connect({ level: 5, properties: Buffer.concat([Buffer.from([0x15]), text('SCRAM')]) }),
    0x8c,
  ],
}

for (const [name, [bytes, end]] of Object.entries(STRANGERS)) {
  test(`before CONNECT: ${name}`, async (t) => {
    const rig = await startListener(t)
    await withBystander(rig, async () => {
      const client = await rig.dial()
      client.send(bytes)
      assert.equal(await lastWord(client), end)
    })
  })
}

/** After CONNECT, sent by a client of 5 (the code it hears) and by one of 3.1.1 (which is closed). */
const MISTAKES: { readonly [name: string]: readonly [bytes: (level: number) => Buffer, reason: number] } = {
  'a second CONNECT': [(level) => connect({ level }), 0x82],
  'remaining length over four bytes': [() => Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]), 0x81],
  'a packet larger than allowed': [() => Buffer.from([0x30, 0x80, 0x80, 0x80, 0x01]), 0x95],
  'a packet of type 0': [() => Buffer.from([0, 0]), 0x82],
  'a CONNACK from a client': [() => Buffer.from([0x20, 2, 0, 0]), 0x82],
  'PINGREQ with reserved bits': [() => Buffer.from([0xc1, 0]), 0x81],
  'PINGREQ with a body': [() => Buffer.from([0xc0, 1, 0]), 0x81],
  'SUBSCRIBE without its reserved bit': [() => packet(0x80, u16(1), text('a'), Buffer.from([0])), 0x81],
  'PUBLISH shorter than its topic': [() => packet(0x30, u16(50), Buffer.from('abc')), 0x81],
  'an empty PUBLISH': [() => packet(0x30), 0x81],
  'PUBLISH of one byte': [() => packet(0x30, Buffer.from([0])), 0x81],
  'PUBLISH of QoS 1 that ends before its packet id': [() => packet(0x32, text('raw/a'), Buffer.from([0])), 0x81],
  'QoS 3': [(level) => publish({ level, qos: 3 }), 0x81],
  'packet id 0': [(level) => publish({ level, qos: 1, id: 0 }), 0x82],
  'DUP at QoS 0': [(level) => publish({ level, dup: true }), 0x81],
  'a topic of 65,400 slashes': [(level) => publish({ level, topic: '/'.repeat(65_400) }), 0x90],
  'a topic with a NUL': [(level) => publish({ level, topic: 'raw/a\0b' }), 0x81],
  'a topic that is not UTF-8': [(level) => publish({ level, topic: Buffer.from([0x72, 0xff, 0xfe]) }), 0x81],
  'a topic with a surrogate': [(level) => publish({ level, topic: Buffer.from([0x61, 0xed, 0xb0, 0x80]) }), 0x81],
  'a topic with +': [(level) => publish({ level, topic: 'raw/+/a' }), 0x90],
  'a topic with #': [(level) => publish({ level, topic: 'raw/#' }), 0x90],
  'SUBSCRIBE without a filter': [(level) => subscribe([], level), 0x82],
  'SUBSCRIBE with packet id 0': [(level) => subscribe([['a', 0]], level, 0), 0x82],
  'SUBSCRIBE with 10,000 filters': [
    (level) =>
      subscribe(
        Array.from({ length: 10_000 }, (_, n) => [`a/${n}`, 0] as const),
        level,
      ),
    0x97,
  ],
  'SUBSCRIBE at QoS 3': [(level) => subscribe([['a', 3]], level), 0x81],
  'SUBSCRIBE with reserved options': [(level) => subscribe([['a', 0xc0]], level), 0x81],
  'SUBSCRIBE that ends after a filter': [
    (level) => packet(0x82, u16(1), level === 5 ? Buffer.from([0]) : NONE, text('a')),
    0x81,
  ],
  'UNSUBSCRIBE without a filter': [(level) => packet(0xa2, u16(1), level === 5 ? Buffer.from([0]) : NONE), 0x82],
  'PUBACK of packet id 0': [() => ack(4, 0), 0x82],
  'PUBACK of one byte': [() => packet(0x40, Buffer.from([1])), 0x81],
  AUTH: [() => Buffer.from([0xf0, 0]), 0x82],
}

for (const [name, [bytes, reason]] of Object.entries(MISTAKES)) {
  for (const level of [4, 5]) {
    test(`${level === 5 ? 'MQTT 5' : 'MQTT 3.1.1'}: ${name}`, async (t) => {
      const rig = await startListener(t)
      await withBystander(rig, async () => {
        const client = await rig.client({ level })
        client.send(bytes(level))
        assert.equal(await lastWord(client), level === 5 ? reason : 'closed')
        assert.equal(rig.items.length, 0)
      })
    })
  }
}

/** Only 5 has properties. */
const PROPERTIES: { readonly [name: string]: readonly [properties: Buffer, reason: number] } = {
  'a length that lies': [Buffer.from([0x26, 0, 90, 1]), 0x81],
  'a property twice': [Buffer.from([0x23, 0, 1, 0x23, 0, 1]), 0x82],
  'an unknown property': [Buffer.from([0x55, 1]), 0x81],
  'topic alias 0': [Buffer.from([0x23, 0, 0]), 0x94],
  'a topic alias above the maximum': [Buffer.from([0x23, 0, 33]), 0x94],
  'payload format 2': [Buffer.from([0x01, 2]), 0x82],
  'a subscription id': [Buffer.from([0x0b, 1]), 0x82],
  'subscription id 0': [Buffer.from([0x0b, 0]), 0x82],
  'a subscription id without end': [Buffer.from([0x0b, 0xff, 0xff, 0xff, 0xff, 1]), 0x81],
  'a response topic with a wildcard': [Buffer.concat([Buffer.from([0x08]), text('a/#')]), 0x82],
  'a user property that is not UTF-8': [
    Buffer.concat([Buffer.from([0x26]), text('a'), text(Buffer.from([0xff]))]),
    0x81,
  ],
}

for (const [name, [properties, reason]] of Object.entries(PROPERTIES)) {
  test(`properties of PUBLISH: ${name}`, async (t) => {
    const rig = await startListener(t)
    await withBystander(rig, async () => {
      const client = await rig.client({ level: 5 })
      client.send(publish({ level: 5, qos: 1, properties }))
      assert.equal(await lastWord(client), reason)
      assert.equal(rig.items.length, 0)
    })
  })
}

test('properties: a topic alias before it was set', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  client.send(publish({ level: 5, topic: '', properties: Buffer.from([0x23, 0, 3]) }))
  assert.equal(await lastWord(client), 0x82)
})

test('properties: neither topic nor alias', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  client.send(publish({ level: 5, topic: '' }))
  assert.equal(await lastWord(client), 0x82)
})

test('an empty topic, 3.1.1', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  client.send(publish({ topic: '' }))
  assert.equal(await lastWord(client), 'closed')
})

test('properties: thousands of user properties are only read', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  const one = Buffer.concat([Buffer.from([0x26]), text('n'), text('v')])
  client.send(publish({ level: 5, qos: 1, properties: Buffer.concat(Array.from({ length: 5000 }, () => one)) }))
  assert.equal((await client.next())?.type, 4)
  assert.equal(rig.items.length, 1)
})

test('properties: session expiry 2^32-1 is kept for as long as we keep any', async (t) => {
  const rig = await startListener(t)
  const client = await rig.dial()
  client.send(connect({ level: 5, properties: Buffer.concat([Buffer.from([0x11]), u32(0xffffffff)]) }))
  const { body } = (await client.next())!
  assert.ok(body.includes(Buffer.concat([Buffer.from([0x11]), u32(86_400)])))
})

test('properties: a subscription id in SUBSCRIBE is not available', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  client.send(packet(0x82, u16(1), Buffer.from([2, 0x0b, 1]), text('a'), Buffer.from([0])))
  assert.equal(await lastWord(client), 0xa1)
})

test('DISCONNECT may not prolong a session that was to end', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  client.send(packet(0xe0, Buffer.from([0, 5, 0x11]), u32(10)))
  assert.equal(await lastWord(client), 0x82)
})

test('CONNECT byte by byte, and an id with + # /', async (t) => {
  const rig = await startListener(t)
  const client = await rig.dial()
  for (const byte of connect({ level: 5, clientId: 'a/+/#' })) {
    client.send(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal((await client.next())?.body[1], 0)
  await ping(client)
})

test('a BOM in a topic is a character like any other', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  client.send(publish({ qos: 1, topic: 'raw/\ufeffx' }))
  await client.next()
  assert.equal(rig.items[0]?.kind === 'raw' && rig.items[0].key, 'raw/\ufeffx')
})

test('filters: # not last, a wildcard inside a level, empty, shared, too long', async (t) => {
  const rig = await startListener(t)
  const filters = ['a/#/b', 'a+', '', '$share//x', '$share/g/x', '/'.repeat(2000), 'good/+/#'].map(
    (filter) => [filter, 1] as const,
  )
  const young = await rig.client({ level: 5 })
  young.send(subscribe(filters, 5, 9))
  assert.deepEqual((await young.next())?.body, Buffer.from([0, 9, 0, 0x8f, 0x8f, 0x8f, 0x9e, 0x9e, 0x8f, 1]))
  const old = await rig.client({ clientId: 'old' })
  old.send(subscribe(filters, 4, 9))
  assert.deepEqual((await old.next())?.body, Buffer.from([0, 9, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]))
})

test('more subscriptions than allowed are refused one by one', async (t) => {
  const rig = await startListener(t, { config: { limits: { subscriptions: 2 } } })
  const client = await rig.client({ level: 5 })
  client.send(
    subscribe(
      [
        ['a', 0],
        ['b', 1],
        ['c', 0],
        ['a', 1],
      ],
      5,
    ),
  )
  assert.deepEqual((await client.next())?.body, Buffer.from([0, 1, 0, 0, 1, 0x97, 1]))
})

test('a topic that begins with $ is not for clients: dropped by name, and 5 is told', async (t) => {
  const rig = await startListener(t)
  const young = await rig.client({ level: 5 })
  young.send(publish({ level: 5, qos: 1, topic: '$SYS/x' }))
  assert.deepEqual(await young.next(), { type: 4, flags: 0, body: Buffer.from([0, 1, 0x87]) })
  const old = await rig.client({ clientId: 'old' })
  old.send(publish({ qos: 1, topic: '$SYS/x' }))
  assert.deepEqual(await old.next(), { type: 4, flags: 0, body: u16(1) })
  assert.deepEqual(
    rig.items.map((item) => item.kind === 'dropped' && item.policy),
    ['not-authorised', 'not-authorised'],
  )
})

test('PUBREL and PUBREC of ids that nobody knows are answered, and the connection goes on', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  client.send(ack(6, 77), ack(5, 78), ack(7, 79), ack(4, 80))
  assert.deepEqual(await client.next(), { type: 6, flags: 2, body: Buffer.from([0, 78, 0x92]) })
  assert.deepEqual(await client.next(), { type: 7, flags: 0, body: Buffer.from([0, 77, 0x92]) })
  await ping(client)
})

test('QoS 2 ids that are never released: 5 runs into its receive maximum', async (t) => {
  const rig = await startListener(t, { config: { limits: { receiveMaximum: 10 } } })
  const client = await rig.client({ level: 5 })
  for (let id = 1; id <= 10; id++) {
    client.send(publish({ level: 5, qos: 2, id }))
    assert.equal((await client.next())?.type, 5)
  }
  client.send(publish({ level: 5, qos: 2, id: 11 }))
  assert.equal(await lastWord(client), 0x93)
})

test('QoS 2 ids that are never released: 3.1.1 may take them all, once', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  const all = Array.from({ length: 65_535 }, (_, index) => publish({ qos: 2, id: index + 1, payload: '' }))
  client.send(...all)
  for (let id = 1; id <= 65_535; id++) assert.deepEqual((await client.next())?.body, u16(id))
  client.send(publish({ qos: 2, id: 40_000, dup: true }))
  assert.deepEqual((await client.next())?.body, u16(40_000))
  assert.equal(rig.items.length, 65_535)
})

test('RETAIN: 5 was told that nothing is retained; 3.1.1 is taken as any message, and nothing is retained', async (t) => {
  const rig = await startListener(t)
  const young = await rig.client({ level: 5, clientId: 'young' })
  young.send(publish({ level: 5, retain: true }))
  assert.equal(await lastWord(young), 0x9a)
  const old = await rig.client()
  for (let id = 1; id <= 500; id++) old.send(publish({ qos: 1, id, topic: `raw/${id}`, retain: true }))
  await rig.until(500)
  const subscriber = await rig.client({ clientId: 'sub' })
  subscriber.send(subscribe([['raw/#', 1]]))
  assert.equal((await subscriber.next())?.type, 9)
  await ping(subscriber)
  assert.equal(subscriber.unread, 0)
})

test('who never sends CONNECT, or stops in the middle of it, is closed', async (t) => {
  const clock = new ManualClock()
  const rig = await startListener(t, { clock })
  const silent = await rig.dial()
  const half = await rig.dial()
  half.send(connect().subarray(0, 9))
  await ping(await rig.client({ clientId: 'good' }))
  clock.advance(12_000)
  await Promise.all([silent.closed, half.closed])
})

test('one byte in 59 s does not keep a connection alive', async (t) => {
  const clock = new ManualClock()
  const rig = await startListener(t, { clock })
  const client = await rig.client({ level: 5, keepAlive: 60 })
  const bytes = publish({ level: 5 })
  client.send(bytes.subarray(0, 1))
  await ping(await rig.client({ clientId: 'a' }))
  clock.advance(59_000)
  client.send(bytes.subarray(1, 2))
  await ping(await rig.client({ clientId: 'b' }))
  clock.advance(32_000)
  assert.equal(await lastWord(client), 0x8d)
})

test('without keep-alive a packet that was begun has a minute; a quiet connection stays', async (t) => {
  const clock = new ManualClock()
  const rig = await startListener(t, { clock })
  const quiet = await Promise.all(
    Array.from({ length: 200 }, (_, n) => rig.client({ keepAlive: 0, clientId: `quiet${n}` })),
  )
  const slow = await rig.client({ keepAlive: 0, clientId: 'slow' })
  slow.send(publish().subarray(0, 3))
  await ping(quiet[0]!)
  clock.advance(300_000)
  await slow.closed
  for (const client of quiet) await ping(client)
})

test('a subscriber that does not read: QoS 0 is dropped and counted by name', async (t) => {
  const rig = await startListener(t)
  const subscriber = await rig.client({ clientId: 'sub' })
  subscriber.send(subscribe([['raw/#', 0]]))
  await subscriber.next()
  subscriber.socket.pause()
  const publisher = await rig.client()
  const payload = Buffer.alloc(100_000)
  for (let id = 1; id <= 200; id++) publisher.send(publish({ qos: 1, id, payload }))
  for (let id = 1; id <= 200; id++) assert.equal((await publisher.next())?.type, 4)
  assert.match(rig.metrics.expose(), /millrace_mqtt_dropped_total\{source="cars",policy="slow-subscriber"\} [1-9]/)
  subscriber.end()
})

test('a subscriber that does not read: a full queue at QoS 1 closes it', async (t) => {
  const rig = await startListener(t, { config: { limits: { queuedMessages: 10 } } })
  const subscriber = await rig.client({ clientId: 'sub', level: 5, properties: Buffer.from([0x21, 0, 5]) })
  subscriber.send(subscribe([['raw/#', 1]], 5))
  await subscriber.next()
  const publisher = await rig.client()
  for (let id = 1; id <= 16; id++) publisher.send(publish({ qos: 1, id }))
  for (let id = 1; id <= 16; id++) assert.equal((await publisher.next())?.type, 4)
  assert.equal(await lastWord(subscriber), 0x97)
})

test('a client that does not read its acknowledgements is not read either', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  client.socket.pause()
  const block = Buffer.concat(Array.from({ length: 1000 }, () => publish({ qos: 1, topic: 'raw/a', payload: '' })))
  let stuck = false
  const before = () => rig.items.length
  while (!stuck && rig.items.length < 4_000_000) {
    const from = before()
    client.socket.write(block)
    await new Promise((resolve) => setTimeout(resolve, 2))
    if (before() === from && client.socket.writableLength > 1_000_000) stuck = true
  }
  assert.ok(stuck)
  await ping(await rig.client({ clientId: 'other' }))
})

test('too many clients: refused with a reason', async (t) => {
  const rig = await startListener(t, { config: { limits: { connections: 1 } } })
  await rig.client()
  const young = await rig.dial()
  young.send(connect({ level: 5, clientId: 'young' }))
  assert.equal(await lastWord(young), 0x97)
  const old = await rig.dial()
  old.send(connect({ clientId: 'old' }))
  assert.equal(await lastWord(old), 3)
})

test('any bytes, whole or cut: a connection at most closes, and nothing is made up', async (t) => {
  const rig = await startListener(t)
  const bystander = await rig.client({ clientId: 'bystander' })
  await fc.assert(
    fc.asyncProperty(mutated(), fc.integer({ min: 1, max: 200 }), async ({ bytes, hello }, cut) => {
      const client = await rig.dial()
      client.send(hello)
      for (let at = 0; at < bytes.length; at += cut) client.send(bytes.subarray(at, at + cut))
      client.socket.end()
      await client.closed
    }),
    { numRuns: 300 },
  )
  await ping(bystander)
  assert.doesNotMatch(rig.metrics.expose(), /reason="unspecified-error"/)
})

/** Good packets with bytes changed, removed, added and repeated; and bytes that never were a packet. */
function mutated() {
  const hello: fc.Arbitrary<ConnectOptions> = fc.record({ level: fc.constantFrom(4, 5), clean: fc.boolean() })
  const good = fc.oneof(
    fc
      .record({
        qos: fc.integer({ min: 0, max: 2 }),
        level: fc.constantFrom(4, 5),
        topic: fc.string(),
        payload: fc.string(),
      })
      .map(publish),
    fc.string().map((filter) => subscribe([[filter, 1]], 5)),
    fc.constant(PINGREQ),
    fc.integer({ min: 4, max: 7 }).map((type) => ack(type, 1)),
    fc
      .uint8Array({ maxLength: 40 })
      .map((properties) => publish({ level: 5, qos: 1, properties: Buffer.from(properties) })),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    hello.map(connect),
  )
  const change = fc.record({
    at: fc.nat(500),
    to: fc.integer({ min: 0, max: 255 }),
    how: fc.constantFrom('set', 'drop', 'add'),
  })
  return fc
    .record({
      hello: fc.oneof(hello.map(connect), fc.constant(NONE)),
      packets: fc.array(good, { minLength: 1, maxLength: 8 }),
      changes: fc.array(change, { maxLength: 6 }),
    })
    .map(({ hello: first, packets, changes }) => {
      const bytes = Array.from(Buffer.concat(packets))
      for (const { at, to, how } of changes) {
        if (how === 'set' && at < bytes.length) bytes[at] = to
        if (how === 'drop') bytes.splice(at, 1)
        if (how === 'add') bytes.splice(at, 0, to)
      }
      return { hello: first, bytes: Buffer.from(bytes) }
    })
}

test('a length announced is not a length allocated', async (t) => {
  const rig = await startListener(t, { config: { limits: { packetBytes: 268_435_460 } } })
  const clients = await Promise.all(Array.from({ length: 50 }, (_, n) => rig.client({ clientId: `c${n}` })))
  const before = process.memoryUsage().arrayBuffers
  for (const client of clients) client.send(Buffer.from([0x30]), varint(200_000_000), Buffer.alloc(10_000))
  await ping(await rig.client({ clientId: 'other' }))
  await until(() => true)
  assert.ok(process.memoryUsage().arrayBuffers - before < 50 * 4 * 10_000 + 4_000_000)
})

test('what came before a mistake in the same chunk still counts', async (t) => {
  const rig = await startListener(t, { ack: false })
  const client = await rig.client()
  client.send(publish({ qos: 1, payload: 'good' }), publish({ qos: 3 }))
  acknowledge(await rig.batch(0))
  await client.closed
  assert.equal(rig.items.length, 1)
})
