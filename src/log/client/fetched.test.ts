import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ATTRIBUTE, BATCH, readBatchHeader } from '../batch.ts'
import { crc32c } from '../crc32c.ts'
import { BatchBuilder } from './batch-builder.ts'
import { unpack, unpackLots } from './fetched.ts'
import type { AbortedTransaction } from './messages.ts'
import { Slabs } from './slabs.ts'

interface Written {
  readonly at: number
  readonly producer?: number
  readonly values?: readonly string[]
  readonly end?: 'commit' | 'abort'
}

/** A batch as a broker stores it: data of a transaction, or the marker that ends one. */
function batch({ at, producer = 1, values, end }: Written): Buffer {
  const builder = new BatchBuilder(new Slabs(0), 100)
  const marker = { key: Buffer.from([0, 0, 0, end === 'commit' ? 1 : 0]), value: Buffer.alloc(6), timestamp: 1 }
  const records = values?.map((value) => ({ key: null, value, timestamp: 1 })) ?? [marker]
  for (const record of records) builder.add(record)
  const bytes = Buffer.from(builder.finish({ producerId: producer, producerEpoch: 0, baseSequence: 0 }, 'none'))
  bytes.writeBigInt64BE(BigInt(at), BATCH.baseOffset)
  bytes.writeInt16BE(ATTRIBUTE.transactional | (end ? ATTRIBUTE.control : 0), BATCH.attributes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(BATCH.attributes)), BATCH.crc)
  return bytes
}

function read(written: readonly Written[], aborted: readonly AbortedTransaction[], offset = 0) {
  const batches = Buffer.concat(written.map(batch))
  const unpacked = unpack(
    { topic: 't', partition: 0, error: 0, readableEnd: 0, preferred: -1, aborted, batches },
    offset,
  )
  return { ...unpacked, values: unpacked.records.map(({ value }) => Buffer.from(value!).toString()) }
}

const repeat = (value: string, count: number) => Array.from({ length: count }, () => value)

test('aborted transactions are not seen, also one after the other of the same producer', () => {
  const log: Written[] = [
    { at: 0, values: repeat('A', 5) },
    { at: 5, end: 'commit' },
    { at: 6, values: repeat('B', 5) },
    { at: 11, end: 'abort' },
    { at: 12, values: repeat('C', 5) },
    { at: 17, end: 'abort' },
    { at: 18, values: repeat('D', 5) },
    { at: 23, end: 'commit' },
    { at: 24, values: repeat('E', 40) },
    { at: 64, end: 'abort' },
    { at: 65, values: repeat('F', 5) },
    { at: 70, end: 'commit' },
  ]
  const aborted = [6, 12, 24].map((firstOffset) => ({ producerId: 1, firstOffset }))
  const { values, nextOffset } = read(log, aborted)
  assert.deepEqual(values, [...repeat('A', 5), ...repeat('D', 5), ...repeat('F', 5)])
  assert.equal(nextOffset, 71)
})

test('transactions that overlap are told apart by their producers', () => {
  const log: Written[] = [
    { at: 0, producer: 7, values: ['bad'] },
    { at: 1, producer: 8, values: ['good'] },
    { at: 2, producer: 7, values: ['bad too'] },
    { at: 3, producer: 7, end: 'abort' },
    { at: 4, producer: 7, values: ['good again'] },
    { at: 5, producer: 8, end: 'commit' },
    { at: 6, producer: 7, end: 'commit' },
  ]
  const { values, nextOffset } = read(log, [{ producerId: 7, firstOffset: 0 }])
  assert.deepEqual(values, ['good', 'good again'])
  assert.equal(nextOffset, 7)
})

test('a fetch that begins within an aborted transaction does not see its rest', () => {
  const log: Written[] = [
    { at: 3, values: ['x', 'y'] },
    { at: 5, end: 'abort' },
    { at: 6, values: ['z'] },
  ]
  assert.deepEqual(read(log, [{ producerId: 1, firstOffset: 1 }], 4).values, ['z'])
})

test('a batch that is cut off at the end comes again with the next fetch', () => {
  const whole = batch({ at: 0, values: ['a', 'b'] })
  const cut = Buffer.concat([whole, batch({ at: 2, values: ['c'] }).subarray(0, 65)])
  const { records, nextOffset } = unpack(
    { topic: 't', partition: 0, error: 0, readableEnd: 0, preferred: -1, aborted: [], batches: cut },
    0,
  )
  assert.deepEqual([records.length, nextOffset], [2, 2])
})

