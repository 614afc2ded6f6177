import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { makeBatch, seal } from '../../test/log/make-batch.ts'
import { BATCH, decodeRecords } from './batch.ts'
import { LogError } from './log.ts'
import { unfoldLz4 } from './lz4.ts'
import { unfoldSnappy } from './snappy.ts'

/** A piece of unfolded data: bytes as they are, or bytes that were there before. */
type Piece = { readonly literal: Uint8Array } | { readonly back: number; readonly count: number }

/** What pieces mean, byte by byte. */
function expand(pieces: readonly Piece[]): Buffer {
  const bytes: number[] = []
  for (const piece of pieces) {
    if ('literal' in piece) bytes.push(...piece.literal)
    else for (let i = 0; i < piece.count; i++) bytes.push(bytes[bytes.length - piece.back]!)
  }
  return Buffer.from(bytes)
}

/** Pieces whose distances are possible. */
const pieces = fc
  .array(
    fc.record({ literal: fc.uint8Array({ minLength: 1, maxLength: 80 }), back: fc.nat(70_000), count: fc.nat(700) }),
    { maxLength: 30 },
  )
  .map((drawn) => {
    const all: Piece[] = []
    let length = 0
    for (const { literal, back, count } of drawn) {
      all.push({ literal })
      length += literal.length
      all.push({ back: 1 + (back % Math.min(length, 65_535)), count: 4 + count })
      length += 4 + count
    }
    return all
  })

function lz4Length(count: number): number[] {
  const bytes: number[] = []
  if (count < 15) return bytes
  let left = count - 15
  for (; left >= 255; left -= 255) bytes.push(255)
  return [...bytes, left]
}

function lz4Frame(all: readonly Piece[], flags = 0x60): Buffer {
  const block: number[] = []
  for (let i = 0; i < all.length; i += 2) {
    const { literal } = all[i] as { literal: Uint8Array }
    const match = all[i + 1] as { back: number; count: number }
    block.push((Math.min(literal.length, 15) << 4) | Math.min(match.count - 4, 15))
    block.push(...lz4Length(literal.length), ...literal, match.back & 255, match.back >> 8)
    block.push(...lz4Length(match.count - 4))
  }
  block.push(0x20, 1, 2) // the last sequence has no match
  const head = [0x04, 0x22, 0x4d, 0x18, flags, 0x40, ...(flags & 8 ? Array(8).fill(0) : []), 0]
  const size = Buffer.alloc(4)
  size.writeUInt32LE(block.length)
  const stored = Buffer.from([3, 0, 0, 0x80, 7, 8, 9])
  return Buffer.concat([Buffer.from(head), size, Buffer.from(block), stored, Buffer.alloc(4)])
}

test('lz4: literals, matches that overlap, long lengths and stored blocks come out as they went in', () => {
  fc.assert(
    fc.property(pieces, fc.boolean(), (all, sized) => {
      const expected = Buffer.concat([expand(all), Buffer.from([1, 2, 7, 8, 9])])
      assert.deepEqual(Buffer.from(unfoldLz4(lz4Frame(all, sized ? 0x68 : 0x60), 2 ** 20)), expected)
    }),
  )
})

function snappyBlock(all: readonly Piece[]): Buffer {
  const bytes: number[] = []
  let size = expand(all).length
  while (size >= 128) {
    bytes.push((size & 127) | 128)
    size >>= 7
  }
  bytes.push(size)
  for (const piece of all) {
    if ('literal' in piece) bytes.push(...snappyLiteral(piece.literal))
    else for (let left = piece.count; left > 0; left -= 64) bytes.push(...snappyCopy(piece.back, Math.min(left, 64)))
  }
  return Buffer.from(bytes)
}

function snappyLiteral(literal: Uint8Array): number[] {
  const count = literal.length - 1
  return count < 60 ? [count << 2, ...literal] : [60 << 2, count, ...literal]
}

