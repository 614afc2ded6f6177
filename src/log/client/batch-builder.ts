import { constants, zstdCompressSync } from 'node:zlib'
import { ATTRIBUTE, BATCH, COMPRESSIONS, MAGIC } from '../batch.ts'
import { crc32c } from '../crc32c.ts'
import { letGoAll } from '../let-go.ts'
import type { Header, NewRecord } from '../log.ts'
import { recordBytes } from '../refusals.ts'
import type { Slabs } from './slabs.ts'

/** What makes a batch count once, however often it is sent (KIP-98). */
export interface BatchIdentity {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** Most bytes that surround key and value of a record: length, attributes, times, offset, lengths, header count. */
const RECORD_OVERHEAD = 40
/** The same for one header. */
const HEADER_OVERHEAD = 10
/** Below this, a loop over the characters beats the call into the engine. */
const SHORT_TEXT = 12

const NO_HEADERS: readonly Header[] = []
/** More than Node cuts out of a buffer that others have parts of. */
const LEAST_CHUNK = Buffer.poolSize + 1
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/**
 * Writes records straight into the bytes of a RecordBatch v2: no object and no buffer per record. Lengths precede
 * texts whose bytes are not known yet, so their room is guessed from the characters and moved in the rare case that
 * the guess was wrong.
 */
export class BatchBuilder {
  readonly #slabs: Slabs
  #slab: Buffer
  #at: number = BATCH.records
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0
  #compressed = false

  /** @param expectedBytes how large the batch will probably become */
  constructor(slabs: Slabs, expectedBytes: number) {
    this.#slabs = slabs
    this.#slab = slabs.take(expectedBytes)
  }

  get count(): number {
    return this.#count
  }

  /** Bytes of the batch so far, header included. */
  get size(): number {
    return this.#at
  }