test('records before the position are not handed out', () => {
  assert.deepEqual(read([{ at: 0, values: ['a', 'b', 'c'] }], [], 2).values, ['c'])
})

test('a bad batch is named and never handed out, the good ones before it are', () => {
  const good = batch({ at: 0, values: ['a', 'b'] })
  const bad = batch({ at: 2, values: ['c'] })
  bad[bad.length - 2]! ^= 0x40
  const fetched = { topic: 't', partition: 3, error: 0, readableEnd: 0, preferred: -1, aborted: [] }
  const first = unpack({ ...fetched, batches: Buffer.concat([good, bad]) }, 0)
  assert.deepEqual([first.records.length, first.nextOffset], [2, 2])
  const { crc } = readBatchHeader(bad)
  assert.throws(() => unpack({ ...fetched, batches: bad }, 2), {
    code: 'CORRUPT_BATCH',
    message: new RegExp(
      `^Cannot read "t" partition 3 at offset 2: batch CRC is 0x[0-9a-f]{8}, want 0x${crc.toString(16).padStart(8, '0')}$`,
    ),
  })
})

test('in lots records are the same, also across batches, and holes do not hide', () => {
  const batches = Buffer.concat([
    batch({ at: 0, values: ['a', 'b', 'c'] }),
    batch({ at: 3, values: ['d'] }),
    batch({ at: 4, end: 'commit' }),
    batch({ at: 5, values: ['e', 'f'] }),
    batch({ at: 7, end: 'commit' }),
  ])
  const fetched = { topic: 't', partition: 3, error: 0, readableEnd: 0, preferred: -1, aborted: [], batches }
  const { lots, nextOffset } = unpackLots(fetched, 1, 2)
  const seen = [...lots].map((lot) => [
    ...lot.records.map(({ value }) => Buffer.from(value!).toString()),
    lot.nextOffset,
  ])
  assert.deepEqual(seen, [
    ['b', 'c', 3],
    ['d', 'e', 6],
    ['f', 8],
  ])
  assert.equal(nextOffset, 8)
  assert.deepEqual([...unpackLots(fetched, 7, 2).lots], [{ records: [], nextOffset: 8 }])
})

test('in lots what a batch was unfolded into is let go when the lots with records of it are done', () => {
  const values = ['a', 'b', 'c'].map((letter) => letter.repeat(50_000))
  const batches = Buffer.concat([zipped(0, values), zipped(3, values)])
  const fetched = { topic: 't', partition: 3, error: 0, readableEnd: 0, preferred: -1, aborted: [], batches }
  const seen: Uint8Array[] = []
  for (const { records } of unpackLots(fetched, 0, 2).lots) {
    for (const { value } of records) {
      assert.equal(Buffer.from(value!).toString(), values[seen.length % 3])
      seen.push(value!)
    }
    // The second lot has the last record of the first batch and the first of the second.
    const kept = seen.length === 4 ? [true, true, true, true] : [false, false, false, true, true, true]
    if (seen.length > 2) {
      assert.deepEqual(
        seen.map(({ length }) => length > 0),
        kept,
      )
    }
  }
  assert.equal(seen.length, 6)
})

function zipped(at: number, values: readonly string[]): Buffer {
  const builder = new BatchBuilder(new Slabs(0), 100)
  for (const value of values) builder.add({ key: null, value, timestamp: 1 })
  const bytes = Buffer.from(builder.finish({ producerId: 1, producerEpoch: 0, baseSequence: 0 }, 'zstd'))
  assert.ok(bytes.length < 1_000)
  bytes.writeBigInt64BE(BigInt(at), BATCH.baseOffset)
  return bytes
}

test('of a batch that is broken inside, the lots before the damage are handed out', () => {
  const broken = batch({ at: 0, values: ['a', 'b', 'c'] })
  // The length of the last record, under a CRC that is right.
  broken[broken.length - 8] = 0x7e
  broken.writeUInt32BE(crc32c(broken.subarray(BATCH.attributes)), BATCH.crc)
  const fetched = { topic: 't', partition: 3, error: 0, readableEnd: 0, preferred: -1, aborted: [], batches: broken }
  const lots = unpackLots(fetched, 0, 5).lots[Symbol.iterator]()
  const first = lots.next().value
  assert.deepEqual([first?.records.length, first?.nextOffset], [2, 2])
  assert.throws(() => lots.next(), { code: 'CORRUPT_BATCH', message: /^Cannot read "t" partition 3 at offset 2: / })
})
