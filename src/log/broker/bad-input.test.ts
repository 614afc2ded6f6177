import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import * as fc from 'fast-check'
import { makeBatch, seal } from '../../../test/log/make-batch.ts'
import { API } from '../../../test/kafka-clients/raw-client.ts'
import type { ApiName, RawClient } from '../../../test/kafka-clients/raw-client.ts'
import { createTopics, fetch, fetchBody, produce, produceBody } from '../../../test/kafka-clients/requests.ts'
import { startTestBroker } from '../../../test/kafka-clients/test-broker.ts'
import type { TestBroker } from '../../../test/kafka-clients/test-broker.ts'
import { BATCH } from '../batch.ts'
import { until } from '../../../test/until.ts'

/**
 * The Kafka lines of the bad-input catalogue. Each ends the same way: the bad connection is closed with a line in the
 * log, or the bad request is refused with Kafka's error; a good client that was there all along notices nothing.
 */
interface Scene {
  readonly server: TestBroker
  readonly good: RawClient
  readonly bad: RawClient
}

async function scene(t: TestContext, limits: Parameters<typeof startTestBroker>[1] = {}): Promise<Scene> {
  const server = await startTestBroker(t, limits)
  const good = await server.connect()
  await createTopics(good, [{ name: 't' }])
  await produce(good, makeBatch([{ value: 'good' }]))
  return { server, good, bad: await server.connect() }
}

async function goodGoesOn({ good }: Scene): Promise<void> {
  const { error, offset } = await produce(good, makeBatch([{ value: 'still good' }]))
  assert.equal(error, 0)
  assert.equal((await fetch(good)).highWatermark, offset + 1)
}

async function closedWith(scene: Scene, reason: RegExp): Promise<void> {
  await scene.bad.closed
  assert.match(scene.server.log.filter((line) => line.includes('Kafka connection closed')).at(-1) ?? '', reason)
  await goodGoesOn(scene)
}

const PREFIXES: { readonly [name: string]: readonly [bytes: string, reason: RegExp] } = {
  'negative size': ['ffffffff', /size is -1, want 1 to 104857600/],
  'size 0': ['00000000', /size is 0, want/],
  'size 2 GB': ['7fffffff', /size is 2147483647, want/],
  'TLS hello': ['16030102000100', /size is 369295618 \(a TLS hello\)/],
  'HTTP request': [Buffer.from('GET / HTTP/1.1\r\n').toString('hex'), /\(an HTTP request\)/],
  'unknown api key': ['00000008 03e7 0000 00000001', /unknown api key 999 version 0/],
  'api key of transactions': ['00000008 0018 0005 00000001', /unknown api key 24 version 5/],
  'unknown version': ['00000008 0001 0063 00000001', /Cannot answer Fetch: version is 99, want 4 to 17/],
  'negative version': ['00000008 0000 ffff 00000001', /Cannot answer Produce: version is -1, want/],
  'header cut off': ['00000003 000000', /field length is 2, want 0 to 1/],
  'array length -2': ['0000000e 0003 0001 00000001 ffff fffffffe', /array length is -2/],
  'array length 2^31 - 1': ['0000000e 0003 0001 00000001 ffff 7fffffff', /array length is 2147483647/],
  'array of strings that is longer than the request': [
    '00000010 0003 0001 00000001 ffff 00000003 0000',
    /array length is 3, want 0 to 2/,
  ],
}

for (const [name, [bytes, reason]] of Object.entries(PREFIXES)) {
  test(`bad input: ${name} closes the connection`, async (t) => {
    const at = await scene(t)
    at.bad.send(Buffer.from(bytes.replaceAll(' ', ''), 'hex'))
    await closedWith(at, reason)
  })
}

test('bad input: half a request, then silence', async (t) => {
  const at = await scene(t, { limits: { requestMs: 100 } })
  at.bad.send(Buffer.from('0000000800', 'hex'))
  await closedWith(at, /Cannot read request: 5 bytes after \d+ ms, want all of it/)
})

