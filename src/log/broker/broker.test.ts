import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeBatch } from '../../../test/log/make-batch.ts'
import { RawClient } from '../../../test/kafka-clients/raw-client.ts'
import {
  createTopics,
  fetch,
  fetchBody,
  listOffset,
  produce,
  produceBody,
} from '../../../test/kafka-clients/requests.ts'
import { startTestBroker } from '../../../test/kafka-clients/test-broker.ts'
import { fileDisk } from '../../system/file-disk.ts'
import type { Disk } from '../../system/disk.ts'
import { decodeRecords, readBatchHeader } from '../batch.ts'
import { API } from '../../../test/kafka-clients/raw-client.ts'

const TIME = 1_700_000_000_000

function batchOf(...values: string[]): Buffer {
  return makeBatch(values.map((value, i) => ({ value, timestamp: TIME + i })))
}

function valuesIn(records: Buffer): string[] {
  const values: string[] = []
  for (let at = 0; at < records.length; at += readBatchHeader(records, at).size) {
    values.push(...decodeRecords(records, at).map(({ value }) => Buffer.from(value!).toString()))
  }
  return values
}

test('what was acknowledged is read back, also after a restart', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  assert.deepEqual(await produce(client, batchOf('a', 'b')), { error: 0, offset: 0 })
  assert.deepEqual(await produce(client, batchOf('c')), { error: 0, offset: 2 })
  const before = await fetch(client)
  assert.deepEqual(valuesIn(before.records), ['a', 'b', 'c'])
  assert.equal(before.highWatermark, 3)
  await server.restart()
  const again = await server.connect()
  assert.deepEqual(await fetch(again), before)
  assert.deepEqual(await produce(again, batchOf('d')), { error: 0, offset: 3 })
})

test('every version of Produce answers, with acks 1 and -1; acks 0 stores and is silent', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  let offset = 0
  for (let version = 0; version <= 11; version++) {
    for (const acks of [1, -1]) {
      assert.deepEqual(await produce(client, batchOf('x'), { version, acks }), { error: 0, offset: offset++ })
    }
  }
  client.send(client.encode('produce', 9, produceBody(batchOf('quiet'), { acks: 0 })).bytes)
  assert.deepEqual(await produce(client, batchOf('loud')), { error: 0, offset: offset + 1 })
  assert.deepEqual(await produce(client, batchOf('odd'), { acks: 2 }), { error: 21, offset: -1 })
})

test('answers leave in the order of the requests, however many are pipelined and however fast each is', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  const fast = produceBody(batchOf('nowhere'), { partition: 9 })
  const sent = Array.from({ length: 300 }, (_, i) => {
    if (i % 50 === 49) return client.encode('fetch', 12, fetchBody())
    return client.encode('produce', 9, i % 3 === 0 ? fast : produceBody(batchOf(`${i}`)))
  })
  for (const { bytes } of sent) client.send(bytes)
  const received: number[] = []
  while (received.length < sent.length) received.push((await client.next()).readInt32BE(0))
  assert.deepEqual(
    received,
    sent.map(({ correlationId }) => correlationId),
  )
  const { records } = await fetch(client)
  const stored = sent.map((_, i) => `${i}`).filter((_, i) => i % 50 !== 49 && i % 3 !== 0)
  assert.deepEqual(valuesIn(records), stored)
})

test('a fetch at the end waits for data, and no longer than it may', async (t) => {
  const server = await startTestBroker(t)
  const [reader, writer] = [await server.connect(), await server.connect()]
  await createTopics(writer, [{ name: 't' }])
  const waiting = fetch(reader, { maxWaitMs: 30_000 })
  await produce(writer, batchOf('late'))
  assert.deepEqual(valuesIn((await waiting).records), ['late'])
  const empty = await fetch(reader, { offset: 1, maxWaitMs: 20 })
  assert.deepEqual({ ...empty, records: empty.records.length }, { error: 0, highWatermark: 1, records: 0 })
})

test('a fetch waits until min bytes are together', async (t) => {
  const server = await startTestBroker(t)
  const [reader, writer] = [await server.connect(), await server.connect()]
  await createTopics(writer, [{ name: 't' }])
  const one = batchOf('x'.repeat(100))
  const waiting = fetch(reader, { maxWaitMs: 30_000, minBytes: 3 * one.length })
  for (let i = 0; i < 3; i++) await produce(writer, one)
  assert.equal((await waiting).records.length, 3 * one.length)
})

