import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acknowledge, refuse, startListener } from '../../../../test/mqtt/rig.ts'
import { until } from '../../../../test/until.ts'
import {
  ack,
  connect,
  DISCONNECT,
  PINGREQ,
  publish,
  subscribe,
  text,
  u16,
  u32,
} from '../../../../test/mqtt/raw-client.ts'
import type { RawClient } from '../../../../test/mqtt/raw-client.ts'

/** A round trip: what was sent before it has been read when it comes back. */
async function ping(client: RawClient): Promise<void> {
  client.send(PINGREQ)
  assert.equal((await client.next())?.type, 13)
}

test('no PUBACK before the batch is acknowledged, and then in the order of receipt', async (t) => {
  const rig = await startListener(t, { ack: false })
  const client = await rig.client()
  client.send(publish({ qos: 1, id: 7 }), publish({ qos: 1, id: 3 }), publish({ qos: 0 }), publish({ qos: 1, id: 9 }))
  const batch = await rig.batch(0)
  assert.equal(batch.items.length, 4)
  await ping(client)
  assert.equal(client.unread, 0)
  acknowledge(batch)
  for (const id of [7, 3, 9]) assert.deepEqual(await client.next(), { type: 4, flags: 0, body: u16(id) })
})

test('a raw message keeps its bytes, a mapped one becomes a reading, an unmapped one is quarantined and acknowledged', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  client.send(
    publish({ qos: 1, id: 1, topic: 'raw/x/y', payload: Buffer.from([0, 255, 1]) }),
    publish({ qos: 1, id: 2, topic: 'cars/car1', payload: '{"speed":3.5}' }),
    publish({ qos: 1, id: 3, topic: 'elsewhere', payload: 'what' }),
  )
  await rig.until(3)
  const [raw, mapped, rejected] = rig.items
  assert.equal(raw?.kind === 'raw' && raw.key, 'raw/x/y')
  assert.deepEqual(raw?.kind === 'raw' && [...raw.payload], [0, 255, 1])
  assert.equal(mapped?.kind === 'reading' && mapped.reading.asset, 'acme/berlin/fleet/car1')
  assert.deepEqual(mapped?.kind === 'reading' && { ...mapped.reading.values }, { speed: 3.5 })
  assert.equal(rejected?.kind === 'rejected' && rejected.code, 'NO_MAPPING')
  assert.equal(rejected?.kind === 'rejected' && Buffer.from(rejected.payload).toString(), 'what')
  for (const id of [1, 2, 3]) assert.deepEqual((await client.next())?.body, u16(id))
})

test('a packet that comes byte by byte is the same packet', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  const payload = 'y'.repeat(300)
  for (const byte of Buffer.concat([publish({ qos: 1, id: 5, payload }), publish({ qos: 1, id: 6 })])) {
    client.send(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await rig.until(2)
  assert.equal(rig.items[0]?.kind === 'raw' && Buffer.from(rig.items[0].payload).toString(), payload)
  assert.deepEqual((await client.next())?.body, u16(5))
  assert.deepEqual((await client.next())?.body, u16(6))
})

test('a failed batch closes the connections that sent it, without acknowledging', async (t) => {
  const rig = await startListener(t, { ack: false })
  const [old, young, other] = [
    await rig.client(),
    await rig.client({ level: 5, clientId: 'b' }),
    await rig.client({ clientId: 'c' }),
  ]
  old.send(publish({ qos: 1 }))
  young.send(publish({ qos: 1, level: 5 }))
  await until(() => rig.items.length === 2)
  for (const batch of rig.batches) refuse(batch, new Error('disk full'))
  assert.equal(await old.next(), undefined)
  assert.deepEqual(await young.next(), { type: 14, flags: 0, body: Buffer.from([0x83]) })
  assert.equal(await young.next(), undefined)
  await ping(other)
})

test('QoS 2: a message sent again before its release is not handed over again', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  client.send(publish({ qos: 2, id: 4, payload: 'once' }))
  assert.deepEqual(await client.next(), { type: 5, flags: 0, body: u16(4) })
  client.send(publish({ qos: 2, id: 4, payload: 'once', dup: true }))
  assert.deepEqual(await client.next(), { type: 5, flags: 0, body: u16(4) })
  assert.equal(rig.items.length, 1)
  client.send(ack(6, 4))
  assert.deepEqual(await client.next(), { type: 7, flags: 0, body: u16(4) })
  client.send(publish({ qos: 2, id: 4, payload: 'another' }))
  assert.deepEqual(await client.next(), { type: 5, flags: 0, body: u16(4) })
  assert.equal(rig.items.length, 2)
})