test('bad input: a connection that says nothing', async (t) => {
  const at = await scene(t, { limits: { idleMs: 3000 } })
  const keepAlive = setInterval(() => void fetch(at.good), 500)
  t.after(() => clearInterval(keepAlive))
  await at.bad.closed
  assert.match(at.server.log.at(-1)!, /Kafka connection closed .*Idle for \d+ ms/)
})

const BATCHES: { readonly [name: string]: readonly [batch: () => Buffer, error: number] } = {
  'a wrong CRC': [() => changed((batch) => batch.writeInt8(batch.at(-1)! ^ 1, batch.length - 1)), 2],
  'magic 0': [() => changed((batch) => batch.writeInt8(0, BATCH.magic)), 43],
  'magic 1': [() => changed((batch) => batch.writeInt8(1, BATCH.magic)), 43],
  'magic 3': [() => changed((batch) => batch.writeInt8(3, BATCH.magic)), 43],
  'a message of Kafka 0.10': [() => Buffer.from(`00000000000000000000000e0000000001${'00'.repeat(9)}`, 'hex'), 43],
  'more records than it says': [() => makeBatch([{ value: 'a' }, { value: 'b' }], { recordCount: 1 }), 87],
  'fewer records than it says': [() => makeBatch([{ value: 'a' }], { recordCount: 2_000_000_000 }), 87],
  'no records': [() => makeBatch([{ value: 'a' }], { recordCount: 0 }), 87],
  'an offset delta of -1': [() => sealed((batch) => batch.writeInt32BE(-1, BATCH.lastOffsetDelta)), 87],
  'reserved bits': [() => sealed((batch) => batch.writeInt16BE(0x0100, BATCH.attributes)), 2],
  'compression 7': [() => sealed((batch) => batch.writeInt16BE(7, BATCH.attributes)), 76],
  'a control bit': [() => sealed((batch) => batch.writeInt16BE(0x20, BATCH.attributes)), 87],
  'a transactional bit': [() => sealed((batch) => batch.writeInt16BE(0x10, BATCH.attributes)), 48],
  'the broker as its clock': [() => sealed((batch) => batch.writeInt16BE(0x08, BATCH.attributes)), 32],
  'a length beyond its end': [() => changed((batch) => batch.writeInt32BE(2 ** 30, BATCH.batchLength)), 2],
  'a negative length': [() => changed((batch) => batch.writeInt32BE(-5, BATCH.batchLength)), 2],
  'a header that is cut off': [() => makeBatch([{ value: 'a' }]).subarray(0, 40), 2],
  'sixteen bytes': [() => Buffer.alloc(16), 2],
  'no bytes': [() => Buffer.alloc(0), 87],
  'a second batch behind it': [() => Buffer.concat([makeBatch([{ value: 'a' }]), makeBatch([{ value: 'b' }])]), 87],
  'a producer without a sequence': [() => makeBatch([{ value: 'a' }], { producerId: 5n }), 87],
  'more bytes than allowed': [() => makeBatch([{ value: 'x'.repeat(9 * 2 ** 20) }]), 10],
}

function changed(change: (batch: Buffer) => void): Buffer {
  const batch = makeBatch([{ value: 'a' }])
  change(batch)
  return batch
}

function sealed(change: (batch: Buffer) => void): Buffer {
  return seal(changed(change))
}

test('bad input: batches are refused, each with its error, and the connection lives', async (t) => {
  const at = await scene(t)
  for (const [name, [batch, error]] of Object.entries(BATCHES)) {
    await t.test(`a batch with ${name}`, async () => {
      assert.deepEqual(await produce(at.bad, batch()), { error, offset: -1 })
      assert.equal((await fetch(at.bad)).highWatermark, 1)
    })
  }
  await goodGoesOn(at)
})

test('bad input: a refused batch with acks=0 closes the connection, as that is all a client can notice', async (t) => {
  const at = await scene(t)
  at.bad.send(at.bad.encode('produce', 9, produceBody(Buffer.alloc(70), { acks: 0 })).bytes)
  await closedWith(at, /Cannot store without acks: error 43, Cannot store batch: magic is 0, want 2/)
})

