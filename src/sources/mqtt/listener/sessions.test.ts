import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../../test/mqtt/manual-clock.ts'
import { startListener } from '../../../../test/mqtt/rig.ts'
import { until } from '../../../../test/until.ts'
import { ack, connect, packet, PINGREQ, publish, subscribe, text, u16, u32 } from '../../../../test/mqtt/raw-client.ts'
import type { RawClient } from '../../../../test/mqtt/raw-client.ts'
import { Secret } from '../../../system/secret.ts'

async function ping(client: RawClient): Promise<void> {
  client.send(PINGREQ)
  assert.equal((await client.next())?.type, 13)
}

/** Publishes at QoS 1 and waits for the acknowledgement: then subscribers have been served. */
async function say(client: RawClient, topic: string, payload: string, properties?: Buffer): Promise<void> {
  client.send(publish({ qos: 1, topic, payload, ...(properties === undefined ? {} : { level: 5, properties }) }))
  assert.equal((await client.next())?.type, 4)
}

test('a subscriber that comes back gets what it did not acknowledge again, then what came meanwhile', async (t) => {
  const rig = await startListener(t)
  const publisher = await rig.client({ clientId: 'pub' })
  const first = await rig.client({ clientId: 'sub', clean: false })
  first.send(subscribe([['raw/#', 1]]))
  await first.next()
  await say(publisher, 'raw/a', 'one')
  await say(publisher, 'raw/a', 'two')
  assert.equal((await first.next())?.body.subarray(-3).toString(), 'one')
  first.send(ack(4, 1))
  assert.equal((await first.next())?.body.subarray(-3).toString(), 'two')
  await ping(first)
  first.end()
  await until(() => rig.metrics.expose().includes('millrace_mqtt_clients{source="cars"} 1'))
  await say(publisher, 'raw/a', 'three')
  const second = await rig.dial()
  second.send(connect({ clientId: 'sub', clean: false }))
  assert.deepEqual((await second.next())?.body, Buffer.from([1, 0]))
  assert.deepEqual(await second.next(), {
    type: 3,
    flags: 10,
    body: Buffer.concat([text('raw/a'), u16(2), Buffer.from('two')]),
  })
  assert.deepEqual(await second.next(), {
    type: 3,
    flags: 2,
    body: Buffer.concat([text('raw/a'), u16(3), Buffer.from('three')]),
  })
})

test('a window of one: the next message goes when the one before is acknowledged', async (t) => {
  const rig = await startListener(t)
  const publisher = await rig.client({ clientId: 'pub' })
  const subscriber = await rig.client({ level: 5, clientId: 'sub', properties: Buffer.from([0x21, 0, 1]) })
  subscriber.send(subscribe([['raw/#', 1]], 5))
  await subscriber.next()
  await say(publisher, 'raw/a', '1')
  await say(publisher, 'raw/a', '2')
  assert.equal((await subscriber.next())?.body.at(-1), 0x31)
  await ping(subscriber)
  assert.equal(subscriber.unread, 0)
  subscriber.send(ack(4, 1))
  assert.equal((await subscriber.next())?.body.at(-1), 0x32)
})

test('a clean start ends the session; so does a session that has no time to live', async (t) => {
  const rig = await startListener(t)
  const first = await rig.client({ clean: false })
  first.send(subscribe([['raw/#', 1]]))
  await first.next()
  first.end()
  await first.closed
  await rig.client({ clean: true })
  const third = await rig.dial()
  third.send(connect({ clean: false }))
  assert.deepEqual((await third.next())?.body, Buffer.from([0, 0]))
  assert.match(rig.metrics.expose(), /millrace_mqtt_subscriptions\{source="cars"\} 0/)
})

test('a session ends when its time is over', async (t) => {
  const clock = new ManualClock()
  const rig = await startListener(t, { clock })
  const properties = Buffer.concat([Buffer.from([0x11]), u32(30)])
  const present = async (client: RawClient) => {
    client.send(connect({ level: 5, clean: false, properties }))
    return (await client.next())!.body[0]
  }
  const first = await rig.dial()
  assert.equal(await present(first), 0)
  first.end()
  await until(() => rig.metrics.expose().includes('millrace_mqtt_clients{source="cars"} 0'))
  clock.advance(29_000)
  const second = await rig.dial()
  assert.equal(await present(second), 1)
  second.end()
  await until(() => rig.metrics.expose().includes('millrace_mqtt_clients{source="cars"} 0'))
  clock.advance(32_000)
  assert.equal(await present(await rig.dial()), 0)
})

