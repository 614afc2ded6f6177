import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import * as kafka from '@platformatic/kafka'
import { readBatchHeader } from '../../src/log/batch.ts'
import { makeBatch } from '../log/make-batch.ts'
import { createTopics, fetch, listOffset, produce } from './requests.ts'
import { startTestBroker } from './test-broker.ts'

/** Answers of the newest versions, as far as these tests look at them. */
interface Answer {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly responses: readonly { readonly errorCode: number; readonly errorMessage: string | null }[]
}

const TOPIC = 2
const BROKER = 4

/** A broker, and its admin APIs called through a codec that is not ours, any version of them. */
async function rig(t: TestContext) {
  const server = await startTestBroker(t)
  const connection = new kafka.Connection('test')
  await connection.connect(server.broker.address.host, server.broker.address.port)
  t.after(() => connection.close())
  const client = await server.connect()
  const call = async <T>(name: string, version: number, ...args: unknown[]): Promise<T> => {
    type Module = { api: { async(connection: kafka.Connection, ...args: unknown[]): Promise<T> } }
    return (kafka as unknown as { [name: string]: Module })[`${name}V${version}`]!.api.async(connection, ...args)
  }
  /** Error codes and messages of a call that is refused: the foreign codec throws them. */
  const refused = async (name: string, version: number, ...args: unknown[]): Promise<string> => {
    const fault = await call<never>(name, version, ...args).then(
      () => assert.fail(`${name} was not refused`),
      (error: { response?: unknown; errors?: unknown }) => error,
    )
    return JSON.stringify([fault.errors, fault.response], (_, value: unknown) => typeof value === 'bigint' ? Number(value) : value) // prettier-ignore
  }
  return { server, client, call, refused }
}

const versions = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const batch = (value: string, key: string | null = null) => makeBatch([{ key, value }])

test('DeleteTopics 1 to 6, by name and by id: gone for every API, and free for another of the name', async (t) => {
  const { client, call, refused, server } = await rig(t)
  for (const version of versions(1, 6)) {
    await createTopics(client, [{ name: 't' }])
    await produce(client, batch('old'))
    await call<Answer>('deleteTopics', version, [{ name: 't' }], 1000)
    assert.equal((await fetch(client)).error, 3)
  }
  await createTopics(client, [{ name: 't' }])
  const { topics } = await call<kafka.metadataV12.MetadataResponse>('metadata', 12, ['t'], false, false)
  const { topicId } = topics[0]!
  assert.equal((await produce(client, batch('new'))).offset, 0)
  await call<Answer>('deleteTopics', 6, [{ name: null, topicId }], 1000)
  assert.match(await refused('deleteTopics', 6, [{ name: null, topicId }], 1000), /UNKNOWN_TOPIC_ID/)
  assert.match(
    await refused('deleteTopics', 5, [{ name: 't' }], 1000),
    /Cannot delete topic \\*"t\\*": it does not exist/,
  )
  assert.match(await refused('deleteTopics', 6, [{ name: 'x', topicId }], 1000), /INVALID_REQUEST/)
  await createTopics(client, [{ name: 't' }])
  await server.restart()
  const again = await server.connect()
  assert.deepEqual(await produce(again, batch('first')), { error: 0, offset: 0 })
})

test('CreatePartitions 0 to 3: more, never fewer, and old records stay where they are', async (t) => {
  const { client, call, refused, server } = await rig(t)
  await createTopics(client, [{ name: 't' }])
  await produce(client, batch('kept'))
  for (const version of versions(0, 3)) {
    await call('createPartitions', version, [{ name: 't', count: version + 2, assignments: null }], 1000, false)
    assert.equal((await produce(client, batch('new'), { partition: version + 1 })).offset, 0)
  }
  await call('createPartitions', 3, [{ name: 't', count: 9, assignments: null }], 1000, true)
  const grow = (count: number, assignments: unknown = null) => refused('createPartitions', 3, [{ name: 't', count, assignments }], 1000, false) // prettier-ignore
  assert.match(await grow(5), /it has 5, want more than that/)
  assert.match(await grow(2), /INVALID_PARTITIONS/)
  assert.match(await grow(6, [{ brokerIds: [1] }]), /INVALID_REPLICA_ASSIGNMENT/)
  assert.match(await grow(100_000), /POLICY_VIOLATION/)
  assert.match(
    await refused('createPartitions', 3, [{ name: 'x', count: 2, assignments: null }], 1000, false),
    /does not exist/,
  )
  await call('createPartitions', 3, [{ name: 't', count: 6, assignments: [{ brokerIds: [0] }] }], 1000, false)
  await server.restart()
  const again = await server.connect()
  assert.equal((await produce(again, batch('x'), { partition: 5 })).offset, 0)
  assert.equal((await produce(again, batch('x'), { partition: 6 })).error, 3)
})

