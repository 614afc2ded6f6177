import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { seededRandom } from '../system/random.ts'
import { ascending, Bench, byPartition, plain, randomRecord, range, text, textRecord } from './conformance-bench.ts'
import type { ConformanceTarget } from './conformance-bench.ts'
import type { NewRecord, ReadBatch, TopicSpec } from './log.ts'
import { partitionOf } from './partitioner.ts'

/**
 * The contract of `Log` as tests, the same for every driver. `start` is called once; each test uses topics of its own,
 * so the suite also runs against a cluster that keeps its data.
 */
export function conformance(name: string, start: () => Promise<ConformanceTarget>, can: Capabilities): void {
  const more = { ...(can.trims && TRIMMING), ...(can.compacts && COMPACTING) }
  describe(`log conformance: ${name}`, () => {
    let target!: ConformanceTarget
    before(async () => {
      target = await start()
    })
    after(() => target.stop())
    for (const [title, check] of Object.entries({ ...APPENDING, ...READING, ...LIFE, ...more })) {
      test(title, async () => {
        const bench = new Bench(target)
        try {
          await check(bench)
        } finally {
          await bench.close()
        }
      })
    }
  })
}

interface Capabilities {
  /** The target can be told to remove records from the front, as retention does. */
  readonly trims: boolean
  /** The target can be told to compact a topic now. */
  readonly compacts?: boolean
}

type Check = (bench: Bench) => Promise<void>