test('a fetch answers at least one batch, and then no more than max bytes', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  const one = batchOf('x'.repeat(100))
  for (let i = 0; i < 5; i++) await produce(client, one)
  assert.equal((await fetch(client, { maxBytes: 1 })).records.length, one.length)
  assert.equal((await fetch(client, { maxBytes: 2 * one.length + 10 })).records.length, 2 * one.length)
  assert.equal((await fetch(client, { offset: 4 })).records.length, one.length)
})

test('offsets: first, next, by time, and of the latest record', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  assert.deepEqual(await listOffset(client, -3), { error: 0, timestamp: -1, offset: -1 })
  const times = [TIME, TIME + 5000, TIME + 2000, TIME + 9_000, TIME + 3000]
  for (const timestamp of times) await produce(client, makeBatch([{ value: 'x', timestamp }]))
  assert.deepEqual(await listOffset(client, -2), { error: 0, timestamp: -1, offset: 0 })
  assert.deepEqual(await listOffset(client, -1), { error: 0, timestamp: -1, offset: 5 })
  assert.deepEqual(await listOffset(client, TIME + 1), { error: 0, timestamp: TIME + 5000, offset: 1 })
  assert.deepEqual(await listOffset(client, TIME + 9_001), { error: 0, timestamp: -1, offset: -1 })
  assert.deepEqual(await listOffset(client, -3), { error: 0, timestamp: TIME + 9000, offset: 3 })
  assert.equal((await listOffset(client, -7)).error, 42)
  assert.equal((await listOffset(client, -1, 'missing')).error, 3)
})

test('topics are created with checked names, partitions, replicas and configs', async (t) => {
  const server = await startTestBroker(t, { limits: { maxPartitions: 10 } })
  const client = await server.connect()
  const configs = { 'retention.ms': '1000', 'cleanup.policy': 'delete', 'segment.bytes': null }
  assert.deepEqual(await createTopics(client, [{ name: 't', partitions: 2, configs }]), [{ error: 0, message: null }])
  const refused = await createTopics(client, [
    { name: 't' },
    { name: 'none', partitions: 0 },
    { name: 'many', partitions: 9 },
    { name: 'safe', replicas: 3 },
    { name: 'typo', configs: { 'retention.sm': '1' } },
    { name: 'text', configs: { 'retention.ms': 'soon' } },
    { name: 'proto', configs: { constructor: '1' } },
    { name: 'twice' },
    { name: 'twice' },
  ])
  assert.deepEqual(
    refused.map(({ error }) => error),
    [36, 37, 44, 38, 40, 40, 40, 42, 42],
  )
  assert.match(refused[5]!.message!, /Cannot set "retention.ms": value is "soon", want an integer of at least -1/)
  assert.deepEqual(await produce(client, batchOf('x'), { partition: 1 }), { error: 0, offset: 0 })
  assert.deepEqual(await produce(client, batchOf('x'), { partition: 2 }), { error: 3, offset: -1 })
})

test('two clients that create the same topic at once get one topic', async (t) => {
  const server = await startTestBroker(t)
  const clients = await Promise.all([server.connect(), server.connect()])
  const results = await Promise.all(clients.map((client) => createTopics(client, [{ name: 'same' }])))
  assert.deepEqual(
    results.map(([result]) => result!.error).toSorted((a, b) => a - b),
    [0, 36],
  )
})

test('two clients whose question creates a topic get the same topic', async (t) => {
  const server = await startTestBroker(t)
  const clients = await Promise.all([server.connect(), server.connect()])
  const ids = await Promise.all(
    clients.map(async (client) => {
      const body = await client.request('metadata', 12, (request) => {
        request.array(['asked'], (name) => {
          request.uuid(new Uint8Array(16))
          request.string(name)
          request.tags()
        })
        request.boolean(true)
        request.boolean(false)
        request.tags()
      })
      body.int32()
      body.array(() => [body.int32(), body.string(), body.int32(), body.nullableString(), body.tags()])
      body.string()
      body.int32()
      const [id] = body.array(() => {
        assert.deepEqual([body.int16(), body.string()], [0, 'asked'])
        const topicId = body.uuid().toString('hex')
        assert.equal(body.boolean(), false)
        const partitions = body.array(() => {
          assert.deepEqual([body.int16()], [0])
          const index = body.int32()
          body.int32()
          body.int32()
          for (let list = 0; list < 3; list++) body.array(() => body.int32())
          body.tags()
          return index
        })
        assert.deepEqual(partitions, [0, 1, 2, 3])
        body.int32()
        body.tags()
        return topicId
      })
      return id
    }),
  )
  assert.equal(ids[0], ids[1])
  assert.deepEqual(await produce(clients[0], batchOf('x'), { topic: 'asked', partition: 3 }), { error: 0, offset: 0 })
})