test('QoS 2: the state survives a reconnect, and PUBREC still waits for the log', async (t) => {
  const rig = await startListener(t, { ack: false })
  const first = await rig.client({ clean: false })
  first.send(publish({ qos: 2, id: 4 }))
  const batch = await rig.batch(0)
  first.end()
  await first.closed
  const second = await rig.dial()
  second.send(connect({ clean: false }))
  assert.deepEqual((await second.next())?.body, Buffer.from([1, 0]))
  second.send(publish({ qos: 2, id: 4, dup: true }))
  await ping(second)
  assert.equal(second.unread, 0)
  acknowledge(batch)
  assert.deepEqual(await second.next(), { type: 5, flags: 0, body: u16(4) })
  assert.equal(rig.items.length, 1)
})

test('QoS 2: when the log refused the message, sending it again hands it over again', async (t) => {
  const rig = await startListener(t, { ack: false })
  const first = await rig.client({ clean: false })
  first.send(publish({ qos: 2, id: 4 }))
  refuse(await rig.batch(0), new Error('disk full'))
  assert.equal(await first.next(), undefined)
  const second = await rig.client({ clean: false })
  second.send(publish({ qos: 2, id: 4, dup: true }))
  acknowledge(await rig.batch(1))
  assert.deepEqual(await second.next(), { type: 5, flags: 0, body: u16(4) })
  assert.equal(rig.items.length, 2)
})

test('QoS 2: the repeat on a new connection is not acknowledged when the log refuses the original', async (t) => {
  const rig = await startListener(t, { ack: false })
  const first = await rig.client({ clean: false })
  first.send(publish({ qos: 2, id: 4 }))
  const original = await rig.batch(0)
  const second = await rig.client({ clean: false })
  second.send(publish({ qos: 2, id: 4, dup: true }), publish({ qos: 1, id: 5 }))
  const repeat = await rig.batch(1)
  assert.equal(repeat.items.length, 1)
  refuse(original, new Error('disk full'))
  acknowledge(repeat)
  assert.equal(await second.next(), undefined)
})

test('a session is taken over: the old connection hears why', async (t) => {
  const rig = await startListener(t)
  const old = await rig.client({ level: 5 })
  const young = await rig.client({ level: 5 })
  assert.deepEqual(await old.next(), { type: 14, flags: 0, body: Buffer.from([0x8e]) })
  await old.closed
  await ping(young)
})

test('CONNACK of 5 tells what is there and what is not', async (t) => {
  const rig = await startListener(t, { config: { limits: { keepAlive: '100s', sessionExpiry: '200s' } } })
  const client = await rig.dial()
  client.send(
    connect({
      level: 5,
      clientId: '',
      keepAlive: 0,
      properties: Buffer.concat([Buffer.from([0x11]), u32(0xffffffff)]),
    }),
  )
  const { body } = (await client.next())!
  const id = body.subarray(-16).toString()
  assert.match(id, /^[0-9a-f]{16}$/)
  assert.deepEqual(
    body,
    Buffer.concat([
      Buffer.from([0, 0, 44]),
      Buffer.from([0x21, 4, 0]),
      Buffer.from([0x22, 0, 32]),
      Buffer.from([0x27, 0, 0x10, 0, 0]),
      Buffer.from([0x25, 0, 0x29, 0, 0x2a, 0]),
      Buffer.from([0x11, 0, 0, 0, 200]),
      Buffer.from([0x13, 0, 100]),
      Buffer.from([0x12]),
      text(id),
    ]),
  )
})

test('a topic alias stands for its topic, on its connection', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  const alias = Buffer.from([0x23, 0, 2])
  client.send(
    publish({ level: 5, topic: 'raw/long/topic', properties: alias }),
    publish({ level: 5, topic: '', properties: alias, payload: 'second' }),
  )
  await rig.until(2)
  assert.deepEqual(
    rig.items.map((item) => item.kind === 'raw' && item.key),
    ['raw/long/topic', 'raw/long/topic'],
  )
  const other = await rig.client({ level: 5, clientId: 'other' })
  other.send(publish({ level: 5, topic: '', properties: alias }))
  assert.deepEqual(await other.next(), { type: 14, flags: 0, body: Buffer.from([0x82]) })
})

test('receive maximum: one message too many unacknowledged closes, acknowledged ones do not count', async (t) => {
  const rig = await startListener(t, { ack: false, config: { limits: { receiveMaximum: 2 } } })
  const client = await rig.client({ level: 5 })
  client.send(publish({ level: 5, qos: 1, id: 1 }), publish({ level: 5, qos: 2, id: 2 }))
  acknowledge(await rig.batch(0))
  assert.equal((await client.next())?.type, 4)
  assert.equal((await client.next())?.type, 5)
  client.send(publish({ level: 5, qos: 1, id: 3 }))
  acknowledge(await rig.batch(1))
  assert.equal((await client.next())?.type, 4)
  client.send(ack(6, 2))
  assert.equal((await client.next())?.type, 7)
  client.send(
    publish({ level: 5, qos: 1, id: 4 }),
    publish({ level: 5, qos: 2, id: 5 }),
    publish({ level: 5, qos: 1, id: 6 }),
  )
  assert.deepEqual(await client.next(), { type: 14, flags: 0, body: Buffer.from([0x93]) })
})

