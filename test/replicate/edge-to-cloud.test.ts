import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectLog } from '../../src/log/client/connect.ts'
import { startKafka } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'
import { assertExact, Edge, machine, recordsOf } from './edge.ts'

function hasKafka(t: TestContext): boolean {
  if (need('kafka') !== undefined) return true
  t.skip('Apache Kafka is not installed')
  return false
}

test('hub and Kafka are killed and hang while an edge replicates: nothing is lost, repeated or out of order', async (t) => {
  if (!hasKafka(t)) return
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  const edge = await Edge.start(t, kafka.bootstrap())
  edge.load(6, 1_000)
  await edge.until((view) => view.topics.some(({ records }) => records > 500))
  await edge.hub.kill()
  await edge.hub.start(60_000)
  await sleep(1_000)
  kafka.pause(1)
  await sleep(2_000)
  // What it had sent is in Kafka's sockets still, and will be taken when another hub asks what is there.
  await edge.hub.kill()
  await edge.hub.start(60_000)
  await sleep(1_000)
  kafka.resume(1)
  await edge.until((view) => view.state === 'live' && view.behind.ms < 3_000)
  await kafka.kill(1)
  await edge.until((view) => view.state === 'down')
  await edge.hub.kill()
  await edge.hub.start(60_000)
  await kafka.restart(1)
  await edge.until((view) => view.state === 'live')
  await edge.drain()
  await edge.caughtUp()
  assertExact(await edge.check(kafka.addresses()))
})

test('commands go down from the cloud, through a start of the hub, once each and in order', async (t) => {
  if (!hasKafka(t)) return
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  const cloud = await connectLog({ brokers: kafka.addresses(), system: machine })
  t.after(() => cloud.close())
  const topic = 'acme.berlin.commands'
  await cloud.ensure([{ name: topic, partitions: 3 }])
  const order = async (from: number) => {
    const records = Array.from({ length: 50 }, (_, index) => ({
      key: `acme/berlin/press${index % 5}`,
      value: String(from + index),
      timestamp: Date.now(),
    }))
    await cloud.append(topic, records)
  }
  const address = kafka.bootstrap()
  const edge = await Edge.start(t, address, { more: `  orders: { from: { kafka: { brokers: ["${address}"] } } }\n` })
  const came = (count: number) => edge.until(({ topics }) => topics.some(({ records }) => records >= count), 'orders')
  await order(0)
  await came(50)
  await edge.hub.kill()
  await order(50)
  await edge.hub.start(60_000)
  await edge.until(({ behind, state }) => state === 'live' && behind.records === 0, 'orders')
  await edge.hub.stop()
  await edge.withLog(async (log) => {
    const keys = new Map<string, number[]>()
    for (const { key, value } of await recordsOf(log, topic)) {
      const name = Buffer.from(key!).toString()
      keys.set(name, [...(keys.get(name) ?? []), Number(Buffer.from(value!).toString())])
    }
    assert.deepEqual(
      [...keys.values()].flat().sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, index) => index),
    )
    for (const numbers of keys.values())
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      )
  })
})

test('one of three brokers is lost, then another in its place: the replication goes on', async (t) => {
  if (!hasKafka(t)) return
  const kafka = await startKafka({ brokers: 3 })
  t.after(() => kafka.stop())
  const edge = await Edge.start(t, kafka.bootstrap())
  edge.load(6, 500)
  await edge.until((view) => view.topics.some(({ records }) => records > 500))
  const before = (await edge.replication()).topics.find(({ topic }) => topic.endsWith('telemetry'))!.records
  await kafka.kill(1)
  await edge.until((view) => view.state === 'live' && view.topics.some(({ records }) => records > before + 1_000))
  await kafka.restart(1)
  await kafka.kill(2)
  await sleep(3_000)
  await kafka.restart(2)
  await edge.drain()
  await edge.caughtUp()
  assertExact(await edge.check(kafka.addresses()))
})