test('bad input: a compression bomb is stored and served as it came', async (t) => {
  const at = await scene(t)
  const bomb = makeBatch([{ value: 'x'.repeat(50 * 2 ** 20) }], { compression: 'zstd' })
  assert.ok(bomb.length < 100_000)
  assert.deepEqual(await produce(at.bad, bomb), { error: 0, offset: 1 })
  const { records } = await fetch(at.bad, { offset: 1 })
  assert.equal(Buffer.compare(records.subarray(BATCH.magic), bomb.subarray(BATCH.magic)), 0)
})

test('bad input: transactional ids, unknown topics and partitions', async (t) => {
  const at = await scene(t)
  const batch = makeBatch([{ value: 'a' }])
  assert.deepEqual(await produce(at.bad, batch, { transactionalId: 'tx' }), { error: 53, offset: -1 })
  assert.deepEqual(await produce(at.bad, batch, { topic: 'missing' }), { error: 3, offset: -1 })
  assert.deepEqual(await produce(at.bad, batch, { partition: -1 }), { error: 3, offset: -1 })
  assert.equal((await fetch(at.bad, { topic: '__proto__' })).error, 3)
  await goodGoesOn(at)
})

test('bad input: fetches beyond the end, before the start, of an old session', async (t) => {
  const at = await scene(t)
  assert.equal((await fetch(at.bad, { offset: 2 })).error, 1)
  assert.equal((await fetch(at.bad, { offset: -1 })).error, 1)
  assert.equal((await fetch(at.bad, { offset: 2 ** 52 })).error, 1)
  assert.equal((await fetch(at.bad, { sessionId: 5 })).error, 70)
  assert.equal((await fetch(at.bad, { maxBytes: -1 })).records.length > 0, true)
  await goodGoesOn(at)
})

test('bad input: topic names', async (t) => {
  const at = await scene(t)
  const names = ['', '.', '..', 'a'.repeat(250), '../etc', 'a/b', 'ü', 'a b', 'a\0b']
  const results = await createTopics(
    at.bad,
    names.map((name) => ({ name })),
  )
  assert.deepEqual(
    results.map(({ error }) => error),
    names.map(() => 17),
  )
  assert.deepEqual(await createTopics(at.bad, [{ name: 'a'.repeat(249) }]), [{ error: 0, message: null }])
  await goodGoesOn(at)
})

test('bad input: one request that names thousands of topics makes no more than there may be', async (t) => {
  const at = await scene(t, { limits: { maxPartitions: 21 } })
  const body = await at.bad.request('metadata', 4, (request) => {
    request.array(
      Array.from({ length: 5000 }, (_, i) => `t${i}`),
      (name) => request.string(name),
    )
    request.boolean(true)
  })
  assert.ok(body.left > 0)
  const names = await createTopics(at.bad, [{ name: 'one-more', partitions: 1 }])
  assert.equal(names[0]!.error, 44)
  assert.deepEqual(await produce(at.bad, makeBatch([{ value: 'a' }]), { topic: 't4' }), { error: 0, offset: 0 })
  assert.deepEqual(await produce(at.bad, makeBatch([{ value: 'a' }]), { topic: 't5' }), { error: 3, offset: -1 })
  await goodGoesOn(at)
})

test('bad input: a short request for one long thing many times closes the connection', async (t) => {
  const at = await scene(t, { limits: { maxAnswerBytes: 2 ** 20 } })
  const times = Array.from({ length: 30_000 }, () => 't')
  at.bad.send(
    at.bad.encode('metadata', 4, (body) => (body.array(times, (name) => body.string(name)), body.boolean(false))).bytes,
  )
  await closedWith(at, /Cannot answer request: the answer has more than 1048576 bytes, want less asked at once/)
})