test('while nobody pulls, senders are held back; nothing is lost and order is kept', async (t) => {
  let free: (() => void) | undefined
  let held = true
  const gate = new Promise<void>((resolve) => {
    free = () => {
      held = false
      resolve()
    }
  })
  const rig = await startListener(t, { pull: () => (held ? gate : Promise.resolve()) })
  const client = await rig.client()
  const count = 4000
  const payload = Buffer.alloc(4096, 1)
  let written = 0
  for (let id = 1; id <= count; id++) {
    payload.writeUInt32BE(id)
    client.socket.write(publish({ qos: 1, id, payload }), () => written++)
  }
  await rig.until(1)
  // The kernel takes some, the listener one batch; the rest stays with the client.
  let before = -1
  const still = () => {
    const so = written === before
    before = written
    return so
  }
  await until(still, { everyMs: 100 })
  assert.ok(written < count, `${written} of ${count} were taken`)
  free!()
  await rig.until(count)
  const order = rig.items.map((item) => item.kind === 'raw' && Buffer.from(item.payload).readUInt32BE())
  assert.deepEqual(
    order,
    Array.from({ length: count }, (_, index) => index + 1),
  )
  for (let id = 1; id <= count; id++) assert.deepEqual((await client.next())?.body, u16(id))
})

test('keep-alive: a client that says nothing for one and a half times its keep-alive is closed', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5, keepAlive: 1 })
  assert.deepEqual(await client.next(), { type: 14, flags: 0, body: Buffer.from([0x8d]) })
})

test('on abort what was handed over is still acknowledged, then 5 hears that the server goes', async (t) => {
  const rig = await startListener(t, { ack: false })
  const client = await rig.client({ level: 5 })
  client.send(publish({ level: 5, qos: 1, id: 8 }))
  const batch = await rig.batch(0)
  const stopped = rig.stop()
  acknowledge(batch)
  assert.deepEqual(await client.next(), { type: 4, flags: 0, body: u16(8) })
  assert.deepEqual(await client.next(), { type: 14, flags: 0, body: Buffer.from([0x8b]) })
  await stopped
  assert.equal(rig.source.health().state, 'stopped')
})

test('a client that says goodbye is not counted as closed by us', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client()
  client.send(DISCONNECT)
  await client.closed
  assert.doesNotMatch(rig.metrics.expose(), /millrace_mqtt_closed_total\{/)
})

test('health: starting, live, stale with the silent device by name', async (t) => {
  const rig = await startListener(t, { config: { silence: '50ms' } })
  assert.equal(rig.source.health().state, 'starting')
  const client = await rig.client({ clientId: 'press7' })
  client.send(publish({ qos: 1 }))
  await client.next()
  const live = rig.source.health()
  assert.equal(live.state, 'live')
  assert.equal(live.reason, `Listens on 127.0.0.1:${rig.port}: 1 connected`)
  assert.ok(Math.abs(live.lastData! - Date.now()) < 5000)
  await until(() => rig.source.health().state === 'stale')
  assert.equal(rig.source.health().parts?.[0]?.name, 'press7')
})

test('a port in use is a reason, not the end: it listens as soon as the port is free', async (t) => {
  const first = await startListener(t)
  const second = startListener(t, {
    config: { listen: first.port },
    started: async (source) => {
      await until(() => source.health().state === 'down')
      assert.equal(
        source.health().reason,
        `Cannot listen on "127.0.0.1:${first.port}": another program listens there, want a free port`,
      )
      await first.stop()
    },
  })
  assert.equal((await second).port, first.port)
  await (await second).client()
})

test('a subscriber gets what is published, only after it is durable', async (t) => {
  const rig = await startListener(t, { ack: false })
  const subscriber = await rig.client({ clientId: 'sub' })
  subscriber.send(subscribe([['raw/+/state', 1]]))
  assert.deepEqual(await subscriber.next(), { type: 9, flags: 0, body: Buffer.from([0, 1, 1]) })
  const publisher = await rig.client({ clientId: 'pub' })
  publisher.send(publish({ qos: 1, topic: 'raw/a/state', payload: 'hello' }))
  const batch = await rig.batch(0)
  await ping(subscriber)
  assert.equal(subscriber.unread, 0)
  acknowledge(batch)
  assert.deepEqual(await subscriber.next(), {
    type: 3,
    flags: 2,
    body: Buffer.concat([text('raw/a/state'), u16(1), Buffer.from('hello')]),
  })
})