test('DeleteRecords 0 to 2: the log starts later, for every API and after a restart', async (t) => {
  const { client, call, refused, server } = await rig(t)
  await createTopics(client, [{ name: 't' }, { name: 'c', configs: { 'cleanup.policy': 'compact' } }])
  for (let i = 0; i < 10; i++) await produce(client, makeBatch([{ value: `${i}`, timestamp: 1000 + i }]))
  const remove = async (version: number, offset: bigint, name = 't') => {
    const topics = [{ name, partitions: [{ partitionIndex: 0, offset }] }]
    const answer = await call<kafka.deleteRecordsV2.DeleteRecordsResponse>('deleteRecords', version, topics, 1000)
    return Number(answer.topics[0]!.partitions[0]!.lowWatermark)
  }
  for (const version of versions(0, 2)) assert.equal(await remove(version, BigInt(version + 2)), version + 2)
  assert.equal(await remove(2, 1n), 4)
  assert.deepEqual(await listOffset(client, -2), { error: 0, timestamp: -1, offset: 4 })
  assert.deepEqual(await listOffset(client, 0), { error: 0, timestamp: 1004, offset: 4 })
  assert.equal((await fetch(client, { offset: 3 })).error, 1)
  const wanted = (name: string, offset: bigint) => [{ name, partitions: [{ partitionIndex: 0, offset }] }]
  assert.match(await refused('deleteRecords', 2, wanted('t', 11n), 1000), /OFFSET_OUT_OF_RANGE/)
  assert.match(await refused('deleteRecords', 2, wanted('c', 0n), 1000), /POLICY_VIOLATION/)
  assert.match(await refused('deleteRecords', 2, wanted('x', 0n), 1000), /UNKNOWN_TOPIC_OR_PARTITION/)
  await server.restart()
  const again = await server.connect()
  assert.deepEqual(await listOffset(again, -2), { error: 0, timestamp: -1, offset: 4 })
  const everything = await rig(t)
  await createTopics(everything.client, [{ name: 't' }])
  await produce(everything.client, batch('x'))
  await everything.call('deleteRecords', 2, wanted('t', -1n), 1000)
  assert.deepEqual(await listOffset(everything.client, -2), { error: 0, timestamp: -1, offset: 1 })
  assert.deepEqual(await produce(everything.client, batch('y')), { error: 0, offset: 1 })
})

test('OffsetForLeaderEpoch 2 to 4: one epoch, which ends where the log ends', async (t) => {
  const { client, call } = await rig(t)
  await createTopics(client, [{ name: 't' }])
  await produce(client, batch('x'))
  const ask = async (version: number, leaderEpoch: number) => {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, currentLeaderEpoch: 0, leaderEpoch }] }]
    const answer = await call<kafka.offsetForLeaderEpochV4.OffsetForLeaderEpochResponse>('offsetForLeaderEpoch', version, -1, topics) // prettier-ignore
    const found = answer.topics[0]!.partitions[0]!
    return [found.leaderEpoch, Number(found.endOffset)]
  }
  for (const version of versions(2, 4)) {
    assert.deepEqual(await ask(version, 0), [0, 1])
    assert.deepEqual(await ask(version, 7), [-1, -1])
  }
})

type ConfigsAnswer = kafka.describeConfigsV4.DescribeConfigsResponse

async function configOf(call: Awaited<ReturnType<typeof rig>>['call'], configurationName: string, version = 4) {
  const resources = [{ resourceType: TOPIC, resourceName: 't', configurationKeys: [configurationName] }]
  const answer = await call<ConfigsAnswer>('describeConfigs', version, resources, true, true)
  return answer.results[0]!.configs[0]!
}

