import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { HubView, LedgerView } from '../../src/api/contract.ts'
import { Cluster } from '../../src/log/client/cluster.ts'
import { connectLog, type BrokerLog } from '../../src/log/client/connect.ts'
import type { Log, TopicSpec } from '../../src/log/log.ts'
import type { Hub } from '../../src/hub.ts'
import { partitionOf } from '../../src/log/partitioner.ts'
import { systemClock } from '../../src/system/clock.ts'
import type { Net } from '../../src/system/net.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { runKafkaCommand } from '../../tools/kafka/java.ts'
import { need } from '../../tools/need.ts'
import { dataDirectory, get, post, startLife } from '../hub/lives.ts'
import { until } from '../until.ts'
import { Journal } from './journal.ts'

const skip = need('kafka') === undefined ? 'Apache Kafka is not installed' : false
const system = { clock: systemClock, random: systemRandom, net: nodeNet }

/** Three copies, two of which must have a record before it is acknowledged. */
const TOPIC = { partitions: 6, replication: 3, minInSync: 2 }

describe('three brokers of Apache Kafka, one of them lost', { skip }, () => {
  let kafka!: KafkaCluster
  before(async () => {
    kafka = await startKafka({ brokers: 3 })
  })
  after(() => kafka.stop())

  test('acknowledged is there, once and in order: leader killed, leader hung, controller killed', async (t) => {
    const run = await Run.start(kafka, { name: 'failover', ...TOPIC })
    t.after(() => run.close())
    await run.more(2_000)

    const killed = await leaderOf(kafka, 'failover', 0)
    const killing = await run.pause(() => kafka.kill(killed))
    await kafka.restart(killed)
    await run.more(1_000)

    const hung = await leaderOf(kafka, 'failover', 1)
    const hanging = await run.pause(async () => kafka.pause(hung))
    kafka.resume(hung)
    await run.more(1_000)

    const controller = await activeController(kafka)
    const deposing = await run.pause(() => kafka.kill(controller))
    await kafka.restart(controller)
    await run.more(1_000)

    const { journal, read } = await run.finish()
    t.diagnostic(`${journal.acked} acknowledged, ${journal.refused} refused`)
    t.diagnostic(`all partitions again after ${killing} ms (killed), ${hanging} ms (hung), ${deposing} ms (controller)`)
    assert.deepEqual(journal.faults(read).slice(0, 10), [])
    assert.equal(journal.refused, 0)
    // The checker sees what it is there for.
    assert.match(journal.faults(read.slice(1)).join(), /was acknowledged and is lost/)
    assert.match(journal.faults([...read, read[0]!]).join(), /is there twice/)
    assert.match(journal.faults(read.toReversed()).join(), /comes after/)
  })

  test('a hub tells that its log is replicated, and goes on when a broker ends', async (t) => {
    const directory = await dataDirectory()
    const brokers = JSON.stringify(kafka.bootstrap().split(','))
    const config = `{ kafka: { brokers: ${brokers}, partitions: 3, replication: 3, minInSync: 2 } }`
    const hub = await startLife(directory, [], config)
    t.after(() => hub.close())
    assert.equal(((await get(hub, '/api/v1/status')) as HubView).log.durability, 'replicated')
    await stored(hub, 'press', '{"n":1}')
    const leader = await leaderOf(kafka, 'acme.berlin.telemetry', partitionOf('acme/berlin/press', 3))
    await kafka.end(leader)
    await stored(hub, 'press', '{"n":2}')
    await until(async () => ((await get(hub, '/api/v1/status')) as HubView).log.state === 'live')
    const [book] = ((await get(hub, '/api/v1/ledger')) as LedgerView).books
    assert.equal(book!.balanced, true)
    const shown = async () => (await get(hub, '/api/v1/values/acme/berlin/press')) as { n?: number }
    await until(async () => (await shown()).n === 2)
    await hub.close()
    await kafka.restart(leader)
  })

  test('a reader in a rack reads from the copy there, and from the leader when that is gone', async (t) => {
    const writer = await connectLog({ brokers: kafka.addresses(), system })
    t.after(() => writer.close())
    const topic = 'racks'
    await writer.ensure([{ name: topic, ...TOPIC, partitions: 1 }])
    const value = 'x'.repeat(10_000)
    const append = () =>
      Promise.all(Array.from({ length: 100 }, () => writer.append(topic, [{ key: 'k', value, timestamp: 1 }])))
    await append()
    const leader = await leaderOf(kafka, topic, 0)
    const nearest = kafka.nodes.find((id) => id !== leader)!
    const net = new CountingNet()
    const reader = await connectLog({
      brokers: kafka.addresses(),
      system: { ...system, net },
      rack: `rack${nearest}`,
    })
    t.after(() => reader.close())
    const stop = new AbortController()
    const reading = reader.read([{ topic, partition: 0, offset: 0 }], { signal: stop.signal })[Symbol.asyncIterator]()
    const records = async (count: number) => {
      for (let left = count; left > 0;) left -= ((await reading.next()).value as { records: unknown[] }).records.length
    }
    await records(100)
    const port = (id: number) => kafka.addresses()[id - 1]!.port
    assert.ok(net.received(port(nearest)) > 1_000_000, `${net.received(port(nearest))} bytes from the nearest`)
    assert.ok(net.received(port(leader)) < 100_000, `${net.received(port(leader))} bytes from the leader`)
    await kafka.kill(nearest)
    await append()
    await records(100)
    stop.abort()
    await reading.return?.()
  })
})

