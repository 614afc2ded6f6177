import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import * as kafka from '@platformatic/kafka'
import { makeBatch } from '../log/make-batch.ts'
import { createTopics, produce } from './requests.ts'
import { startTestBroker } from './test-broker.ts'
import type { TestBroker } from './test-broker.ts'

const FIRST_TIME = 1_700_000_000_000n

async function connect(t: TestContext, { broker }: TestBroker): Promise<kafka.Connection> {
  const connection = new kafka.Connection('test')
  await connection.connect(broker.address.host, broker.address.port)
  t.after(() => connection.close())
  return connection
}

/**
 * Calls one version of an API. All versions take the same arguments and leave out what they do not have; `T` is the
 * answer of the newest.
 */
async function call<T>(connection: kafka.Connection, name: string, version: number, ...args: unknown[]): Promise<T> {
  type Module = { api: { async(connection: kafka.Connection, ...args: unknown[]): Promise<T> } }
  const module = (kafka as unknown as { [name: string]: Module })[`${name}V${version}`]
  return module!.api.async(connection, ...args)
}

/** What a call was refused with, as text. */
async function refusal(answer: Promise<unknown>): Promise<string> {
  const error = await answer.then(
    () => assert.fail('It was not refused'),
    (fault: { errors: unknown }) => fault,
  )
  return JSON.stringify(error.errors)
}

