import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startKafka } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'
import type { HubView } from '../../src/api/contract.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { systemClock } from '../../src/system/clock.ts'
import { createLogger } from '../../src/system/logger.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { dataDirectory, get, startLife } from '../hub/lives.ts'

test('topics on Apache Kafka: made as wanted, and held against what is wanted', async (t) => {
  if (need('kafka') === undefined) return t.skip('Apache Kafka is not installed')
  const kafka = await startKafka({ config: { 'log.flush.interval.messages': '1' } })
  t.after(() => kafka.stop())
  const said: string[] = []
  const logger = createLogger({ level: 'warn', format: 'text', now: () => 0, write: (line) => said.push(line) })
  const system = { clock: systemClock, random: systemRandom, net: nodeNet, logger }
  const open = async () => {
    const log = await connectLog({ brokers: kafka.addresses(), system })
    t.after(() => log.close())
    return log
  }
  const log = await open()

  await t.test('with partitions, copies, cleanup, retention, and room for the largest record', async () => {
    await log.ensure([
      { name: 'telemetry', partitions: 12, replication: 1, minInSync: 1, cleanup: 'delete', retention: { ms: 60_000 } },
      { name: 'assets', partitions: 1, cleanup: 'compact', retention: {} },
    ])
    const telemetry = await log.facts('telemetry')
    assert.deepEqual([telemetry.partitions, telemetry.replication], [12, 1])
    assert.deepEqual(Object.fromEntries(telemetry.configs), {
      'cleanup.policy': 'delete',
      'retention.ms': '60000',
      'retention.bytes': '-1',
      'min.insync.replicas': '1',
      'max.message.bytes': '2097152',
      'flush.messages': '1',
    })
    assert.equal((await log.facts('assets')).configs.get('cleanup.policy'), 'compact')
    assert.deepEqual(said, [])
  })

  await t.test('more copies than brokers are refused at once, with what Kafka says', async () => {
    await assert.rejects(log.ensure([{ name: 'wide', partitions: 1, replication: 3 }]), {
      code: 'LOG_REPLICATION',
      retriable: false,
      message: /^Cannot create topic "wide": the log answered INVALID_REPLICATION_FACTOR \(.*1 broker.*\), want none$/,
    })
  })

  await t.test('a name that Kafka does not take is refused by name', async () => {
    await assert.rejects(log.ensure([{ name: 'not a name', partitions: 1 }]), {
      code: 'LOG_REFUSED',
      message: /INVALID_TOPIC_EXCEPTION/,
    })
  })

  await t.test('another retention is somebody’s decision: a warning, once', async () => {
    const again = await open()
    const spec = { name: 'telemetry', partitions: 12, retention: { ms: 120_000 } }
    await again.ensure([spec])
    await again.ensure([spec])
    assert.equal(said.length, 1)
    assert.match(said[0]!, /kept otherwise than the config says topic=telemetry retention.ms=60000 want=120000/)
  })

  await t.test('a hub tells that every record is flushed before its acknowledgement', async (t) => {
    const directory = await dataDirectory()
    const hub = await startLife(directory, [], `{ kafka: { brokers: ["${kafka.bootstrap()}"] } }`)
    t.after(() => hub.close())
    const status = (await get(hub, '/api/v1/status')) as HubView
    assert.equal(status.log.durability, 'fsync')
    assert.equal((await log.facts('acme.berlin.telemetry')).partitions, 12)
    await hub.close()
  })

  await t.test('a topic that two make at once is made once', async () => {
    const spec = { name: 'together', partitions: 3, cleanup: 'compact' as const }
    const logs = await Promise.all([open(), open(), open()])
    await Promise.all(logs.map((one) => one.ensure([spec])))
    assert.equal((await log.facts('together')).partitions, 3)
  })
})

test('a Kafka that is not up yet is waited for, and said so; the wait can be ended', async (t) => {
  const said: string[] = []
  const logger = createLogger({ level: 'warn', format: 'text', now: () => 0, write: (line) => said.push(line) })
  const system = { clock: systemClock, random: systemRandom, net: nodeNet, logger }
  const stop = new AbortController()
  const brokers = [{ host: '127.0.0.1', port: 1 }]
  const waiting = connectLog({ brokers, system, patienceMs: Infinity, signal: stop.signal })
  const refused = assert.rejects(waiting, { code: 'LOG_CLOSED' })
  await t.waitFor(() => assert.equal(said.length, 1), { timeout: 20_000 })
  assert.match(said[0]!, /Waiting for the log error="Cannot reach the log at \\"127.0.0.1:1\\": /)
  stop.abort()
  await refused
})