  /** Whether the batch stays within `limit` with this record. */
  fits(record: NewRecord, limit: number): boolean {
    if (this.#at + mostBytes(record) <= limit) return true
    return this.#at + recordBytes(record) + overhead(record) <= limit
  }

  add(record: NewRecord): void {
    this.#makeRoom(mostBytes(record))
    const timestamp = Math.trunc(record.timestamp)
    if (this.#count === 0) this.#baseTimestamp = this.#maxTimestamp = timestamp
    else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const start = this.#at
    const prefix = varintSize(2 * guessBytes(record))
    this.#at = start + prefix
    this.#slab[this.#at++] = 0 // attributes, unused
    this.#varlong(timestamp - this.#baseTimestamp)
    this.#varint(2 * this.#count++)
    this.#field(record.key)
    this.#field(record.value)
    this.#headers(record.headers ?? NO_HEADERS)
    this.#setLength(start, prefix)
  }

  /**
   * Completes header and CRC, compressed where that makes it smaller. The bytes are valid until `release`; nothing
   * can be added any more, but the batch can be finished again under another identity.
   */
  finish(identity: BatchIdentity, compression: 'none' | 'zstd'): Uint8Array {
    if (compression === 'zstd' && !this.#compressed) this.#compress()
    const attributes = this.#compressed ? COMPRESSIONS.indexOf('zstd') & ATTRIBUTE.compression : 0
    const slab = this.#slab
    slab.fill(0, 0, BATCH.attributes) // base offset and leader epoch are the broker's
    slab.writeInt32BE(this.#at - BATCH.prefix, BATCH.batchLength)
    slab.writeInt32BE(-1, BATCH.leaderEpoch)
    slab[BATCH.magic] = MAGIC
    slab.writeInt16BE(attributes, BATCH.attributes)
    slab.writeInt32BE(this.#count - 1, BATCH.lastOffsetDelta)
    writeInt64(slab, this.#baseTimestamp, BATCH.baseTimestamp)
    writeInt64(slab, this.#maxTimestamp, BATCH.maxTimestamp)
    writeInt64(slab, identity.producerId, BATCH.producerId)
    slab.writeInt16BE(identity.producerEpoch, BATCH.producerEpoch)
    slab.writeInt32BE(identity.baseSequence, BATCH.baseSequence)
    slab.writeInt32BE(this.#count, BATCH.recordCount)
    slab.writeUInt32BE(crc32c(slab.subarray(BATCH.attributes, this.#at)), BATCH.crc)
    return slab.subarray(0, this.#at)
  }

  /** Gives the memory back: nobody reads the bytes any more. */
  release(): void {
    this.#slabs.give(this.#slab)
  }

  #compress(): void {
    // In one piece: by default it comes in many, which are then copied together.
    const chunkSize = Math.max(this.#at, LEAST_CHUNK)
    const packed = zstdCompressSync(this.#slab.subarray(BATCH.records, this.#at), { ...ZSTD, chunkSize })
    if (BATCH.records + packed.length < this.#at) {
      this.#slab.set(packed, BATCH.records)
      this.#at = BATCH.records + packed.length
      this.#compressed = true
    }
    letGoAll(packed)
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#slab.length) return
    const larger = this.#slabs.take(this.#at + bytes)
    this.#slab.copy(larger, 0, 0, this.#at)
    this.#slabs.give(this.#slab)
    this.#slab = larger
  }

  #headers(headers: readonly Header[]): void {
    this.#varint(2 * headers.length)
    for (const [name, value] of headers) {
      this.#field(name)
      this.#field(value)
    }
  }

  #field(data: string | Uint8Array | null): void {
    if (data === null) {
      this.#slab[this.#at++] = 1 // length -1
    } else if (typeof data === 'string') {
      const start = this.#at
      const prefix = varintSize(2 * data.length)
      this.#at = start + prefix
      this.#text(data)
      this.#setLength(start, prefix)
    } else {
      this.#varint(2 * data.length)
      this.#slab.set(data, this.#at)
      this.#at += data.length
    }
  }

  #text(text: string): void {
    if (text.length > SHORT_TEXT || !this.#shortText(text)) this.#at += this.#slab.write(text, this.#at)
  }

  #shortText(text: string): boolean {
    const { length } = text
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return false
      this.#slab[this.#at + i] = unit
    }
    this.#at += length
    return true
  }

  /** Writes, at `start`, how many bytes follow the `prefix` bytes that were left free for saying so. */
  #setLength(start: number, prefix: number): void {
    const end = this.#at
    const length = end - start - prefix
    const size = varintSize(2 * length)
    if (size !== prefix) this.#slab.copyWithin(start + size, start + prefix, end)
    this.#at = start
    this.#varint(2 * length)
    this.#at = start + size + length
  }

  /** An unsigned varint; callers double lengths and deltas that are never negative (zigzag). */
  #varint(value: number): void {
    let left = value
    while (left > 0x7f) {
      this.#slab[this.#at++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    this.#slab[this.#at++] = left
  }

  /** A zigzag varint of any safe integer. */
  #varlong(value: number): void {
    if (Math.abs(value) < 0x3fff_ffff) return this.#varint(((value << 1) ^ (value >> 31)) >>> 0)
    let left = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
    while (left > 0x7fn) {
      this.#slab[this.#at++] = Number(left & 0x7fn) | 0x80
      left >>= 7n
    }
    this.#slab[this.#at++] = Number(left)
  }
}

function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  return value < 0x1000_0000 ? 4 : 5
}

/** Bytes of a record's body if all of it is ASCII. */
function guessBytes(record: NewRecord): number {
  let bytes = 10 + units(record.key) + units(record.value)
  if (record.headers) for (const [name, value] of record.headers) bytes += 2 + name.length + value.length
  return bytes
}

/** Bytes that a record takes at most. */
function mostBytes(record: NewRecord): number {
  let bytes = RECORD_OVERHEAD + mostFieldBytes(record.key) + mostFieldBytes(record.value)
  if (record.headers) {
    for (const [name, value] of record.headers) bytes += HEADER_OVERHEAD + 3 * name.length + mostFieldBytes(value)
  }
  return bytes
}

/** A UTF-16 unit takes at most three bytes of UTF-8. */
function mostFieldBytes(data: string | Uint8Array | null): number {
  if (data === null) return 0
  return typeof data === 'string' ? 3 * data.length : data.length
}

function overhead(record: NewRecord): number {
  return RECORD_OVERHEAD + HEADER_OVERHEAD * (record.headers?.length ?? 0)
}

function units(data: string | Uint8Array | null): number {
  return data === null ? 0 : data.length
}

function writeInt64(slab: Buffer, value: number, at: number): void {
  slab.writeBigInt64BE(BigInt(value), at)
}
