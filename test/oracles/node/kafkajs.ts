import kafkajs from 'kafkajs'
import type { Assigner, Producer } from 'kafkajs'

/**
 * What kafkajs sees of a Kafka broker. Driven by the tests of this folder's parent.
 *
 *     kafkajs.ts script ADDRESS PREFIX
 *     kafkajs.ts member ADDRESS GROUP TOPIC range
 */
const FIRST_TIME = 1_700_000_000_000
/** The records are years old, and brokers differ in how large a record they take. */
const CONFIG = [
  { name: 'retention.ms', value: '-1' },
  { name: 'max.message.bytes', value: '1000000' },
]
const COMPRESSIONS = { none: kafkajs.CompressionTypes.None, gzip: kafkajs.CompressionTypes.GZIP }

const [what, address, ...rest] = process.argv.slice(2) as [string, string, string, string]
const kafka = new kafkajs.Kafka({
  brokers: [address],
  clientId: 'kafkajs',
  logLevel: kafkajs.logLevel.NOTHING,
  retry: { retries: 5, initialRetryTime: 50, maxRetryTime: 500 },
})
/** The range assignor, by the name that all clients know; kafkajs brings only one that no other has. */
const range = ({
  cluster,
}: {
  cluster: { findTopicPartitionMetadata(topic: string): { partitionId: number }[] }
}): Assigner => ({
  name: 'range',
  version: 1,
  protocol: ({ topics }) => ({
    name: 'range',
    metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
  }),
  async assign({ members, topics }) {
    const ids = members.map(({ memberId }) => memberId).sort()
    return ids.map((memberId, index) => {
      const assignment = Object.fromEntries(
        topics.map((topic) => {
          const all = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
          all.sort((a, b) => a - b)
          const share = (i: number) => Math.floor(all.length / ids.length) * i + Math.min(i, all.length % ids.length)
          return [topic, all.slice(share(index), share(index + 1))]
        }),
      )
      return {
        memberId,
        memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment,
          userData: Buffer.alloc(0),
        }),
      }
    })
  },
})

if (what === 'script') await script(rest[0])
else await member(rest[0], rest[1])

async function script(prefix: string): Promise<void> {
  const topic = `${prefix}t`
  const group = `${prefix}g`
  const admin = kafka.admin()
  await admin.connect()
  const say = (step: string, ...result: unknown[]) =>
    console.log(JSON.stringify([step, ...result]).replaceAll(prefix, ''))
  const step = async (name: string, work: () => Promise<unknown>) => say(name, await outcome(work))

  await step('cluster', async () => {
    const { brokers, controller } = await admin.describeCluster()
    return [brokers.length, brokers.some(({ nodeId }) => nodeId === controller)]
  })
  await step('create topic', () => admin.createTopics({ topics: [{ topic, numPartitions: 3, configEntries: CONFIG }] }))
  await step('create it again', () => admin.createTopics({ topics: [{ topic, numPartitions: 3 }] }))
  await step('create bad name', () => admin.createTopics({ topics: [{ topic: `${prefix}a/b` }] }))
  await step('list', async () => (await admin.listTopics()).filter((name) => name.startsWith(prefix)))
  for (const compression of ['none', 'gzip'] as const) {
    for (const idempotent of [false, true]) {
      const producer = kafka.producer({ idempotent, allowAutoTopicCreation: false })
      await step(`produce ${compression}${idempotent ? ' idempotent' : ''}`, () => send(producer, topic, compression))
    }
  }
  await refusals(topic, prefix, step)
  await step('consume from the start', () => read(topic, group, 24))
  await step('group that was left', async () => {
    const { groups } = await admin.describeGroups([group])
    return groups.map(({ state, protocol, protocolType, members }) => [state, protocol, protocolType, members.length])
  })
  await step('committed', () => admin.fetchOffsets({ groupId: group, topics: [topic] }))
  await step('set offsets', () =>
    admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 1, offset: '5' }] }),
  )
  await step('resume', () => read(topic, group, 3))
  await step('reset offsets', () => admin.resetOffsets({ groupId: group, topic, earliest: false }))
  await step('committed', () => admin.fetchOffsets({ groupId: group, topics: [topic] }))
  await step('offsets', async () => byPartition(await admin.fetchTopicOffsets(topic)))
  for (const after of [0, 3, 4, 6]) {
    await step(`offsets after ${after}`, async () =>
      byPartition(await admin.fetchTopicOffsetsByTimestamp(topic, FIRST_TIME + after)),
    )
  }
  await step('list groups', async () => (await admin.listGroups()).groups.filter(({ groupId }) => groupId === group))
  await step('delete group', () => admin.deleteGroups([group]))
  await step('delete it again', () => admin.deleteGroups([group]))
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }
  const configNames = ['cleanup.policy', 'retention.ms', 'max.message.bytes']
  const configs = async () => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ ...resource, configNames }],
    })
    const entries = resources[0]!.configEntries
    return entries.map(({ configName, configValue, isDefault }) => [configName, configValue, isDefault]).sort(byText)
  }
  await step('configs', configs)
  const alter = (name: string, value: string) => () =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [...CONFIG.filter((one) => one.name !== name), { name, value }] }],
    })
  await step('config set', alter('retention.ms', '3600000'))
  await step('config wrong value', alter('retention.ms', 'soon'))
  await step('configs', configs)
  await step('delete records', () => admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] }))
  await step('delete records beyond the end', () =>
    admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '999' }] }),
  )
  await step('offsets', async () => byPartition(await admin.fetchTopicOffsets(topic)))
  await step('partitions', () => admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] }))
  await step('fewer partitions', () => admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }))
  await step('delete topic', () => admin.deleteTopics({ topics: [topic] }))
  await step('delete no topic', () => admin.deleteTopics({ topics: [`${prefix}unknown`] }))
  await admin.disconnect()
}

