import { setTimeout } from 'node:timers/promises'
import { Admin, Consumer, Producer, stringDeserializer } from '@platformatic/kafka'
import type { Message } from '@platformatic/kafka'

/**
 * What @platformatic/kafka sees of a Kafka broker. Driven by the tests of this folder's parent.
 *
 *     platformatic.ts script ADDRESS PREFIX
 *     platformatic.ts member ADDRESS GROUP TOPIC range
 */
const FIRST_TIME = 1_700_000_000_000
/** The records are years old, and brokers differ in how large a record they take. */
const CONFIG = [
  { name: 'retention.ms', value: '-1' },
  { name: 'max.message.bytes', value: '1000000' },
]
const TOPIC_RESOURCE = 2

const [what, address, ...rest] = process.argv.slice(2) as [string, string, string, string]
const base = { clientId: 'platformatic', bootstrapBrokers: [address], retries: 3, retryDelay: 100 }
if (what === 'script') await script(rest[0])
else await member(rest[0], rest[1])

async function script(prefix: string): Promise<void> {
  const topic = `${prefix}t`
  const group = `${prefix}g`
  const admin = new Admin(base)
  const step = async (name: string, work: () => Promise<unknown>) => {
    const result = await outcome(work)
    const shown = JSON.stringify([name, result], (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value instanceof Map ? [...value.entries()] : value,
    )
    console.log(shown.replaceAll(prefix, ''))
  }
  await step('create topic', async () =>
    (await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1, configs: CONFIG })).map((one) => [
      one.name,
      one.partitions,
      one.replicas,
    ]),
  )
  await known(admin, topic)
  await step('create it again', () => admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 }))
  await step('create too many replicas', () =>
    admin.createTopics({ topics: [`${prefix}r`], partitions: 1, replicas: 3 }),
  )
  await step('list', async () => (await admin.listTopics()).filter((name) => name.startsWith(prefix)))
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    await step(`produce ${compression}`, () => send(topic, compression))
  }
  await step('produce to no topic', () => send(`${prefix}unknown`, 'none'))
  await step('consume from the start', () => read(topic, group, 30))
  await step('group that was left', async () => {
    const found = await admin.describeGroups({ groups: [group] })
    return [...found.values()].map((one) => [one.state, one.protocol, one.protocolType, one.members.size])
  })
  const committed = async () => {
    const [found] = await admin.listConsumerGroupOffsets({ groups: [group] })
    const partitions = found!.topics.flatMap((one) => one.partitions)
    return partitions.map((one) => [one.partitionIndex, one.committedOffset]).sort(byText)
  }
  await step('committed', committed)
  const places = (offset: bigint) => [{ name: topic, partitionOffsets: [{ partition: 1, offset }] }]
  await step('set offsets', () => admin.alterConsumerGroupOffsets({ groupId: group, topics: places(7n) }))
  await step('resume', () => read(topic, group, 3))
  await step('delete offsets', () =>
    admin.deleteConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionIndexes: [2] }] }),
  )
  await step('committed', committed)
  for (const time of [-1, -2, -3, FIRST_TIME, FIRST_TIME + 3, FIRST_TIME + 4, FIRST_TIME + 6]) {
    const partitions = [0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp: BigInt(time) }))
    await step(`offsets at ${time < 0 ? time : time - FIRST_TIME}`, async () => {
      const found = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
      return found[0]!.partitions.map((one) => [one.partitionIndex, one.offset]).sort(byText)
    })
  }
  await step('list groups', async () => {
    const one = (await admin.listGroups()).get(group)
    return [one?.state, one?.protocolType, one?.groupType]
  })
  await step('delete group', () => admin.deleteGroups({ groups: [group] }))
  await step('delete it again', () => admin.deleteGroups({ groups: [group] }))
  const configs = async () => {
    const names = ['cleanup.policy', 'retention.ms', 'max.message.bytes']
    const resource = { resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: names } as const
    const [found] = await admin.describeConfigs({ resources: [resource] })
    return found!.configs.map((one) => [one.name, one.value, one.configSource]).sort(byText)
  }
  await step('configs', configs)
  const alter = (name: string, value: string) => () =>
    admin.incrementalAlterConfigs({
      resources: [
        { resourceType: TOPIC_RESOURCE, resourceName: topic, configs: [{ name, value, configOperation: 0 }] },
      ],
    })
  await step('config set', alter('retention.ms', '3600000'))
  await step('config wrong value', alter('retention.ms', 'soon'))
  await step('configs', configs)
  const before = (offset: bigint) => () =>
    admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset }] }] })
  await step('delete records', before(3n))
  await step('delete records beyond the end', before(999n))
  await step('partitions', () => admin.createPartitions({ topics: [{ name: topic, count: 5 }] }))
  await step('fewer partitions', () => admin.createPartitions({ topics: [{ name: topic, count: 2 }] }))
  await step('delete topic', () => admin.deleteTopics({ topics: [topic] }))
  await step('delete no topic', () => admin.deleteTopics({ topics: [`${prefix}unknown`] }))
  await admin.close()
}

function byText(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1
}