test('AlterConfigs 0 to 2 replaces what was set, IncrementalAlterConfigs 0 and 1 changes it', async (t) => {
  const { client, call, refused } = await rig(t)
  await createTopics(client, [{ name: 't', configs: { 'segment.ms': '1000' } }])
  for (const version of versions(0, 2)) {
    const configs = [{ name: 'retention.ms', value: `${version + 5}` }]
    await call('alterConfigs', version, [{ resourceType: TOPIC, resourceName: 't', configs }], false)
    assert.equal((await configOf(call, 'retention.ms')).value, `${version + 5}`)
  }
  const reset = await configOf(call, 'segment.ms')
  assert.deepEqual([reset.value, reset.configSource, reset.synonyms.length], ['604800000', 5, 1])
  const change = (name: string, configOperation: number, value?: string) => [[{ resourceType: TOPIC, resourceName: 't', configs: [{ name, configOperation, value }] }], false] // prettier-ignore
  for (const version of versions(0, 1)) {
    await call('incrementalAlterConfigs', version, ...change('segment.ms', 0, '2000'))
    assert.equal((await configOf(call, 'retention.ms')).value, '7')
    await call('incrementalAlterConfigs', version, ...change('cleanup.policy', 2, 'compact'))
    assert.equal((await configOf(call, 'cleanup.policy')).value, 'delete,compact')
    await call('incrementalAlterConfigs', version, ...change('cleanup.policy', 3, 'delete'))
    assert.equal((await configOf(call, 'cleanup.policy')).value, 'compact')
    await call('incrementalAlterConfigs', version, ...change('cleanup.policy', 1))
  }
  const set = await configOf(call, 'segment.ms')
  assert.deepEqual([set.value, set.configSource, set.isSensitive, set.readOnly], ['2000', 1, false, false])
  assert.deepEqual(
    set.synonyms.map(({ value, source }) => [value, source]),
    [['2000', 1], ['604800000', 5]], // prettier-ignore
  )
  const no = (name: string, operation: number, value: string) => refused('incrementalAlterConfigs', 1, ...change(name, operation, value)) // prettier-ignore
  assert.match(await no('retention.sm', 0, '1'), /unknown config/)
  assert.match(await no('retention.ms', 0, 'soon'), /INVALID_CONFIG/)
  assert.match(await no('retention.ms', 2, '1'), /is not a list/)
  assert.match(await no('cleanup.policy', 3, 'delete'), /INVALID_CONFIG/)
  const broker = [{ resourceType: BROKER, resourceName: '0', configs: [{ name: 'num.partitions', configOperation: 0, value: '9' }] }] // prettier-ignore
  assert.match(await refused('incrementalAlterConfigs', 1, broker, false), /configured by the hub's config/)
})

test('DescribeConfigs 1 to 4 of the broker, with documentation where it is asked for', async (t) => {
  const { call } = await rig(t)
  for (const version of versions(1, 4)) {
    const resources = [{ resourceType: BROKER, resourceName: '0', configurationKeys: null }]
    const answer = await call<ConfigsAnswer>('describeConfigs', version, resources, true, true)
    const found = answer.results[0]!.configs.find(({ name }) => name === 'auto.create.topics.enable')!
    assert.deepEqual([found.value, found.readOnly], ['true', true])
    if (version >= 3) assert.deepEqual([found.configType, found.documentation], [1, 'Whether asking for a topic creates it']) // prettier-ignore
  }
})

test('DescribeCluster 0 and 1, DescribeLogDirs 1 to 4, DescribeProducers 0, DescribeAcls 1 to 3', async (t) => {
  const { client, call, refused, server } = await rig(t)
  await createTopics(client, [{ name: 't' }])
  const first = makeBatch([{ value: 'x' }], { producerId: 7n, producerEpoch: 1, baseSequence: 5 })
  assert.equal((await produce(client, first)).error, 0)
  for (const version of versions(0, 1)) {
    const answer = await call<kafka.describeClusterV1.DescribeClusterResponse>('describeCluster', version, false, 1)
    assert.deepEqual([answer.clusterId, answer.controllerId], ['millrace-single-node', 0])
    assert.deepEqual([answer.brokers[0]!.brokerId, answer.brokers[0]!.port], [0, server.broker.address.port])
  }
  for (const version of versions(1, 4)) {
    const answer = await call<kafka.describeLogDirsV4.DescribeLogDirsResponse>('describeLogDirs', version, [{ name: 't', partitions: [0] }]) // prettier-ignore
    assert.equal(Number(answer.results[0]!.topics[0]!.partitions[0]!.partitionSize), first.length)
  }
  const { topics } = await call<kafka.describeProducersV0.DescribeProducersResponse>('describeProducers', 0, [{ name: 't', partitionIndexes: [0] }]) // prettier-ignore
  const [producer] = topics[0]!.partitions[0]!.activeProducers
  assert.deepEqual([producer!.producerId, producer!.producerEpoch, producer!.lastSequence], [7n, 1, 5])
  const filter = { resourceType: 1, resourceName: null, resourcePatternType: 1, principal: null, host: null, operation: 1, permissionType: 1 } // prettier-ignore
  for (const version of versions(1, 3))
    assert.match(await refused('describeAcls', version, filter), /SECURITY_DISABLED/)
})

test('ListOffsets up to v9: what tools ask of a broker that has no tiers', async (t) => {
  const { client, call } = await rig(t)
  await createTopics(client, [{ name: 't' }])
  for (const timestamp of [5, 9, 9, 7])
    await produce(client, makeBatch([{ value: 'x', timestamp }], { compression: 'gzip' }))
  const ask = async (version: number, timestamp: bigint) => {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }] }]
    const answer = await call<kafka.listOffsetsV9.ListOffsetsResponse>('listOffsets', version, -1, 0, topics)
    const found = answer.topics[0]!.partitions[0]!
    return [Number(found.offset), Number(found.timestamp)]
  }
  for (const version of versions(8, 9)) {
    assert.deepEqual(await ask(version, -1n), [4, -1])
    assert.deepEqual(await ask(version, -3n), [1, 9])
    assert.deepEqual(await ask(version, -4n), [0, -1])
    assert.deepEqual(await ask(version, -5n), [-1, -1])
    assert.deepEqual(await ask(version, 6n), [1, 9])
  }
})