function snappyCopy(back: number, count: number): number[] {
  if (count >= 4 && count < 12 && back < 2048) return [((back >> 8) << 5) | ((count - 4) << 2) | 1, back & 255]
  return [((count - 1) << 2) | 2, back & 255, back >> 8]
}

const XERIAL = Buffer.from('82534e41505059000000000100000001', 'hex')

test('snappy: literals and copies of every kind come out as they went in, bare and in frames', () => {
  fc.assert(
    fc.property(pieces, (all) => {
      const block = snappyBlock(all)
      assert.deepEqual(Buffer.from(unfoldSnappy(block, 2 ** 20)), expand(all))
      const length = Buffer.alloc(4)
      length.writeInt32BE(block.length)
      const framed = Buffer.concat([XERIAL, length, block, length, block])
      assert.deepEqual(Buffer.from(unfoldSnappy(framed, 2 ** 20)), Buffer.concat([expand(all), expand(all)]))
    }),
  )
})

/** A batch whose records were packed by somebody else. */
function packed(records: Buffer, codec: number, count: number): Buffer {
  const batch = Buffer.concat([makeBatch([]).subarray(0, BATCH.records), records])
  batch.writeInt32BE(batch.length - BATCH.prefix, BATCH.batchLength)
  batch.writeInt16BE(codec, BATCH.attributes)
  batch.writeInt32BE(count - 1, BATCH.lastOffsetDelta)
  batch.writeInt32BE(count, BATCH.recordCount)
  return seal(batch)
}

test('records packed with snappy and lz4 are read', () => {
  const records = makeBatch([{ key: 'k', value: 'v'.repeat(50) }]).subarray(BATCH.records)
  const snappy = snappyBlock([{ literal: records }])
  const frame = Buffer.concat([
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0, records.length, 0, 0, 0x80]),
    records,
    Buffer.alloc(4),
  ])
  for (const batch of [packed(snappy, 2, 1), packed(frame, 3, 1)]) {
    const [record] = decodeRecords(batch)
    assert.deepEqual([Buffer.from(record!.key!).toString(), record!.value!.length], ['k', 50])
  }
})

test('bombs are stopped at the cap, and a size that lies allocates nothing', () => {
  const bomb = lz4Frame([{ literal: Buffer.from('x') }, { back: 1, count: 2 ** 24 }])
  assert.ok(bomb.length < 70_000)
  const cases = [
    packed(bomb, 3, 1),
    packed(snappyBlock([{ literal: Buffer.from('x') }, { back: 1, count: 2 ** 21 }]), 2, 1),
  ]
  for (const batch of cases) {
    assert.throws(() => decodeRecords(batch, 0, { maxBytes: 2 ** 20 }), { code: 'BATCH_TOO_LARGE' })
  }
  const lie = Buffer.from([0xff, 0xff, 0xff, 0x0f, 0, 1])
  assert.throws(() => unfoldSnappy(lie, 2 ** 30), /more than the block can hold/)
})

test('random and damaged bytes are an error, never a crash, a hang or more than the cap', () => {
  const whole = [lz4Frame([{ literal: Buffer.from('abcdef') }, { back: 3, count: 40 }]), snappyBlock([{ literal: Buffer.from('abcdef') }, { back: 3, count: 40 }])] // prettier-ignore
  const changes = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.boolean(), changes, fc.nat(30), (first, changed, cut) => {
      const bytes = Buffer.from(whole[first ? 0 : 1]!)
      for (const [at, byte] of changed) if (at < bytes.length) bytes[at] = byte
      const spoilt = bytes.subarray(0, bytes.length - (cut % bytes.length))
      try {
        assert.ok((first ? unfoldLz4 : unfoldSnappy)(spoilt, 4096).length <= 4096)
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), String(error))
      }
      assert.throws(
        () => decodeRecords(packed(spoilt, first ? 3 : 2, 1)),
        (error) => error instanceof LogError && ['CORRUPT_BATCH', 'BATCH_TOO_LARGE'].includes(error.code),
      )
    }),
    { numRuns: 3000 },
  )
})