const APPENDING: { readonly [title: string]: Check } = {
  async 'ensure is idempotent, and a topic with other partitions is refused by name'(bench) {
    const log = await bench.open()
    const spec: TopicSpec = { name: bench.name(), partitions: 3, cleanup: 'compact', retention: { ms: 60_000 } }
    await log.ensure([spec])
    await log.ensure([spec, spec])
    assert.deepEqual(
      (await log.topics()).find((topic) => topic.name === spec.name),
      { name: spec.name, partitions: 3 },
    )
    await assert.rejects(log.ensure([{ ...spec, partitions: 4 }]), { code: 'TOPIC_MISMATCH' })
    await log.append(spec.name, [{ key: 'a', value: 'after the refusal', timestamp: 1 }])
  },

  async 'a topic that is cleaned up otherwise than it must be is refused by name'(bench) {
    const [kept, latest] = [bench.name(), bench.name()]
    const first = await bench.open()
    await first.ensure([
      { name: kept, partitions: 1, cleanup: 'delete' },
      { name: latest, partitions: 1, cleanup: 'compact' },
    ])
    const log = await bench.open()
    await assert.rejects(log.ensure([{ name: kept, partitions: 1, cleanup: 'compact' }]), {
      code: 'TOPIC_MISMATCH',
      message: `Cannot use topic "${kept}": its cleanup policy is delete, want compact`,
    })
    await assert.rejects(log.ensure([{ name: latest, partitions: 1, cleanup: 'delete' }]), { code: 'TOPIC_MISMATCH' })
    await log.ensure([
      { name: kept, partitions: 1 },
      { name: latest, partitions: 1, cleanup: 'compact' },
    ])
  },

  async 'an append says where its records came to lie'(bench) {
    const { log, topic } = await bench.topic(4)
    assert.deepEqual(await log.append(topic, []), [])
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    const first = await log.append(topic, keys.map(textRecord))
    const second = await log.append(topic, keys.map(textRecord))
    const counts = new Map<number, number>()
    for (const key of keys) counts.set(partitionOf(key, 4), (counts.get(partitionOf(key, 4)) ?? 0) + 1)
    assert.deepEqual(byPartition(first), [...counts].map(([p, n]) => [p, n, n]).sort(ascending))
    assert.deepEqual(byPartition(second), [...counts].map(([p, n]) => [p, 2 * n, n]).sort(ascending))
    const ends = await log.ends(topic)
    assert.deepEqual(
      ends.map((end) => [end.partition, end.start, end.end]),
      [0, 1, 2, 3].map((p) => [p, 0, 2 * (counts.get(p) ?? 0)]),
    )
  },

  async 'records without a key go partition by partition'(bench) {
    const { log, topic } = await bench.topic(3)
    for (let i = 0; i < 6; i++) await log.append(topic, [{ key: null, value: `${i}`, timestamp: i }])
    assert.deepEqual(
      (await log.ends(topic)).map(({ end }) => end),
      [2, 2, 2],
    )
  },

  async 'order per key is the order of the calls, awaited or not'(bench) {
    const { log, topic } = await bench.topic(4)
    const calls: Promise<unknown>[] = []
    for (let i = 0; i < 5_000; i++) {
      await log.ready()
      calls.push(log.append(topic, [textRecord(`key${i % 7}`, i)]))
      if (i % 500 === 0) await calls.at(-1)
    }
    await Promise.all(calls)
    const last = new Map<string, number>()
    for (const record of await bench.all(log, topic, 4)) {
      const key = text(record.key)
      const number = Number(text(record.value))
      assert.equal(
        number,
        last.has(key) ? last.get(key)! + 7 : Number(key.slice(3)),
        `after ${last.get(key)} of ${key}`,
      )
      last.set(key, number)
    }
    assert.deepEqual(
      [...last.values()].sort((a, b) => a - b),
      [4993, 4994, 4995, 4996, 4997, 4998, 4999],
    )
  },

  async 'a hundred callers at once lose and double nothing'(bench) {
    const { log, topic } = await bench.topic(4)
    const caller = async (id: number) => {
      for (let i = 0; i < 20; i++) await log.append(topic, [textRecord(`caller${id}`, i), textRecord(`other${id}`, i)])
    }
    await Promise.all(Array.from({ length: 100 }, (_, id) => caller(id)))
    const seen = (await bench.all(log, topic, 4)).map((record) => `${text(record.key)}:${text(record.value)}`)
    assert.equal(seen.length, 4_000)
    assert.equal(new Set(seen).size, 4_000)
  },

  async 'keys and values are copied before the call returns'(bench) {
    const { log, topic } = await bench.topic(1)
    const value = Buffer.from('as handed over')
    const key = Buffer.from('key')
    const header = Buffer.from('header')
    const appended = log.append(topic, [{ key, value, timestamp: 5, headers: [['h', header]] }])
    value.fill(0)
    key.fill(0)
    header.fill(0)
    await appended
    const [record] = await bench.all(log, topic, 1)
    assert.deepEqual(
      [text(record!.key), text(record!.value), text(record!.headers[0]![1])],
      ['key', 'as handed over', 'header'],
    )
  },

  async 'every shape of key, value, header and timestamp comes back'(bench) {
    const { log, topic } = await bench.topic(1)
    const shapes = SHAPES.map((shape, i): NewRecord => ({ key: `${i}`, value: 'v', timestamp: 1_000 + i, ...shape }))
    for (const record of shapes) await log.append(topic, [record])
    await log.append(topic, shapes)
    const read = await bench.all(log, topic, 1)
    assert.deepEqual(read.map(plain), [...shapes, ...shapes].map(plain))
  },

  async 'a value of 1 MiB fits, a larger record is refused and harms nothing else'(bench) {
    const { log, topic } = await bench.topic(1)
    const large = Buffer.alloc(1024 * 1024, 'x')
    const before = log.append(topic, [textRecord('a')])
    const refused = log.append(topic, [textRecord('b'), { key: 'c', value: Buffer.alloc(2_000_000), timestamp: 1 }])
    const afterwards = log.append(topic, [{ key: 'd', value: large, timestamp: 1 }, textRecord('e')])
    await assert.rejects(refused, { code: 'RECORD_TOO_LARGE' })
    await Promise.all([before, afterwards])
    const read = await bench.all(log, topic, 1)
    assert.deepEqual(
      read.map((record) => [text(record.key), record.value?.length]),
      [
        ['a', 1],
        ['d', large.length],
        ['e', 1],
      ],
    )
    assert.ok(large.equals(read[1]!.value!))
  },

  async 'an append to a topic that nobody ensured is refused'(bench) {
    const log = await bench.open()
    await assert.rejects(log.append(bench.name(), [textRecord('a')]), { code: 'TOPIC_UNKNOWN' })
    await assert.rejects(log.ends(bench.name()), { code: 'TOPIC_UNKNOWN' })
  },

  async 'ready waits while too much is under way, and append has a hard limit'(bench) {
    const log = await bench.open({ maxPendingBytes: 64 * 1024 })
    const topic = await bench.ensured(log, 1)
    await log.ready()
    const value = 'x'.repeat(32 * 1024)
    const calls = Array.from({ length: 4 }, () => log.append(topic, [{ key: 'a', value, timestamp: 1 }]))
    let durable = 0
    for (const call of calls) void call.then(() => durable++)
    assert.ok(log.state().pendingBytes >= 128 * 1024)
    await assert.rejects(log.append(topic, [textRecord('a')]), { code: 'APPEND_OVERRUN' })
    await log.ready()
    assert.ok(durable > 0, 'ready came before anything was durable')
    await Promise.all(calls)
    assert.equal(log.state().pendingBytes, 0)
    await log.append(topic, [textRecord('a')])
  },
}