const versions = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('every version of every API is understood both ways by a codec that is not ours', async (t) => {
  const server = await startTestBroker(t)
  const connection = await connect(t, server)

  await t.test('ApiVersions 0 to 4', async () => {
    for (const version of versions(0, 4)) {
      const { apiKeys } = await call<kafka.apiVersionsV4.ApiVersionsResponse>(
        connection,
        'apiVersions',
        version,
        'millrace-test',
        '1.0',
      )
      const spoken = apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, minVersion, maxVersion])
      assert.deepEqual(spoken, [
        [0, 0, 11],
        [1, 4, 17],
        [2, 1, 11],
        [3, 0, 12],
        [8, 2, 9],
        [9, 1, 9],
        [10, 0, 6],
        [11, 0, 9],
        [12, 0, 4],
        [13, 0, 5],
        [14, 0, 5],
        [15, 0, 6],
        [16, 0, 5],
        [17, 0, 1],
        [18, 0, 4],
        [19, 2, 7],
        [20, 1, 6],
        [21, 0, 2],
        [22, 0, 4],
        [23, 2, 4],
        [29, 1, 3],
        [32, 1, 4],
        [33, 0, 2],
        [35, 1, 4],
        [36, 0, 2],
        [37, 0, 3],
        [42, 0, 2],
        [44, 0, 1],
        [47, 0, 0],
        [60, 0, 2],
        [61, 0, 0],
      ])
    }
  })

  await t.test('CreateTopics 2 to 7', async () => {
    for (const version of versions(2, 7)) {
      const configs = [{ name: 'retention.ms', value: '5000' }]
      const topic = { name: `v${version}`, numPartitions: 3, replicationFactor: 1, assignments: [], configs }
      const { topics } = await call<kafka.createTopicsV7.CreateTopicsResponse>(
        connection,
        'createTopics',
        version,
        [topic],
        1000,
        false,
      )
      assert.equal(topics[0]!.name, `v${version}`)
      if (version < 5) continue
      assert.equal(topics[0]!.numPartitions, 3)
      const set = topics[0]!.configs!.find(({ name }) => name === 'retention.ms')
      assert.deepEqual(set, {
        name: 'retention.ms',
        value: '5000',
        readOnly: false,
        configSource: 1,
        isSensitive: false,
      })
    }
    const assigned = { name: 'assigned', numPartitions: -1, replicationFactor: -1, configs: [] }
    const assignments = [0, 1].map((partitionIndex) => ({ partitionIndex, brokerIds: [0] }))
    const { topics } = await call<kafka.createTopicsV7.CreateTopicsResponse>(
      connection,
      'createTopics',
      7,
      [{ ...assigned, assignments }],
      1000,
      false,
    )
    assert.equal(topics[0]!.numPartitions, 2)
  })

  await t.test('CreateTopics that only validates', async () => {
    const topic = { name: 'unmade', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    await call<kafka.createTopicsV7.CreateTopicsResponse>(connection, 'createTopics', 7, [topic], 1000, true)
    const refused = await refusal(call(connection, 'metadata', 9, ['unmade'], false))
    assert.match(refused, /UNKNOWN_TOPIC_OR_PARTITION/)
  })

  await t.test('Metadata 0 to 12', async () => {
    for (const version of versions(0, 12)) {
      const answer = await call<kafka.metadataV12.MetadataResponse>(
        connection,
        'metadata',
        version,
        ['v7'],
        false,
        false,
      )
      const { host, port } = server.broker.address
      assert.deepEqual(
        answer.brokers.map((one) => ({ nodeId: one.nodeId, host: one.host, port: one.port })),
        [{ nodeId: 0, host, port }],
      )
      if (version >= 2) assert.equal(answer.clusterId, 'millrace-single-node')
      const [topic] = answer.topics
      assert.equal(topic!.name, 'v7')
      assert.deepEqual(
        topic!.partitions.map((one) => [one.errorCode, one.partitionIndex, one.leaderId, one.isrNodes]),
        [0, 1, 2].map((index) => [0, index, 0, [0]]),
      )
    }
  })

  await t.test('Produce 3 to 11, Fetch 4 to 17 by name and by id', async () => {
    const { topics } = await call<kafka.metadataV12.MetadataResponse>(connection, 'metadata', 12, ['v7'], false, false)
    for (const version of versions(3, 11)) {
      const message = {
        topic: 'v7',
        partition: 0,
        key: Buffer.from(`key${version}`),
        value: Buffer.from(`value${version}`),
        headers: new Map([[Buffer.from('unit'), Buffer.from('Cel')]]),
        timestamp: FIRST_TIME + BigInt(version),
      }
      const answer = await call<kafka.produceV11.ProduceResponse>(connection, 'produce', version, -1, 1000, [message], {
        compression: 'none',
      })
      const [stored] = answer.responses[0]!.partitionResponses
      assert.deepEqual([stored!.errorCode, stored!.baseOffset], [0, BigInt(version - 3)])
    }
    for (const version of versions(4, 17)) {
      const partition = {
        partition: 0,
        currentLeaderEpoch: 0,
        fetchOffset: 0n,
        lastFetchedEpoch: 0,
        partitionMaxBytes: 1e6,
      }
      const topicId = version <= 12 ? 'v7' : topics[0]!.topicId
      const wanted = [{ topicId, partitions: [partition] }]
      const answer = await call<kafka.fetchV17.FetchResponse>(
        connection,
        'fetch',
        version,
        100,
        1,
        1e6,
        0,
        0,
        -1,
        wanted,
        [],
        '',
      )
      const [read] = answer.responses[0]!.partitions
      assert.deepEqual([read!.errorCode, read!.highWatermark, read!.lastStableOffset], [0, 9n, 9n])
      const records = read!.records!.flatMap((batch) => batch.records.map((one) => one.value!.toString()))
      assert.deepEqual(
        records,
        versions(3, 11).map((one) => `value${one}`),
      )
    }
  })

  await t.test('ListOffsets 1 to 7', async () => {
    for (const version of versions(1, 7)) {
      const ask = async (timestamp: bigint) => {
        const wanted = [{ name: 'v7', partitions: [{ partitionIndex: 0, currentLeaderEpoch: 0, timestamp }] }]
        const { topics } = await call<kafka.listOffsetsV7.ListOffsetsResponse>(
          connection,
          'listOffsets',
          version,
          -1,
          0,
          wanted,
        )
        return topics[0]!.partitions[0]!.offset
      }
      assert.deepEqual([await ask(-2n), await ask(-1n), await ask(FIRST_TIME + 5n)], [0n, 9n, 2n])
    }
  })

  await t.test('InitProducerId 0 to 4', async () => {
    const ids = new Set<bigint>()
    for (const version of versions(0, 4)) {
      const answer = await call<kafka.initProducerIdV4.InitProducerIdResponse>(
        connection,
        'initProducerId',
        version,
        null,
        1000,
        -1n,
        -1,
      )
      assert.equal(answer.producerEpoch, 0)
      ids.add(answer.producerId)
    }
    assert.equal(ids.size, 5)
  })

  await t.test('DescribeConfigs 1 to 4', async () => {
    for (const version of versions(1, 4)) {
      const wanted = [
        { resourceType: 2, resourceName: 'v7', configurationKeys: ['retention.ms', 'cleanup.policy'] },
        { resourceType: 4, resourceName: '0', configurationKeys: null },
      ]
      const { results } = await call<kafka.describeConfigsV4.DescribeConfigsResponse>(
        connection,
        'describeConfigs',
        version,
        wanted,
        true,
        false,
      )
      const [topic, node] = results
      const found = topic!.configs.map(({ name, value, configSource }) => [name, value, configSource])
      assert.deepEqual(found, [
        ['cleanup.policy', 'delete', 5],
        ['retention.ms', '5000', 1],
      ])
      assert.ok(node!.configs.some(({ name, value }) => name === 'num.partitions' && value === '4'))
    }
  })

  await t.test('FindCoordinator 0 to 6', async () => {
    for (const version of versions(0, 6)) {
      const found = await call<kafka.findCoordinatorV6.FindCoordinatorResponse>(
        connection,
        'findCoordinator',
        version,
        0,
        ['group'],
      )
      const { host, port } = server.broker.address
      const [one] = found.coordinators ?? [found as never]
      assert.deepEqual({ host: one!.host, port: one!.port, nodeId: one!.nodeId }, { host, port, nodeId: 0 })
      if (version > 0)
        assert.match(await refusal(call(connection, 'findCoordinator', version, 1, ['tx'])), /TRANSACTIONAL_ID/)
    }
  })
})

