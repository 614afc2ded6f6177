import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { ATTRIBUTE, BATCH, COMPRESSIONS, readBatchHeader } from '../../batch.ts'
import type { BatchHeader } from '../../batch.ts'
import { crc32c } from '../../crc32c.ts'

/** A record within the unfolded bytes of its batch: as much as storage needs to know. */
export interface RawRecord {
  readonly offsetDelta: number
  readonly timestampDelta: number
  /** A view; null: without a key. */
  readonly key: Uint8Array | null
  /** Without a value: it deletes its key. */
  readonly tombstone: boolean
  /** Where it lies, its length included. */
  readonly start: number
  readonly end: number
  /** Where its offset delta begins: what follows does not depend on the batch. */
  readonly rest: number
}

/**
 * Walks the records of a batch that have been unfolded (`unfoldRecords`); looks at no headers.
 * @throws Error where they are not `count` whole records
 */
export function walkRecords(bytes: Uint8Array, count: number, visit: (record: RawRecord) => void): void {
  const reader = new Varints(bytes)
  for (let i = 0; i < count; i++) {
    const start = reader.at
    const length = reader.next()
    const end = reader.at + length
    if (length < 6 || end > bytes.length) throw new Error(`Record length is ${length}`)
    reader.at++ // attributes
    const timestampDelta = reader.next()
    const rest = reader.at
    const offsetDelta = reader.next()
    const keyLength = reader.next()
    const keyStart = reader.at
    reader.at += Math.max(keyLength, 0)
    const valueLength = reader.next()
    if (keyLength < -1 || valueLength < -1 || reader.at + Math.max(valueLength, 0) > end) {
      throw new Error(`Record has a key of ${keyLength} and a value of ${valueLength} bytes, more than it holds`)
    }
    const key = keyLength < 0 ? null : bytes.subarray(keyStart, keyStart + keyLength)
    visit({ offsetDelta, timestampDelta, key, tombstone: valueLength < 0, start, end, rest })
    reader.at = end
  }
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes follow the last record`)
}

/** Zigzag varints, exact up to 2^53. */
class Varints {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  next(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 70; factor *= 128) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) throw new Error('Records end early')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw new Error('Varint is longer than 10 bytes')
  }
}

/** What becomes of a batch when some of its records go. */
export interface Rewriting {
  readonly kept: readonly RawRecord[]
  /** Until when its tombstones stay, ms since the epoch (KIP-534): it takes the place of the base timestamp. */
  readonly deleteHorizon?: number
}

/**
 * A batch with some of its records, at the same offsets, under the same producer and sequence. gzip and zstd are packed
 * again as they were; snappy and lz4, which nobody here packs, as gzip: every client reads it.
 */
export function rewriteBatch(batch: Uint8Array, unfolded: Uint8Array, { kept, deleteHorizon }: Rewriting): Buffer {
  const header = readBatchHeader(batch)
  const shift = deleteHorizon === undefined ? 0 : header.baseTimestamp - deleteHorizon
  const records = Buffer.concat(kept.map((record) => moved(unfolded, record, shift)))
  const codec = kept.length === 0 ? 'none' : packedAs(header)
  const packed = pack(records, codec)
  const bytes = Buffer.alloc(BATCH.records + packed.length)
  bytes.set(batch.subarray(0, BATCH.records))
  packed.copy(bytes, BATCH.records)
  const attributes = (header.attributes & ~ATTRIBUTE.compression) | COMPRESSIONS.indexOf(codec)
  bytes.writeInt16BE(deleteHorizon === undefined ? attributes : attributes | ATTRIBUTE.deleteHorizon, BATCH.attributes)
  if (deleteHorizon !== undefined) bytes.writeBigInt64BE(BigInt(Math.trunc(deleteHorizon)), BATCH.baseTimestamp)
  if (!header.logAppendTime) bytes.writeBigInt64BE(BigInt(latest(header, kept)), BATCH.maxTimestamp)
  bytes.writeInt32BE(kept.length, BATCH.recordCount)
  return seal(bytes)
}

/** An empty batch over offsets whose records compaction removed, so that offsets never jump within a segment. */
export function fillerBatch(baseOffset: number, lastOffset: number): Buffer {
  const bytes = Buffer.alloc(BATCH.records)
  bytes.writeBigInt64BE(BigInt(baseOffset), BATCH.baseOffset)
  bytes.writeInt8(2, BATCH.magic)
  bytes.writeInt32BE(lastOffset - baseOffset, BATCH.lastOffsetDelta)
  bytes.writeBigInt64BE(-1n, BATCH.baseTimestamp)
  bytes.writeBigInt64BE(-1n, BATCH.maxTimestamp)
  bytes.writeBigInt64BE(-1n, BATCH.producerId)
  bytes.writeInt16BE(-1, BATCH.producerEpoch)
  bytes.writeInt32BE(-1, BATCH.baseSequence)
  return seal(bytes)
}

function seal(bytes: Buffer): Buffer {
  bytes.writeInt32BE(bytes.length - BATCH.prefix, BATCH.batchLength)
  bytes.writeUInt32BE(crc32c(bytes.subarray(BATCH.attributes)), BATCH.crc)
  return bytes
}

function latest({ baseTimestamp }: BatchHeader, kept: readonly RawRecord[]): number {
  return kept.reduce((max, { timestampDelta }) => Math.max(max, baseTimestamp + timestampDelta), -1)
}

/** A record whose timestamp counts from another base. */
function moved(unfolded: Uint8Array, record: RawRecord, shift: number): Uint8Array {
  if (shift === 0) return unfolded.subarray(record.start, record.end)
  const time = varint(record.timestampDelta + shift)
  const length = varint(1 + time.length + record.end - record.rest)
  return Buffer.concat([length, Buffer.of(0), time, unfolded.subarray(record.rest, record.end)])
}

function varint(value: number): Buffer {
  let left = value < 0 ? -2 * value - 1 : 2 * value
  const bytes: number[] = []
  while (left >= 0x80) {
    bytes.push((left % 128) + 128)
    left = Math.floor(left / 128)
  }
  return Buffer.from([...bytes, left])
}

type Packed = 'none' | 'gzip' | 'zstd'

function packedAs({ compression }: BatchHeader): Packed {
  return compression === 'snappy' || compression === 'lz4' ? 'gzip' : (compression ?? 'none')
}

function pack(records: Buffer, codec: Packed): Buffer {
  if (codec === 'gzip') return gzipSync(records, { level: constants.Z_BEST_SPEED })
  if (codec === 'zstd') return zstdCompressSync(records)
  return records
}