test('a compacted topic wants a key for each record and says which lacks it', async (t) => {
  const { client } = await rig(t)
  await createTopics(client, [{ name: 't', configs: { 'cleanup.policy': 'compact' } }])
  assert.equal((await produce(client, batch('x', 'k'))).error, 0)
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    const keyless = makeBatch([{ key: 'a', value: 'x' }, { value: 'y' }], { compression })
    assert.deepEqual(await produce(client, keyless), { error: 87, offset: -1 })
  }
})

test('LogAppendTime: the broker gives its time, in the answer and in the records, under a right CRC', async (t) => {
  const { client } = await rig(t)
  await createTopics(client, [{ name: 't', configs: { 'message.timestamp.type': 'LogAppendTime' } }])
  const before = Date.now()
  await produce(
    client,
    makeBatch([
      { value: 'x', timestamp: 5 },
      { value: 'y', timestamp: 9 },
    ]),
  )
  const { records } = await fetch(client)
  const header = readBatchHeader(records)
  assert.equal(header.logAppendTime, true)
  assert.ok(header.maxTimestamp >= before - 1 && header.maxTimestamp <= Date.now() + 1)
  assert.deepEqual(await listOffset(client, before - 1000), { error: 0, timestamp: header.maxTimestamp, offset: 0 })
})

test('without automatic creation a topic that is missing stays missing', async (t) => {
  const server = await startTestBroker(t, { limits: { autoCreateTopics: false } })
  const connection = new kafka.Connection('test')
  await connection.connect(server.broker.address.host, server.broker.address.port)
  t.after(() => connection.close())
  const asked = kafka.metadataV12.api.async(connection, ['missing'], true, false)
  await assert.rejects(asked, (error: { errors: unknown }) =>
    /UNKNOWN_TOPIC_OR_PARTITION/.test(JSON.stringify(error.errors)),
  )
})

test('docs/kafka.md lists what is spoken, with its versions', async (t) => {
  const { call } = await rig(t)
  const { apiKeys } = await call<kafka.apiVersionsV4.ApiVersionsResponse>('apiVersions', 4, 'test', '1')
  const page = await readFile(new URL('../../docs/kafka.md', import.meta.url), 'utf8')
  const listed = [...page.matchAll(/^\| (\d+) \| \w+ \| (\d+) to (\d+) \|/gm)].map((row) => row.slice(1).map(Number))
  const spoken = apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion])
  assert.deepEqual(
    listed,
    spoken.toSorted((a, b) => a[0]! - b[0]!),
  )
  assert.match(page, new RegExp(`\\b${spoken.length} APIs\\b`))
})
