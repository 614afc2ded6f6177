import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { makeBatch, seal } from '../../test/log/make-batch.ts'
import type { SampleRecord } from '../../test/log/make-batch.ts'
import { BATCH, batchFault, decodeRecords, headerFault, producedFault, readBatchHeader } from './batch.ts'
import { crc32c } from './crc32c.ts'
import { LogError } from './log.ts'

test('crc32c is the checksum of RFC 3720 B.4', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
})

test('a header is read field by field', () => {
  const records = [
    { value: 'a', timestamp: 1_700_000_000_000 },
    { value: 'b', timestamp: 1_700_000_000_007 },
  ]
  const batch = makeBatch(records, {
    baseOffset: 2 ** 40,
    compression: 'gzip',
    attributes: 0x10,
    producerId: 2n ** 62n,
    producerEpoch: 3,
    baseSequence: 9,
  })
  const header = readBatchHeader(Buffer.concat([Buffer.alloc(5), batch]), 5)
  assert.deepEqual(header, {
    baseOffset: 2 ** 40,
    batchLength: batch.length - 12,
    size: batch.length,
    leaderEpoch: -1,
    magic: 2,
    crc: crc32c(batch.subarray(21)),
    attributes: 0x11,
    compression: 'gzip',
    logAppendTime: false,
    transactional: true,
    control: false,
    lastOffsetDelta: 1,
    baseTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_007,
    producerId: 2n ** 62n,
    producerEpoch: 3,
    baseSequence: 9,
    recordCount: 2,
  })
  assert.equal(batchFault(batch), undefined)
  assert.equal(producedFault(header), undefined)
})

/** Any text, and few enough others that records follow each other whose headers are alike, or nearly. */
const headerText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('source', 'sourcf', 'é', '1', '2', ''))

const anyRecord: fc.Arbitrary<SampleRecord> = fc.record({
  key: fc.option(fc.string({ unit: 'binary' })),
  value: fc.option(fc.uint8Array({ maxLength: 300 })),
  timestamp: fc.integer({ min: 0, max: 2 ** 52 }),
  headers: fc.array(fc.tuple(headerText, fc.option(headerText, { nil: null })), {
    maxLength: 3,
  }),
})

test('records come back as they were, whatever the compression', () => {
  const compression = fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const)
  const check = fc.property(
    fc.array(anyRecord, { minLength: 1, maxLength: 20 }),
    compression,
    (records, compression) => {
      const batch = makeBatch(records, { baseOffset: 1000, compression })
      assert.equal(batchFault(batch), undefined)
      const decoded = decodeRecords(Buffer.concat([Buffer.alloc(3), batch, Buffer.alloc(3)]), 3)
      assert.deepEqual(decoded.map(plain), records.map(expected))
    },
  )
  fc.assert(check, { numRuns: 500 })
})

function plain(record: ReturnType<typeof decodeRecords>[number]) {
  const { key, value, headers } = record
  return { ...record, key: hex(key), value: hex(value), headers: headers.map(([name, value]) => [name, hex(value)]) }
}

function expected(record: SampleRecord, index: number) {
  const headers = (record.headers ?? []).map(([name, value]) => [Buffer.from(name).toString(), hex(value ?? '')])
  const { timestamp = 0, key = null, value = null } = record
  return { offset: 1000 + index, timestamp, key: hex(key), value: hex(value), headers }
}

function hex(bytes: string | Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes as string).toString('hex')
}

test('a batch with log append time gives every record that time', () => {
  const records = [{ timestamp: 10 }, { timestamp: 30 }, { timestamp: 20 }]
  const batch = makeBatch(records, { attributes: 0x08 })
  assert.deepEqual(
    decodeRecords(batch).map((r) => r.timestamp),
    [30, 30, 30],
  )
})