function byText(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1
}

function byPartition<T extends { partition: number }>(all: readonly T[]): T[] {
  return all.toSorted((a, b) => a.partition - b.partition)
}

async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return (await work()) ?? 'ok'
  } catch (error) {
    return nameOf(error)
  }
}

/** Kafka's name for an error, out of whatever kafkajs has wrapped it in. */
function nameOf(error: unknown): string {
  const { type, errors, groups, cause, message } = error as {
    type?: string
    errors?: unknown[]
    groups?: { error: unknown }[]
    cause?: unknown
    message: string
  }
  if (errors?.[0]) return nameOf(errors[0])
  if (groups?.[0]) return nameOf(groups[0].error)
  if (type !== undefined && type !== 'UNKNOWN') return type
  return cause ? nameOf(cause) : message
}

async function send(producer: Producer, topic: string, compression: keyof typeof COMPRESSIONS): Promise<unknown> {
  await producer.connect()
  const messages = Array.from({ length: 6 }, (_, i) => ({
    partition: i % 3,
    key: i === 0 ? null : `k${i}`,
    value: i === 1 ? null : i === 4 ? '0123456789'.repeat(20_000) : `${compression}${i}`,
    timestamp: `${FIRST_TIME + i}`,
    headers: i === 2 ? { unit: 'Cel', raw: Buffer.from([255, 0]) } : {},
  }))
  const sent = await producer.send({ topic, messages, acks: -1, compression: COMPRESSIONS[compression] })
  await producer.disconnect()
  return sent
    .map(({ partition, errorCode, baseOffset }) => [partition, errorCode, baseOffset])
    .sort((a, b) => Number(a[0]) - Number(b[0]))
}

type Step = (name: string, work: () => Promise<unknown>) => Promise<void>

async function refusals(topic: string, prefix: string, step: Step): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 1 } })
  await producer.connect()
  const one = (to: string, value: string | Buffer) => () => producer.send({ topic: to, messages: [{ value }] })
  await step('produce too large', one(topic, Buffer.alloc(2 << 20)))
  await step('produce to no topic', one(`${prefix}unknown`, 'x'))
  await producer.disconnect()
}

/** Reads by a group until it has `count` records, commits all, and leaves. */
async function read(topic: string, group: string, count: number): Promise<unknown> {
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10_000, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const rows: unknown[][] = []
  const { promise: enough, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error(`only ${rows.length} records came, want ${count}`)), 30_000)
  await consumer.run({
    eachMessage: async ({ partition, message: { offset, key, value, headers, timestamp } }) => {
      const shown = Object.entries(headers ?? {}).map(([name, header]) => [
        name,
        Buffer.from(header as Buffer).toString('hex'),
      ])
      rows.push([partition, Number(offset), text(key), text(value), shown, Number(timestamp) - FIRST_TIME])
      if (rows.length === count) resolve()
    },
  })
  try {
    await enough
    const next = new Map<number, number>()
    for (const [partition, offset] of rows as [number, number][]) {
      next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))
    }
    await consumer.commitOffsets([...next].map(([partition, offset]) => ({ topic, partition, offset: `${offset}` })))
  } finally {
    clearTimeout(timer)
    await consumer.disconnect()
  }
  return rows.sort((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]))
}

function text(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.length > 100 ? `${bytes.length} bytes` : bytes.toString()
}

/** Reads as one of a group until SIGTERM; a line of JSON for each thing that happens. */
async function member(group: string, topic: string): Promise<void> {
  const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)
  const consumer = new kafkajs.Kafka({
    brokers: [address],
    clientId: 'kafkajs',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 1000, initialRetryTime: 100, maxRetryTime: 500 },
  }).consumer({
    groupId: group,
    sessionTimeout: 6000,
    rebalanceTimeout: 10_000,
    heartbeatInterval: 500,
    maxWaitTimeInMs: 200,
    partitionAssigners: [range],
  })
  consumer.on('consumer.group_join', ({ payload }) => say({ assigned: payload.memberAssignment[topic] ?? [] }))
  consumer.on('consumer.rebalancing', () => say({ revoked: [] }))
  consumer.on('consumer.crash', ({ payload }) => say({ failed: payload.error.message }))
  process.once('SIGTERM', () => void consumer.disconnect().then(() => process.exit(0)))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: true,
    eachBatch: async (payload) => {
      const { batch } = payload
      say({
        partition: batch.partition,
        read: batch.messages.map(({ offset, value }) => [Number(offset), String(value)]),
      })
      const offset = Number(batch.lastOffset()) + 1
      // A fault that is thrown here has kafkajs read the batch again.
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset: `${offset}` }]).then(
        () => say({ committed: { [batch.partition]: offset } }),
        (error: unknown) => say({ failed: nameOf(error) }),
      )
      await payload.heartbeat().catch((error: unknown) => say({ failed: nameOf(error) }))
    },
  })
}