test('a full queue of a subscriber that is away ends its session, and it is told', async (t) => {
  const rig = await startListener(t, { config: { limits: { queuedMessages: 3 } } })
  const first = await rig.client({ clientId: 'sub', clean: false })
  first.send(subscribe([['raw/#', 1]]))
  await first.next()
  first.end()
  await until(() => rig.metrics.expose().includes('millrace_mqtt_clients{source="cars"} 0'))
  const publisher = await rig.client({ clientId: 'pub' })
  for (let count = 0; count < 4; count++) await say(publisher, 'raw/a', 'x')
  const second = await rig.dial()
  second.send(connect({ clientId: 'sub', clean: false }))
  assert.deepEqual((await second.next())?.body, Buffer.from([0, 0]))
  assert.match(rig.metrics.expose(), /policy="slow-subscriber"\} 1/)
})

test('overlapping filters bring a message once, at the higher QoS; no local means not to oneself', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  client.send(
    subscribe(
      [
        ['raw/#', 0],
        ['raw/+', 1],
        ['cars/+', 1 | 4],
      ],
      5,
    ),
  )
  await client.next()
  client.send(publish({ level: 5, qos: 1, id: 5, topic: 'raw/a', payload: 'x' }))
  assert.deepEqual(await client.next(), { type: 4, flags: 0, body: u16(5) })
  assert.deepEqual(await client.next(), {
    type: 3,
    flags: 2,
    body: Buffer.concat([text('raw/a'), u16(1), Buffer.from([0]), Buffer.from('x')]),
  })
  client.send(publish({ level: 5, qos: 1, id: 6, topic: 'cars/a', payload: '1' }))
  assert.deepEqual(await client.next(), { type: 4, flags: 0, body: u16(6) })
  await ping(client)
  assert.equal(client.unread, 0)
})

test('a message that has expired is stored and not delivered; one that waited says what is left', async (t) => {
  const clock = new ManualClock()
  const rig = await startListener(t, { clock })
  const publisher = await rig.client({ clientId: 'pub', level: 5 })
  const properties = Buffer.concat([Buffer.from([0x11]), u32(1000)])
  const first = await rig.client({ clientId: 'sub', level: 5, clean: false, properties })
  first.send(subscribe([['raw/#', 1]], 5))
  await first.next()
  first.end()
  await until(() => rig.metrics.expose().includes('millrace_mqtt_clients{source="cars"} 1'))
  const expiry = (seconds: number) => Buffer.concat([Buffer.from([0x02]), u32(seconds)])
  await say(publisher, 'raw/a', 'at once', expiry(0))
  await say(publisher, 'raw/a', 'short', expiry(10))
  await say(publisher, 'raw/a', 'long', expiry(100))
  assert.equal(rig.items.length, 3)
  clock.advance(20_000)
  const second = await rig.dial()
  second.send(connect({ clientId: 'sub', level: 5, clean: false, properties }))
  assert.equal((await second.next())?.body[0], 1)
  assert.deepEqual(
    (await second.next())?.body,
    Buffer.concat([text('raw/a'), u16(1), Buffer.from([5]), expiry(80), Buffer.from('long')]),
  )
  await ping(second)
  assert.equal(second.unread, 0)
})

test('a packet larger than the subscriber takes is not sent', async (t) => {
  const rig = await startListener(t)
  const publisher = await rig.client({ clientId: 'pub' })
  const subscriber = await rig.client({
    clientId: 'sub',
    level: 5,
    properties: Buffer.concat([Buffer.from([0x27]), u32(50)]),
  })
  subscriber.send(subscribe([['raw/#', 1]], 5))
  await subscriber.next()
  await say(publisher, 'raw/a', 'x'.repeat(60))
  await say(publisher, 'raw/a', 'small')
  assert.equal((await subscriber.next())?.body.subarray(-5).toString(), 'small')
})

test('UNSUBSCRIBE: nothing comes after it, and 5 hears which filter was not there', async (t) => {
  const rig = await startListener(t)
  const client = await rig.client({ level: 5 })
  client.send(subscribe([['raw/#', 0]], 5))
  await client.next()
  client.send(packet(0xa2, u16(7), Buffer.from([0]), text('raw/#'), text('never')))
  assert.deepEqual(await client.next(), { type: 11, flags: 0, body: Buffer.from([0, 7, 0, 0, 0x11]) })
  const publisher = await rig.client({ clientId: 'pub' })
  await say(publisher, 'raw/a', 'x')
  await ping(client)
  assert.equal(client.unread, 0)
})

test('two users with the same client id have two sessions', async (t) => {
  const users = ['a', 'b'].map((name) => ({ name, password: new Secret(name) }))
  const rig = await startListener(t, { config: { users } })
  const a = await rig.client({ userName: 'a', password: 'a' })
  const b = await rig.client({ userName: 'b', password: 'b' })
  await ping(a)
  await ping(b)
})