const READING: { readonly [title: string]: Check } = {
  async 'reading starts at any position, and untilEnd stops at the end'(bench) {
    const { log, topic } = await bench.topic(2)
    const keys = Array.from({ length: 40 }, (_, i) => `key${i}`)
    await log.append(topic, keys.map(textRecord))
    const whole = [await bench.from(log, topic, 0, 0), await bench.from(log, topic, 1, 0)]
    assert.equal(whole[0]!.length + whole[1]!.length, 40)
    for (const [partition, records] of whole.entries()) {
      for (let offset = 0; offset <= records.length; offset++) {
        const read = await bench.from(log, topic, partition, offset)
        assert.deepEqual(read.map(plain), records.slice(offset).map(plain))
        assert.deepEqual(
          read.map((record) => record.offset),
          range(offset, records.length),
        )
      }
    }
  },

  async 'a time leads to the first record at or after it, else to the end'(bench) {
    const { log, topic } = await bench.topic(1)
    const at = (timestamp: number): NewRecord => ({ key: 'a', value: `${timestamp}`, timestamp })
    await log.append(topic, [at(1_000), at(3_000)])
    await log.append(topic, [at(2_000), at(5_000)])
    const asked = await Promise.all(
      [0, 1_000, 1_001, 3_000, 3_000.5, 5_000, 5_001].map((time) => log.offsetsAt(topic, time)),
    )
    assert.deepEqual(
      asked.map(([position]) => position),
      [0, 0, 1, 1, 3, 3, 4].map((offset) => ({ topic, partition: 0, offset })),
    )
    await assert.rejects(log.offsetsAt(bench.name(), 0), { code: 'TOPIC_UNKNOWN' })
  },

  async 'a batch tells where to go on, without holes'(bench) {
    const { log, topic } = await bench.topic(1)
    const random = seededRandom(1)
    // Noise, because compression would make one small batch of anything else.
    const records = range(0, 50).map((n): NewRecord => ({ key: `k${n}`, value: random.bytes(200), timestamp: 1 }))
    for (let i = 0; i < 10; i++) await log.append(topic, records)
    let next = 0
    let batches = 0
    const options = { signal: new AbortController().signal, untilEnd: true, maxBytes: 4096 }
    for await (const batch of log.read([{ topic, partition: 0, offset: 0 }], options)) {
      assert.equal(batch.skipped, 0)
      assert.deepEqual(
        batch.records.map((record) => record.offset),
        range(next, batch.nextOffset),
      )
      next = batch.nextOffset
      batches++
    }
    assert.equal(next, 500)
    assert.ok(batches > 1, `${batches} batch`)
  },

  async 'a reader at the end is woken by the next append'(bench) {
    const { log, topic } = await bench.topic(2)
    const positions = [0, 1].map((partition) => ({ topic, partition, offset: 0 }))
    const reading = log.read(positions, { signal: bench.signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 5; i++) {
      const next = reading.next()
      await log.append(topic, [textRecord(`key${i}`, i)])
      const { value } = (await next) as IteratorResult<ReadBatch, undefined>
      assert.deepEqual(
        value?.records.map((record) => text(record.value)),
        [`${i}`],
      )
    }
    await reading.return?.()
  },

  async 'an abort ends a waiting reader at once'(bench) {
    const { log, topic } = await bench.topic(1)
    const abort = new AbortController()
    const reading = log.read([{ topic, partition: 0, offset: 0 }], { signal: abort.signal })[Symbol.asyncIterator]()
    const next = reading.next()
    setImmediate(() => abort.abort())
    assert.deepEqual(await next, { done: true, value: undefined })
  },

  async 'a reader that is not consumed holds up nobody'(bench) {
    const { log, topic } = await bench.topic(1)
    const idle = log.read([{ topic, partition: 0, offset: 0 }], { signal: bench.signal })[Symbol.asyncIterator]()
    await log.append(topic, [textRecord('a')])
    await idle.next()
    for (let i = 0; i < 50; i++) await log.append(topic, [textRecord('a', i)])
    assert.equal((await bench.all(log, topic, 1)).length, 51)
    await idle.return?.()
  },

  async 'a position beyond the end, or of a topic that is not there, is an error'(bench) {
    const { log, topic } = await bench.topic(1)
    await log.append(topic, [textRecord('a')])
    await assert.rejects(bench.from(log, topic, 0, 2), { code: 'OFFSET_BEYOND_END' })
    await assert.rejects(bench.from(log, bench.name(), 0, 0), { code: 'TOPIC_UNKNOWN' })
  },

  async 'what was appended at random is read back exactly, per partition'(bench) {
    const seed = randomInt(2 ** 31)
    const random = seededRandom(seed)
    const partitions = 1 + random.integer(5)
    const { log, topic } = await bench.topic(partitions)
    const expected: NewRecord[][] = Array.from({ length: partitions }, () => [])
    const calls: Promise<unknown>[] = []
    for (let call = 0; call < 120; call++) {
      const records = Array.from({ length: random.integer(30) }, () => randomRecord(random))
      for (const record of records) expected[partitionOf(record.key!, partitions)]!.push(record)
      calls.push(log.append(topic, records))
      if (random.integer(10) === 0) await Promise.all(calls)
    }
    await Promise.all(calls)
    for (const [partition, records] of expected.entries()) {
      const read = await bench.from(log, topic, partition, 0)
      assert.deepEqual(read.map(plain), records.map(plain), `partition ${partition} with seed ${seed}`)
    }
  },
}

const TRIMMING: { readonly [title: string]: Check } = {
  async 'a position that retention passed goes on at the first record, and says so'(bench) {
    const { log, topic } = await bench.topic(1)
    await log.append(
      topic,
      range(0, 10).map((n) => textRecord('a', n)),
    )
    await bench.target.trim!(topic, 0, 6)
    const { start } = (await log.ends(topic))[0]!
    assert.ok(start > 0 && start <= 6, `start is ${start}`)
    const batches = await bench.batches(log, [{ topic, partition: 0, offset: 0 }])
    assert.equal(batches[0]!.skipped, start)
    assert.deepEqual(
      batches.flatMap((batch) => batch.records.map((record) => record.offset)),
      range(start, 10),
    )
  },
}

const COMPACTING: { readonly [title: string]: Check } = {
  async 'offsets that compaction took are passed over, from wherever the reading starts'(bench) {
    const log = await bench.open()
    const topic = bench.name()
    await log.ensure([{ name: topic, partitions: 1, cleanup: 'compact' }])
    for (let n = 0; n < 60; n++) await log.append(topic, [textRecord(`key${n % 7}`, n), textRecord('often', n)])
    await log.append(topic, [{ key: 'key3', value: null, timestamp: 1_700_000_000_000 }])
    const before = await bench.from(log, topic, 0, 0)
    await bench.target.compact!(topic)
    const [ends] = await log.ends(topic)
    assert.ok(ends!.end >= 121)
    const after = (await bench.from(log, topic, 0, 0)).filter(({ offset }) => offset < 121)
    const last = new Map(before.map((record) => [text(record.key), record]))
    const expected = [...last.values()].sort((a, b) => a.offset - b.offset)
    assert.deepEqual(after.map(plain), expected.map(plain))
    assert.deepEqual(after.map(offsetOf), expected.map(offsetOf))
    for (const from of [1, 50, 105, 106, 107, 118, 119, 120, 121]) {
      const read = (await bench.from(log, topic, 0, from)).filter(({ offset }) => offset < 121)
      assert.deepEqual(
        read.map(offsetOf),
        expected.map(offsetOf).filter((offset) => offset >= from),
        `from ${from}`,
      )
    }
  },
}

const offsetOf = (record: { readonly offset: number }) => record.offset

const LIFE: { readonly [title: string]: Check } = {
  async 'what was durable is there after closing and opening again'(bench) {
    const { log, topic } = await bench.topic(2)
    const keys = ['a', 'b', 'c', 'd']
    await log.append(topic, keys.map(textRecord))
    await log.close()
    const again = await bench.open()
    await again.ensure([{ name: topic, partitions: 2 }])
    await again.append(topic, keys.map(textRecord))
    assert.equal((await bench.all(again, topic, 2)).length, 8)
  },

  async 'close waits for what is under way, then everything is refused'(bench) {
    const { log, topic } = await bench.topic(1)
    const calls = range(0, 20).map((n) => log.append(topic, [textRecord('a', n)]))
    const settled = Promise.allSettled(calls)
    await log.close()
    assert.deepEqual(new Set((await settled).map(({ status }) => status)), new Set(['fulfilled']))
    await assert.rejects(log.append(topic, [textRecord('a')]), { code: 'LOG_CLOSED' })
    await assert.rejects(log.ensure([{ name: topic, partitions: 1 }]), { code: 'LOG_CLOSED' })
    await assert.rejects(log.ends(topic), { code: 'LOG_CLOSED' })
    await assert.rejects(log.topics(), { code: 'LOG_CLOSED' })
    await assert.rejects(bench.from(log, topic, 0, 0), { code: 'LOG_CLOSED' })
    assert.equal(log.state().connected, false)
    await log.close()
  },

  async 'closing a log ends its waiting readers with LOG_CLOSED'(bench) {
    const { log, topic } = await bench.topic(1)
    const reading = log.read([{ topic, partition: 0, offset: 0 }], { signal: bench.signal })[Symbol.asyncIterator]()
    const next = reading.next()
    setImmediate(() => void log.close())
    await assert.rejects(next, { code: 'LOG_CLOSED' })
  },
}

const SHAPES: readonly Partial<NewRecord>[] = [
  { value: null },
  { value: '' },
  { key: '', value: new Uint8Array(0) },
  { key: 'acme/münchen/träger-7', value: '{"größe":"5 µm","emoji":"🏭","jp":"日本語"}' },
  { key: Buffer.from([0, 255, 128, 1]), value: Buffer.from([0xc3, 0x28, 0, 0xff]) },
  { key: 'k'.repeat(63) },
  { key: 'k'.repeat(64) },
  { key: 'ü'.repeat(32), value: 'ß'.repeat(4095) },
  { value: '🏭'.repeat(40), key: 'ü'.repeat(63) },
  { value: 'v'.repeat(8191) },
  { value: 'v'.repeat(8192) },
  { value: 'v'.repeat(100_000) },
  { headers: [] },
  { headers: [['seq', '42'], ['seq', 'twice'], ['source', new Uint8Array([1, 2, 3])], ['', ''], ['ü', 'é']] }, // prettier-ignore
  { headers: range(0, 100).map((n) => [`name${n}`, `${n}`.repeat(n)] as const) },
  { timestamp: 0 },
  { timestamp: 1_732_287_000_123.75 },
  { timestamp: 253_402_300_799_999 },
  { timestamp: 1 },
]