for (const compression of ['none', 'gzip', 'zstd'] as const) {
  test(`its idempotent producer and its fetch: ${compression}, across a restart`, async (t) => {
    const server = await startTestBroker(t)
    await createTopics(await server.connect(), [{ name: 't', partitions: 2 }])
    const options = { clientId: 'test', bootstrapBrokers: [server.address], compression, idempotent: true, acks: -1 }
    const producer = new kafka.Producer({ ...options, serializers: kafka.stringSerializers })
    t.after(() => producer.close())
    for (const round of [0, 1]) {
      const messages = Array.from({ length: 100 }, (_, i) => ({
        topic: 't',
        partition: 1,
        key: `key${i}`,
        value: `value${i}`,
        headers: { round: `${round}` },
        timestamp: FIRST_TIME + BigInt(i),
      }))
      const { offsets } = await producer.send({ messages })
      assert.deepEqual(offsets, [{ topic: 't', partition: 1, offset: BigInt(100 * round) }])
      await server.restart()
    }
    const records = await readAll(await connect(t, server), 't', 1)
    assert.deepEqual(
      records,
      Array.from({ length: 200 }, (_, i) => [
        `key${i % 100}`,
        `value${i % 100}`,
        `${i < 100 ? 0 : 1}`,
        FIRST_TIME + BigInt(i % 100),
      ]),
    )
  })
}

test('it is told of an unknown topic, of an offset out of range and of an unknown id', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  await produce(client, makeBatch([{ value: 'a' }]))
  const connection = await connect(t, server)
  const errors = async (version: number, topicId: string, fetchOffset: bigint) => {
    const partition = { partition: 0, currentLeaderEpoch: 0, fetchOffset, lastFetchedEpoch: 0, partitionMaxBytes: 1e6 }
    const wanted = [{ topicId, partitions: [partition] }]
    return refusal(call(connection, 'fetch', version, 0, 1, 1e6, 0, 0, -1, wanted, [], ''))
  }
  assert.match(await errors(12, 'missing', 0n), /UNKNOWN_TOPIC_OR_PARTITION/)
  assert.match(await errors(12, 't', 7n), /OFFSET_OUT_OF_RANGE/)
  assert.match(await errors(17, '00000000-0000-4000-8000-000000000000', 0n), /UNKNOWN_TOPIC_ID/)
})

/** Key, value, header and time of all records of a partition. */
async function readAll(connection: kafka.Connection, topic: string, partition: number): Promise<unknown[]> {
  const records: unknown[] = []
  for (;;) {
    const wanted = { partition, currentLeaderEpoch: -1, fetchOffset: BigInt(records.length), lastFetchedEpoch: -1 }
    const topics = [{ topicId: topic, partitions: [{ ...wanted, partitionMaxBytes: 2000 }] }]
    const answer = await call<kafka.fetchV17.FetchResponse>(
      connection,
      'fetch',
      12,
      0,
      0,
      2000,
      0,
      0,
      -1,
      topics,
      [],
      '',
    )
    const batches = answer.responses[0]!.partitions[0]!.records ?? []
    if (batches.length === 0) return records
    for (const batch of batches) {
      for (const { key, value, headers, timestampDelta } of batch.records) {
        records.push([
          key!.toString(),
          value!.toString(),
          headers[0]![1]!.toString(),
          batch.firstTimestamp + timestampDelta,
        ])
      }
    }
  }
}