/** A broker hears of a topic a little later than the controller, and this client repeats what other partitions took. */
async function known(admin: Admin, topic: string): Promise<void> {
  const partitions = [0, 1, 2].map((partitionIndex) => ({ partitionIndex, timestamp: -1n }))
  for (let tries = 0; tries < 50; tries++) {
    const there = await admin.listOffsets({ topics: [{ name: topic, partitions }] }).then(
      () => true,
      () => false,
    )
    if (there) return
    await setTimeout(50)
  }
}

async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return (await work()) ?? 'ok'
  } catch (error) {
    return nameOf(error)
  }
}

/** Kafka's name for an error, out of whatever it has been wrapped in. */
function nameOf(error: unknown): string {
  const { apiId, errors, cause, message } = error as {
    apiId?: string
    errors?: unknown[]
    cause?: unknown
    message: string
  }
  if (apiId !== undefined) return apiId
  if (errors?.[0]) return nameOf(errors[0])
  return cause ? nameOf(cause) : message
}

async function send(topic: string, compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'): Promise<unknown> {
  const producer = new Producer({ ...base, acks: -1, compression, autocreateTopics: false })
  const messages = Array.from({ length: 6 }, (_, i) => ({
    topic,
    partition: i % 3,
    ...(i === 0 ? {} : { key: Buffer.from(`k${i}`) }),
    ...(i === 1 ? {} : { value: Buffer.from(i === 4 ? '0123456789'.repeat(20_000) : `${compression}${i}`) }),
    timestamp: BigInt(FIRST_TIME + i),
    ...(i === 2 ? { headers: new Map([[Buffer.from('raw'), Buffer.from([255, 0])]]) } : {}),
  }))
  try {
    const { offsets } = await producer.send({ messages })
    return offsets?.map(({ partition, offset }) => [partition, Number(offset)]).sort((a, b) => a[0]! - b[0]!)
  } finally {
    await producer.close()
  }
}

/** Reads by a group until it has `count` records, commits them, and leaves. */
async function read(topic: string, group: string, count: number): Promise<unknown> {
  const consumer = new Consumer({
    ...base,
    groupId: group,
    sessionTimeout: 10_000,
    maxWaitTime: 100,
    maxBytes: 1 << 20,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  const late = AbortSignal.timeout(30_000)
  late.addEventListener('abort', () => stream.destroy(new Error(`want ${count} records`)))
  const rows: unknown[][] = []
  const last = new Map<number, Message>()
  for await (const message of stream) {
    const { partition, offset, key, value, headers, timestamp } = message
    const shown = [...headers].map(([name, header]) => [name.toString(), header.toString('hex')])
    rows.push([partition, offset, text(key), text(value), shown, Number(timestamp) - FIRST_TIME])
    last.set(partition, message)
    if (rows.length === count) break
  }
  const offsets = [...last.values()].map(({ partition, offset }) => ({
    topic,
    partition,
    offset: offset + 1n,
    leaderEpoch: 0,
  }))
  await consumer.commit({ offsets })
  await consumer.close(true)
  return rows.sort((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]))
}

function text(bytes: Buffer | null | undefined): string | null {
  return bytes == null ? null : bytes.length > 100 ? `${bytes.length} bytes` : bytes.toString()
}

/** Reads as one of a group until SIGTERM; a line of JSON for each thing that happens. */
async function member(group: string, topic: string): Promise<void> {
  const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
  const consumer = new Consumer({
    ...base,
    retries: 1000,
    groupId: group,
    sessionTimeout: 6000,
    rebalanceTimeout: 10_000,
    heartbeatInterval: 500,
    maxWaitTime: 200,
    maxBytes: 1 << 20,
    protocols: [{ name: 'range', version: 1 }],
    autocommit: false,
    deserializers: { value: stringDeserializer },
  })
  consumer.on('consumer:group:join', ({ assignments }) => {
    say({ assigned: assignments?.flatMap(({ partitions }) => partitions) ?? [] })
  })
  process.once('SIGTERM', () => void consumer.close(true).then(() => process.exit(0)))
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  const done = new Map<number, bigint>()
  const last = new Map<number, bigint>()
  // After a fault the stream asks again where the group stands, and behind what it has still to hand out goes on there.
  const restarted = new Set<number>()
  stream.on('offsets', () => last.forEach((_, partition) => restarted.add(partition)))
  let committing = false
  for await (const { partition, offset, value } of stream) {
    const back = offset <= (last.get(partition) ?? -1n)
    if (back && restarted.delete(partition)) say({ restarted: [partition] })
    last.set(partition, offset)
    say({ partition, read: [[Number(offset), value]] })
    done.set(partition, offset + 1n)
    if (!committing) {
      committing = true
      void commit().finally(() => (committing = false))
    }
  }

  /** One commit at a time, of all that was read meanwhile. */
  async function commit(): Promise<void> {
    while (done.size > 0) {
      const offsets = [...done].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: 0 }))
      done.clear()
      await consumer
        .commit({ offsets })
        .then(() => say({ committed: Object.fromEntries(offsets.map((one) => [one.partition, Number(one.offset)])) }))
        .catch((error: unknown) => say({ failed: nameOf(error) }))
    }
  }
}
