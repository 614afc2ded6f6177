import { gzipSync, zstdCompressSync } from 'node:zlib'
import { BATCH, COMPRESSIONS } from '../../src/log/batch.ts'
import type { Compression } from '../../src/log/batch.ts'
import { crc32c } from '../../src/log/crc32c.ts'

export interface SampleRecord {
  readonly key?: string | null
  readonly value?: string | Uint8Array | null
  readonly timestamp?: number
  readonly headers?: readonly (readonly [string, string | null])[]
}

export interface SampleBatch {
  readonly baseOffset?: number
  readonly compression?: Compression
  readonly attributes?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** What the header claims, where it is to lie. */
  readonly recordCount?: number
}

/**
 * A RecordBatch v2, written field by field from Kafka's description of the format. Simple and slow, for tests only:
 * it shares no code with the codec that it tests but the CRC and the names of the fields.
 */
export function makeBatch(records: readonly SampleRecord[], options: SampleBatch = {}): Buffer {
  const base = records[0]?.timestamp ?? 0
  const body = fold(Buffer.concat(records.map((record, i) => encodeRecord(record, i, base))), options.compression)
  const batch = Buffer.alloc(BATCH.records + body.length)
  body.copy(batch, BATCH.records)
  batch.writeBigInt64BE(BigInt(options.baseOffset ?? 0), BATCH.baseOffset)
  batch.writeInt32BE(batch.length - BATCH.prefix, BATCH.batchLength)
  batch.writeInt32BE(-1, BATCH.leaderEpoch)
  batch.writeInt8(2, BATCH.magic)
  batch.writeInt16BE((options.attributes ?? 0) | COMPRESSIONS.indexOf(options.compression ?? 'none'), BATCH.attributes)
  batch.writeInt32BE(records.length - 1, BATCH.lastOffsetDelta)
  batch.writeBigInt64BE(BigInt(base), BATCH.baseTimestamp)
  batch.writeBigInt64BE(BigInt(Math.max(base, ...records.map((r) => r.timestamp ?? base))), BATCH.maxTimestamp)
  batch.writeBigInt64BE(options.producerId ?? -1n, BATCH.producerId)
  batch.writeInt16BE(options.producerEpoch ?? -1, BATCH.producerEpoch)
  batch.writeInt32BE(options.baseSequence ?? -1, BATCH.baseSequence)
  batch.writeInt32BE(options.recordCount ?? records.length, BATCH.recordCount)
  return seal(batch)
}

/** Puts the right CRC on a batch, for example after a test has changed a field that it covers. */
export function seal(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(BATCH.attributes)), BATCH.crc)
  return batch
}

function encodeRecord(record: SampleRecord, index: number, base: number): Buffer {
  const headers = record.headers ?? []
  const fields = Buffer.concat([
    Buffer.from([0]),
    varint(BigInt((record.timestamp ?? base) - base)),
    varint(BigInt(index)),
    field(record.key ?? null),
    field(record.value ?? null),
    varint(BigInt(headers.length)),
    ...headers.flatMap(([name, value]) => [field(name), field(value)]),
  ])
  return Buffer.concat([varint(BigInt(fields.length)), fields])
}

function field(value: string | Uint8Array | null): Buffer {
  if (value === null) return varint(-1n)
  const bytes = Buffer.from(value as string)
  return Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

function varint(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return Buffer.from([...bytes, Number(rest)])
}

function fold(body: Buffer, compression: Compression = 'none'): Buffer {
  if (compression === 'gzip') return gzipSync(body)
  if (compression === 'zstd') return zstdCompressSync(body)
  return body
}