/** The Kafka lines of the bad-input catalogue that end in the batch itself. */
const BAD: [name: string, spoil: (batch: Buffer) => Buffer | void, fault: RegExp][] = [
  ['header cut off', (b) => b.subarray(0, 60), /^batch header is 60 bytes, want 61$/],
  ['records cut off', (b) => b.subarray(0, b.length - 1), /^batch is cut off: \d+ bytes, want \d+$/],
  ['length negative', (b) => void b.writeInt32BE(-1, BATCH.batchLength), /^batch length is -1, want at least 49$/],
  ['length of 2 GB', (b) => void b.writeInt32BE(2 ** 31 - 1, BATCH.batchLength), /^batch is cut off/],
  ['magic 0', (b) => void b.writeInt8(0, BATCH.magic), /^batch magic is 0, want 2$/],
  ['magic 1', (b) => void b.writeInt8(1, BATCH.magic), /^batch magic is 1, want 2$/],
  ['magic 3', (b) => void b.writeInt8(3, BATCH.magic), /^batch magic is 3, want 2$/],
  ['wrong CRC', (b) => void (b[b.length - 1]! ^= 1), /^batch CRC is 0x[0-9a-f]{8}, want 0x[0-9a-f]{8}$/],
  ['codec 5', (b) => void seal(b).writeInt16BE(5, BATCH.attributes), /^batch attributes are 0x5, want codec 0 to 4/],
  ['reserved bits', (b) => void b.writeInt16BE(0x80, BATCH.attributes), /^batch attributes are 0x80, want .* reserved/],
  ['base offset negative', (b) => void b.writeBigInt64BE(-1n, 0), /^batch base offset is -1, want 0 to 2\^53$/],
  ['base offset huge', (b) => void b.writeBigInt64BE(2n ** 53n - 1n, 0), /^batch base offset is 9007199254740991/],
  ['last delta negative', (b) => void b.writeInt32BE(-1, BATCH.lastOffsetDelta), /^batch last offset delta is -1/],
  ['count negative', (b) => void b.writeInt32BE(-2, BATCH.recordCount), /^batch record count is -2, want 0 to 2$/],
  ['count beyond offsets', (b) => void b.writeInt32BE(3, BATCH.recordCount), /^batch record count is 3, want 0 to 2$/],
  ['count beyond bytes', (b) => lyingCount(b), /^batch record count is 1000000, want what fits into \d+ bytes$/],
]

function lyingCount(batch: Buffer): void {
  batch.writeInt32BE(999_999, BATCH.lastOffsetDelta)
  batch.writeInt32BE(1_000_000, BATCH.recordCount)
}

for (const [name, spoil, fault] of BAD) {
  test(`a batch with ${name} is refused`, () => {
    const batch = makeBatch([{ value: 'one' }, { value: 'two' }])
    assert.match(batchFault(spoil(batch) ?? batch) ?? 'none', fault)
  })
}

test('a producer may send neither sparse nor empty nor control batches', () => {
  const sparse = readBatchHeader(makeBatch([{}, {}], { recordCount: 1 }))
  assert.equal(headerFault(sparse), undefined)
  assert.equal(producedFault(sparse), 'batch record count is 1, want 2')
  assert.equal(producedFault(readBatchHeader(makeBatch([]))), 'batch record count is 0, want 1')
  const control = readBatchHeader(makeBatch([{}], { attributes: 0x20 }))
  assert.equal(producedFault(control), 'batch is a control batch, want one with data')
})

test('no change of a byte gets past the CRC, the length or the magic', () => {
  const original = makeBatch([{ key: 'k', value: 'value' }, { value: 'w' }], { compression: 'zstd' })
  for (let at = BATCH.crc; at < original.length; at++) {
    const batch = Buffer.from(original)
    batch[at]! ^= 0x10
    assert.notEqual(batchFault(batch), undefined, `byte ${at}`)
  }
})

test('a codec of the future is named as unsupported', () => {
  const batch = makeBatch([{ value: 'x' }])
  batch.writeInt16BE(5, BATCH.attributes)
  assert.throws(() => decodeRecords(seal(batch)), {
    code: 'UNSUPPORTED_COMPRESSION',
    message: 'Cannot unfold batch at offset 0: compression is 5, want 0 to 4',
  })
})

test('a compression bomb is stopped at the cap', () => {
  for (const compression of ['gzip', 'zstd'] as const) {
    const bomb = makeBatch([{ value: new Uint8Array(8 * 1024 * 1024) }], { compression })
    assert.ok(bomb.length < 50_000)
    assert.throws(() => decodeRecords(bomb, 0, { maxBytes: 1024 * 1024 }), {
      code: 'BATCH_TOO_LARGE',
      message: 'Cannot unfold batch at offset 0: more than 1048576 bytes, want fewer',
    })
  }
})

test('records that lie behind a right CRC are an error, never a crash, a hang or a wrong length', () => {
  const original = makeBatch([
    { key: 'key', value: 'value', headers: [['h', 'x']] },
    { value: 'w', timestamp: 2 ** 40 },
  ])
  const spoilt = fc.array(fc.tuple(fc.nat(original.length - BATCH.records - 1), fc.nat(255)), {
    minLength: 1,
    maxLength: 4,
  })
  const check = fc.property(spoilt, (changes) => {
    const batch = Buffer.from(original)
    for (const [at, byte] of changes) batch[BATCH.records + at] = byte
    try {
      const records = decodeRecords(batch)
      assert.equal(records.length, 2)
    } catch (error) {
      assert.ok(error instanceof LogError && error.code === 'CORRUPT_BATCH', String(error))
    }
  })
  fc.assert(check, { numRuns: 5000 })
})