test('idempotent producers: a repeat is stored once, gaps and old epochs are refused', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  const send = (baseSequence: number, producerEpoch = 0) =>
    produce(client, makeBatch([{ value: 'a' }, { value: 'b' }], { producerId: 7n, producerEpoch, baseSequence }))
  assert.deepEqual(await send(0), { error: 0, offset: 0 })
  assert.deepEqual(await send(0), { error: 0, offset: 0 })
  assert.deepEqual(await send(4), { error: 45, offset: -1 })
  assert.deepEqual(await send(2), { error: 0, offset: 2 })
  assert.deepEqual(await send(0), { error: 0, offset: 0 })
  await server.restart()
  const again = await server.connect()
  const batch = makeBatch([{ value: 'a' }, { value: 'b' }], { producerId: 7n, producerEpoch: 0, baseSequence: 2 })
  assert.deepEqual(await produce(again, batch), { error: 0, offset: 2 })
  const newer = makeBatch([{ value: 'c' }], { producerId: 7n, producerEpoch: 1, baseSequence: 0 })
  assert.deepEqual(await produce(again, newer), { error: 0, offset: 4 })
  const older = makeBatch([{ value: 'd' }], { producerId: 7n, producerEpoch: 0, baseSequence: 4 })
  assert.deepEqual(await produce(again, older), { error: 47, offset: -1 })
})

test('producer ids differ, also after a restart; transactions are refused', async (t) => {
  const server = await startTestBroker(t)
  const init = async (transactionalId: string | null) => {
    const client = await server.connect()
    const body = await client.request('initProducerId', 4, (request) => {
      request.string(transactionalId)
      request.int32(1000)
      request.int64(-1)
      request.int16(-1)
      request.tags()
    })
    body.int32()
    return { error: body.int16(), id: body.int64(), epoch: body.int16() }
  }
  const first = await init(null)
  assert.equal(first.error, 0)
  assert.equal(first.epoch, 0)
  assert.ok(Number.isSafeInteger(first.id) && first.id >= 0)
  await server.restart()
  assert.notEqual((await init(null)).id, first.id)
  assert.deepEqual(await init('tx'), { error: 53, id: -1, epoch: -1 })
})

test('a full disk is a pause: no ack, reads go on, appends resume when there is room', async (t) => {
  let full = false
  const server = await startTestBroker(
    t,
    {},
    fullDisk(() => full),
  )
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  await produce(client, batchOf('before'))
  full = true
  assert.deepEqual(await produce(client, batchOf('lost')), { error: 56, offset: -1 })
  assert.deepEqual(valuesIn((await fetch(client)).records), ['before'])
  full = false
  assert.deepEqual(await produce(client, batchOf('after')), { error: 0, offset: 1 })
  assert.deepEqual(valuesIn((await fetch(client)).records), ['before', 'after'])
})

function fullDisk(full: () => boolean): Disk {
  return {
    ...fileDisk,
    async open(path, mode) {
      const file = await fileDisk.open(path, mode)
      const write: typeof file.write = async (data, position) => {
        if (full()) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
        await file.write(data, position)
      }
      return new Proxy(file, {
        get: (target, name) => {
          if (name === 'write') return write
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
}

test('ApiVersions of a version from the future is answered in the form of v0 (KIP-511)', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  client.send(client.encode('apiVersions', 99, () => {}).bytes)
  const answer = await client.next()
  assert.equal(answer.readInt16BE(4), 35)
  const count = answer.readInt32BE(6)
  const spoken = Array.from({ length: count }, (_, i) => answer.readInt16BE(10 + 6 * i))
  assert.deepEqual(
    spoken.toSorted((a, b) => a - b),
    Object.values(API).map(({ key }) => key),
  )
  assert.equal(answer.length, 10 + 6 * count)
})

test('a connection beyond the limit is refused, and the others go on', async (t) => {
  const server = await startTestBroker(t, { limits: { maxConnections: 1 } })
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  const second = await RawClient.connect(server.broker.address)
  await second.closed
  assert.deepEqual(await produce(client, batchOf('x')), { error: 0, offset: 0 })
  client.close()
  await client.closed
})