/** A writer and a reader on a topic, and what they have come to. */
class Run {
  readonly #log: BrokerLog
  readonly #topic: TopicSpec
  readonly #journal = new Journal()
  readonly #stop = new AbortController()
  readonly #read: [string, number][] = []
  /** By partition: how many records were read. */
  readonly #counts: number[]
  #writing: Promise<void> = Promise.resolve()
  #reading: Promise<void> = Promise.resolve()

  constructor(log: BrokerLog, topic: TopicSpec) {
    this.#log = log
    this.#topic = topic
    this.#counts = Array.from({ length: topic.partitions }, () => 0)
  }

  static async start(kafka: KafkaCluster, topic: TopicSpec): Promise<Run> {
    const log = await connectLog({ brokers: kafka.addresses(), system })
    await log.ensure([topic])
    const run = new Run(log, topic)
    run.#writing = run.#journal.write(log, topic.name, 50, run.#stop.signal)
    run.#reading = run.#readAll(log, run.#stop.signal)
    return run
  }

  /** Resolves when so many more records were acknowledged, and read, in all. */
  async more(count: number): Promise<void> {
    const acked = this.#journal.acked + count
    const read = this.#read.length + count
    await until(() => this.#journal.acked >= acked && this.#read.length >= read)
  }

  /** Does something to the cluster; answers how long it took until every partition was written and read again, ms. */
  async pause(fault: () => Promise<void>): Promise<number> {
    await fault()
    const began = performance.now()
    const before = [...this.#counts]
    // What was under way at the time of the fault may still arrive: a few more are news.
    await until(() => this.#counts.every((count, partition) => count > before[partition]! + 100))
    return Math.round(performance.now() - began)
  }

  /** Stops writing, then reads the whole topic anew: what any reader sees. */
  async finish() {
    this.#stop.abort()
    await Promise.all([this.#writing, this.#reading])
    const read: [string, number][] = []
    const positions = this.#counts.map((_, partition) => ({ topic: this.#topic.name, partition, offset: 0 }))
    for await (const { records } of this.#log.read(positions, {
      signal: new AbortController().signal,
      untilEnd: true,
    })) {
      for (const { key, value } of records) read.push([Buffer.from(key!).toString(), Number(Buffer.from(value!))])
    }
    assert.deepEqual(
      this.#journal
        .faults(this.#read)
        .filter((fault) => !fault.endsWith('lost'))
        .slice(0, 10),
      [],
    )
    return { journal: this.#journal, read }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#log.close()
  }

  async #readAll(log: Log, signal: AbortSignal): Promise<void> {
    const positions = this.#counts.map((_, partition) => ({ topic: this.#topic.name, partition, offset: 0 }))
    for await (const { records, partition } of log.read(positions, { signal })) {
      this.#counts[partition]! += records.length
      for (const { key, value } of records) this.#read.push([Buffer.from(key!).toString(), Number(Buffer.from(value!))])
    }
  }
}

/** Posts as a machine does: again while the hub says that it cannot store it now. */
async function stored(hub: Hub, asset: string, body: string): Promise<void> {
  await until(async () => {
    const { status } = await post(hub, asset, body)
    assert.ok(status === 200 || status === 503, `status ${status}`)
    return status === 200
  })
}

/** Which broker leads a partition, by the cluster's own word. */
async function leaderOf(kafka: KafkaCluster, topic: string, partition: number): Promise<number> {
  const dialling = { ...system, clientId: 'test', connectMs: 5_000 }
  const cluster = new Cluster(kafka.addresses(), dialling, systemRandom, '')
  try {
    await cluster.describe([topic])
    return cluster.leader(topic, partition)!
  } finally {
    cluster.close()
  }
}

async function activeController(kafka: KafkaCluster): Promise<number> {
  const args = ['--bootstrap-server', kafka.bootstrap(), 'describe', '--status']
  const { out, err } = await runKafkaCommand('kafka-metadata-quorum', args)
  const id = /^LeaderId:\s+(\d+)/m.exec(out)?.[1]
  assert.ok(id, out + err)
  return Number(id)
}

/** The network, with the bytes that came from each port. */
class CountingNet implements Net {
  readonly #sockets: { readonly port: number; readonly socket: Socket }[] = []

  listen(...given: Parameters<Net['listen']>): ReturnType<Net['listen']> {
    return nodeNet.listen(...given)
  }

  async connect(...given: Parameters<Net['connect']>): ReturnType<Net['connect']> {
    const socket = await nodeNet.connect(...given)
    this.#sockets.push({ port: given[0].port, socket })
    return socket
  }

  received(port: number): number {
    return this.#sockets.filter((one) => one.port === port).reduce((sum, { socket }) => sum + socket.bytesRead, 0)
  }
}
