import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reader, readRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'
import { batchFault, decodeRecords, producedFault, readBatchHeader } from '../batch.ts'
import type { NewRecord } from '../log.ts'
import { BatchBuilder } from './batch-builder.ts'
import { Slabs } from './slabs.ts'

const IDENTITY = { producerId: 4711, producerEpoch: 3, baseSequence: 17 }

const data = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom('', 'k'.repeat(63), 'k'.repeat(64), 'ü'.repeat(40), '🏭'.repeat(20), 'v'.repeat(8192)),
)
const record: fc.Arbitrary<NewRecord> = fc.record({
  key: fc.option(data),
  value: fc.option(data),
  headers: fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 80 }), data), { maxLength: 4 }),
  timestamp: fc.oneof(
    fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
    fc.integer({ min: 1_700_000_000_000 - 2 ** 31, max: 1_700_000_000_000 + 2 ** 31 }),
    fc.constantFrom(
      2 ** 40,
      2 ** 40 + 0x3fff_fffe,
      2 ** 40 + 0x3fff_ffff,
      2 ** 40 - 0x3fff_fffe,
      2 ** 40 - 0x4000_0000,
    ),
  ),
})

test('a batch is what was added, to our own reader and to another one', () => {
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 30 }),
      fc.constantFrom('none', 'zstd'),
      (records, codec) => {
        const bytes = build(records, codec)
        assert.equal(batchFault(bytes), undefined)
        assert.equal(producedFault(readBatchHeader(bytes)), undefined)
        assert.deepEqual(decodeRecords(bytes).map(plain), records.map(plain))
        const foreign = readRecordsBatch(Reader.from(Buffer.from(bytes)))
        assert.deepEqual(
          foreign.records.map(({ key, value, headers, timestampDelta }) =>
            plain({
              key,
              value,
              headers: headers.map(([name, header]) => [String(name), header!] as const),
              timestamp: Number(foreign.firstTimestamp + timestampDelta),
            }),
          ),
          records.map(plain),
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('the header names the producer, its sequence and the span of times', () => {
  const records = [5_000.9, 4_000, 7_000].map((timestamp) => ({ key: 'a', value: 'b', timestamp }))
  const header = readBatchHeader(build(records, 'none'))
  assert.deepEqual(
    [header.producerId, header.producerEpoch, header.baseSequence, header.recordCount, header.lastOffsetDelta],
    [4711n, 3, 17, 3, 2],
  )
  assert.deepEqual([header.baseTimestamp, header.maxTimestamp, header.leaderEpoch], [5_000, 7_000, -1])
})

test('fits is exact near the limit for texts that are not ASCII', () => {
  const builder = new BatchBuilder(new Slabs(0), 100)
  const wide = { key: 'ü'.repeat(100), value: null, timestamp: 0 }
  assert.equal(builder.fits(wide, 61 + 200 + 40), true)
  assert.equal(builder.fits(wide, 61 + 200 + 39), false)
})

test('slabs are used again, up to the bound', () => {
  const slabs = new Slabs(20_000)
  const first = slabs.take(10_000)
  assert.equal(first.length, 16_384)
  slabs.give(first)
  assert.equal(slabs.take(9_000), first)
  slabs.give(first)
  const second = Buffer.alloc(8192)
  slabs.give(second) // over the bound
  assert.notEqual(slabs.take(10), second)
  assert.equal(slabs.take(16_000), first)
})

function build(records: readonly NewRecord[], codec: 'none' | 'zstd'): Uint8Array {
  const builder = new BatchBuilder(new Slabs(0), 10)
  for (const record of records) {
    const before = builder.size
    assert.equal(builder.fits(record, 10_000_000), true)
    builder.add(record)
    assert.ok(builder.size > before)
  }
  return builder.finish(IDENTITY, codec)
}

function plain({ key, value, headers, timestamp }: NewRecord): unknown {
  return { key: hex(key), value: hex(value), headers: headers?.map(([name, data]) => [Buffer.from(name).toString(), hex(data)]), timestamp } // prettier-ignore
}

function hex(data: string | Uint8Array | null): string | null {
  return data === null ? null : Buffer.from(data as Uint8Array).toString('hex')
}