test('bad input: a client that sends and never reads stops being read', async (t) => {
  const at = await scene(t)
  await produce(at.good, makeBatch([{ value: 'x'.repeat(4 * 2 ** 20) }]))
  const before = at.server.broker.figures().bytesOut
  at.bad.read(false)
  const request = at.bad.encode('fetch', 12, fetchBody({ offset: 1, maxBytes: 2 ** 23 })).bytes
  for (let i = 0; i < 50; i++) at.bad.send(request)
  await goodGoesOn(at)
  await goodGoesOn(at)
  // One answer of 4 MiB is under way, perhaps a second where the kernel took the first: not fifty.
  assert.ok(at.server.broker.figures().bytesOut - before < 16 * 2 ** 20)
  at.bad.read(true)
  for (let i = 0; i < 50; i++) assert.ok((await at.bad.next()).length > 4 * 2 ** 20)
})

test('bad input: a client that does not take its answer is closed', async (t) => {
  const at = await scene(t, { limits: { stalledMs: 1000 } })
  await produce(at.good, makeBatch([{ value: 'x'.repeat(7 * 2 ** 20) }]))
  at.bad.read(false)
  for (let i = 0; i < 10; i++)
    at.bad.send(at.bad.encode('fetch', 12, fetchBody({ offset: 1, maxBytes: 2 ** 23 })).bytes)
  const said = /Cannot send answer: the client has not taken it for \d+ ms/
  await until(() => at.server.log.some((line) => said.test(line)))
  await goodGoesOn(at)
})

test('bad input: many large requests that never end leave room for small ones, and then are closed', async (t) => {
  const at = await scene(t, { limits: { maxRequestsBytes: 2 ** 20, requestMs: 2000, minRequestRate: 2 ** 30 } })
  const large = await Promise.all(Array.from({ length: 8 }, () => at.server.connect()))
  const half = Buffer.alloc(8 * 2 ** 20)
  half.writeInt32BE(16 * 2 ** 20)
  const before = at.server.broker.figures().bytesIn
  for (const client of large) client.send(half)
  for (let i = 0; i < 20; i++) await goodGoesOn(at)
  // Each is read until the bound is passed, then to the end of its chunk: far from the 64 MiB that were sent.
  assert.ok(at.server.broker.figures().bytesIn - before < 8 * 2 ** 20)
  await Promise.all(large.map((client) => client.closed))
  await goodGoesOn(at)
})

test('bad input: any version of any API with random bytes behind its header answers or closes, and stops nobody', async (t) => {
  const at = await scene(t)
  const names = Object.keys(API) as ApiName[]
  const request = fc.record({
    name: fc.constantFrom(...names),
    version: fc.nat(12),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.constantFrom(0, 1, 2, 255, 127), { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes)),
    ),
  })
  await fc.assert(
    fc.asyncProperty(request, async ({ name, version, body }) => {
      const client = await at.server.connect()
      client.send(client.encode(name, version, (to) => body.forEach((byte) => to.int8((byte << 24) >> 24))).bytes)
      await Promise.race([client.next(), client.closed, once(AbortSignal.timeout(300), 'abort')])
      client.close()
    }),
    { numRuns: 400 },
  )
  assert.deepEqual(
    at.server.log.filter((line) => line.includes('Kafka request failed')),
    [],
  )
  await goodGoesOn(at)
})

test('bad input: random requests and random changes of good ones never stop the broker', async (t) => {
  const at = await scene(t)
  const good = [
    at.bad.encode('produce', 9, produceBody(makeBatch([{ value: 'a' }]))).bytes,
    at.bad.encode('fetch', 12, fetchBody()).bytes,
    at.bad.encode('metadata', 12, (body) => body.array(null, () => {})).bytes,
  ]
  const change = fc.record({ which: fc.nat(2), at: fc.double({ min: 0, max: 1, noNaN: true }), to: fc.nat(255) })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
      const client = await at.server.connect()
      const bytes = Buffer.from(good[changes[0]!.which]!)
      for (const { at: where, to } of changes) bytes[4 + Math.floor(where * (bytes.length - 4))] = to
      client.send(bytes)
      await Promise.race([client.next(), client.closed, once(AbortSignal.timeout(300), 'abort')])
      client.close()
    }),
    { numRuns: 200 },
  )
  await goodGoesOn(at)
})
