import * as kafka from '@platformatic/kafka'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { need } from '../../tools/need.ts'
import { createTopics, produce } from '../kafka-clients/requests.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'
import type { TestBroker } from '../kafka-clients/test-broker.ts'
import { makeBatch } from '../log/make-batch.ts'
import { committed } from './raw-group.ts'
import { until } from '../until.ts'

/* Balanced consumers of several families on the embedded broker. */

const kcat = need('kcat')

/** Values that have come, and the wait for more of them. */
class Received {
  readonly values: string[] = []

  add(value: string): void {
    this.values.push(value)
  }

  until(enough: (values: readonly string[]) => boolean): Promise<void> {
    return until(() => enough(this.values), { found: () => ({ enough: String(enough), values: this.values }) })
  }
}

async function write(server: TestBroker, text: string, partitions: number): Promise<string[]> {
  const client = await server.connect()
  const values = Array.from({ length: partitions }, (_, partition) => `${text}${partition}`)
  for (const [partition, value] of values.entries()) await produce(client, makeBatch([{ value }]), { partition })
  return values
}

/** Until as many generations were agreed on as members make them, one of them has all of the members. */
async function members(server: TestBroker, count: number): Promise<void> {
  const stable = (line: string) => line.includes('Group is stable') && line.includes(`members=${count}`)
  await until(() => server.log.some(stable))
}

function startKcat(t: TestContext, server: TestBroker, received: Received) {
  const options = ['-X', 'auto.offset.reset=earliest', '-X', 'heartbeat.interval.ms=500']
  const child = spawn(kcat!, ['-b', server.address, '-G', 'g', 't', '-u', '-q', ...options], { stdio: 'pipe' })
  t.after(() => child.kill('SIGKILL'))
  child.stderr.resume()
  createInterface({ input: child.stdout }).on('line', (line) => received.add(line))
  return {
    async end() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

test(
  'kcat -G: two share, and take over from each other',
  { skip: kcat === undefined ? 'kcat is not installed' : false },
  async (t) => {
    const server = await startTestBroker(t)
    await createTopics(await server.connect(), [{ name: 't', partitions: 4 }])
    const [one, two] = [new Received(), new Received()]
    const first = startKcat(t, server, one)
    const second = startKcat(t, server, two)
    await members(server, 2)
    const before = await write(server, 'a', 4)
    await Promise.all([one, two].map((received) => received.until(({ length }) => length === 2)))
    assert.deepEqual([...one.values, ...two.values].toSorted(), before)
    await first.end()
    await write(server, 'b', 4)
    await two.until((values) => values.filter((value) => value.startsWith('b')).length === 4)
    await second.end()
    assert.deepEqual(await committed(await server.connect(), 'g', [0, 1, 2, 3]), [2, 2, 2, 2])
  },
)

for (const start of [startPlatformatic, startKafkajs]) {
  test(`${start.name.slice(5)}: two share, and a third goes on where they were`, async (t) => {
    const server = await startTestBroker(t)
    await createTopics(await server.connect(), [{ name: 't', partitions: 4 }])
    const before = await write(server, 'a', 4)
    const received = new Received()
    const stops = [await start(server, received), await start(server, received)]
    await received.until((values) => new Set(values).size === 4)
    assert.deepEqual([...new Set(received.values)].toSorted(), before)
    for (const stop of stops) await stop()
    const again = new Received()
    const stop = await start(server, again)
    const after = await write(server, 'b', 4)
    await again.until(({ length }) => length >= 4)
    await stop()
    assert.deepEqual(again.values.toSorted(), after)
  })
}

async function startPlatformatic(server: TestBroker, received: Received): Promise<() => Promise<void>> {
  const consumer = new kafka.Consumer({
    clientId: 'platformatic',
    groupId: 'platformatic',
    bootstrapBrokers: [server.address],
    deserializers: kafka.stringDeserializers,
    heartbeatInterval: 500,
    maxWaitTime: 200,
  })
  const stream = await consumer.consume({ topics: ['t'], mode: 'committed', fallbackMode: 'earliest', autocommit: 100 })
  stream.on('data', ({ value }: { value: string }) => received.add(value))
  return async () => {
    await stream.close()
    await consumer.close(true)
  }
}

async function startKafkajs(server: TestBroker, received: Received): Promise<() => Promise<void>> {
  const client = new Kafka({ clientId: 'kafkajs', brokers: [server.address], logLevel: logLevel.NOTHING })
  const consumer = client.consumer({ groupId: 'kafkajs', heartbeatInterval: 500, maxWaitTimeInMs: 200 })
  await consumer.connect()
  await consumer.subscribe({ topics: ['t'], fromBeginning: true })
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()))
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message }) => received.add(message.value!.toString()),
  })
  await joined
  return () => consumer.disconnect()
}
