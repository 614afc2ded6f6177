import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { crc32c } from './crc32c.ts'
import { LogError } from './log.ts'
import type { StoredRecord } from './log.ts'
import { unfoldLz4 } from './lz4.ts'
import { unfoldSnappy } from './snappy.ts'

/**
 * Where the fields of a RecordBatch v2 lie, in bytes from its start; all big-endian. The CRC covers everything from
 * `attributes` to the end, so the base offset and the leader epoch can be set without computing it again.
 * Kafka documentation, "Message Format", 5.3.1.
 */
export const BATCH = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  /** The records; also the size of the header. */
  records: 61,
  /** Bytes before those that `batchLength` counts. */
  prefix: 12,
} as const

/** The only version of the format that is stored and spoken here. */
export const MAGIC = 2

/** Bits of `attributes`. */
export const ATTRIBUTE = {
  compression: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const

/** Names of the compression codecs; the index is the number in `attributes`. */
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type Compression = (typeof COMPRESSIONS)[number]

/** What the header of a RecordBatch v2 says. `-1` where a producer set no id, epoch, sequence or timestamp. */
export interface BatchHeader {
  readonly baseOffset: number
  /** Bytes that follow the length field; the whole batch is `size`. */
  readonly batchLength: number
  /** Bytes of the whole batch, header included. */
  readonly size: number
  readonly leaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  /** `undefined`: a codec number that this version of the format does not know. */
  readonly compression: Compression | undefined
  /** Whether the timestamps are the broker's (`message.timestamp.type=LogAppendTime`). */
  readonly logAppendTime: boolean
  readonly transactional: boolean
  readonly control: boolean
  /** The last record has the offset `baseOffset + lastOffsetDelta`. */
  readonly lastOffsetDelta: number
  /** ms since the epoch. */
  readonly baseTimestamp: number
  /** ms since the epoch. */
  readonly maxTimestamp: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

/** Reads the header at `position`, where 61 bytes must lie; checks nothing (`batchFault` does). */
export function readBatchHeader(bytes: Uint8Array, position = 0): BatchHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + position, BATCH.records)
  const batchLength = view.getInt32(BATCH.batchLength)
  const attributes = view.getInt16(BATCH.attributes)
  return {
    baseOffset: Number(view.getBigInt64(BATCH.baseOffset)),
    batchLength,
    size: BATCH.prefix + batchLength,
    leaderEpoch: view.getInt32(BATCH.leaderEpoch),
    magic: view.getInt8(BATCH.magic),
    crc: view.getUint32(BATCH.crc),
    attributes,
    compression: COMPRESSIONS[attributes & ATTRIBUTE.compression],
    logAppendTime: (attributes & ATTRIBUTE.logAppendTime) !== 0,
    transactional: (attributes & ATTRIBUTE.transactional) !== 0,
    control: (attributes & ATTRIBUTE.control) !== 0,
    lastOffsetDelta: view.getInt32(BATCH.lastOffsetDelta),
    baseTimestamp: Number(view.getBigInt64(BATCH.baseTimestamp)),
    maxTimestamp: Number(view.getBigInt64(BATCH.maxTimestamp)),
    producerId: view.getBigInt64(BATCH.producerId),
    producerEpoch: view.getInt16(BATCH.producerEpoch),
    baseSequence: view.getInt32(BATCH.baseSequence),
    recordCount: view.getInt32(BATCH.recordCount),
  }
}

/** length, attributes, timestamp delta, offset delta, key length, value length, header count: a byte each. */
const SMALLEST_RECORD = 7

/**
 * Why the bytes at `position` are not a whole, undamaged RecordBatch v2, in words for a message; `undefined` where
 * they are. Costs one CRC and no look at the records. A compacted batch may hold fewer records than its offsets span,
 * none included; what a *producer* sends must pass `producedFault` as well.
 */
export function batchFault(bytes: Uint8Array, position = 0): string | undefined {
  const left = bytes.length - position
  if (left < BATCH.records) return `batch header is ${left} bytes, want ${BATCH.records}`
  const header = readBatchHeader(bytes, position)
  return headerFault(header) ?? sizeFault(header, left) ?? crcFault(bytes, position, header)
}

/** What of a header cannot be right whatever follows it: cheap, before the batch's bytes are at hand. */
export function headerFault(header: BatchHeader): string | undefined {
  const { magic, size, baseOffset, lastOffsetDelta, recordCount } = header
  if (magic !== MAGIC) return `batch magic is ${magic}, want ${MAGIC}`
  if (size < BATCH.records)
    return `batch length is ${header.batchLength}, want at least ${BATCH.records - BATCH.prefix}`
  if (header.compression === undefined || (header.attributes & 0xff80) !== 0) {
    return `batch attributes are 0x${(header.attributes & 0xffff).toString(16)}, want codec 0 to 4 and no reserved bits`
  }
  if (baseOffset < 0 || !Number.isSafeInteger(baseOffset + Math.max(lastOffsetDelta, 0))) {
    return `batch base offset is ${baseOffset}, want 0 to 2^53`
  }
  if (lastOffsetDelta < 0) return `batch last offset delta is ${lastOffsetDelta}, want at least 0`
  if (recordCount < 0 || recordCount > lastOffsetDelta + 1) {
    return `batch record count is ${recordCount}, want 0 to ${lastOffsetDelta + 1}`
  }
  if (header.compression === 'none' && recordCount * SMALLEST_RECORD > size - BATCH.records) {
    return `batch record count is ${recordCount}, want what fits into ${size - BATCH.records} bytes`
  }
  return undefined
}

function sizeFault(header: BatchHeader, left: number): string | undefined {
  return header.size > left ? `batch is cut off: ${left} bytes, want ${header.size}` : undefined
}

function crcFault(bytes: Uint8Array, position: number, header: BatchHeader): string | undefined {
  const actual = crc32c(bytes.subarray(position + BATCH.attributes, position + header.size))
  return actual === header.crc ? undefined : `batch CRC is ${hex(actual)}, want ${hex(header.crc)}`
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}

/** Why a producer may not send a batch with this header: its offsets must be dense, and control batches are ours. */
export function producedFault(header: BatchHeader): string | undefined {
  const { recordCount, lastOffsetDelta } = header
  if (recordCount < 1 || recordCount !== lastOffsetDelta + 1) {
    return `batch record count is ${recordCount}, want ${Math.max(lastOffsetDelta + 1, 1)}`
  }
  if (header.control) return 'batch is a control batch, want one with data'
  return undefined
}

/** Bounds of `decodeRecords`. */
export interface DecodeLimits {
  /** Most bytes that compressed records may unfold to; default 64 MiB. */
  readonly maxBytes?: number
}

const MAX_UNFOLDED_BYTES = 64 * 1024 * 1024

/**
 * The records of the batch at `position`, whose CRC the caller has checked (`batchFault`). Keys, values and header
 * values are views: of `bytes`, or of the unfolded bytes where the batch was compressed. A header that is that of the
 * record before, byte for byte, is the same object.
 * @throws LogError `CORRUPT_BATCH`, `UNSUPPORTED_COMPRESSION` (a codec of the future), `BATCH_TOO_LARGE` (compression
 * bomb)
 */
export function decodeRecords(bytes: Uint8Array, position = 0, limits: DecodeLimits = {}): StoredRecord[] {
  const header = readBatchHeader(bytes, position)
  const reader = new RecordReader(unfoldRecords(bytes, position, limits), header)
  const records: StoredRecord[] = []
  for (let i = 0; i < header.recordCount; i++) records.push(reader.next())
  reader.finish()
  return records
}

/**
 * The same records, each made when it is asked for, of the batch's `unfolded` bytes (`unfoldRecords`).
 * @throws as `decodeRecords`, where the damage is
 */
export function* decodeEach(bytes: Uint8Array, position: number, unfolded: Uint8Array): Generator<StoredRecord> {
  const header = readBatchHeader(bytes, position)
  const reader = new RecordReader(unfolded, header)
  for (let i = 0; i < header.recordCount; i++) yield reader.next()
  reader.finish()
}

/**
 * The records of a batch as bytes, unfolded where they are compressed: a view of `bytes`, or bytes of their own.
 * @throws as `decodeRecords`, for the compression
 */
export function unfoldRecords(bytes: Uint8Array, position = 0, limits: DecodeLimits = {}): Uint8Array {
  const header = readBatchHeader(bytes, position)
  const packed = bytes.subarray(position + BATCH.records, position + header.size)
  return unfold(packed, header, limits.maxBytes ?? MAX_UNFOLDED_BYTES)
}

function unfold(packed: Uint8Array, header: BatchHeader, maxOutputLength: number): Uint8Array {
  try {
    if (header.compression === 'none') return packed
    if (header.compression === 'gzip') return gunzipSync(packed, { maxOutputLength })
    if (header.compression === 'zstd') return zstdDecompressSync(packed, { maxOutputLength })
    if (header.compression === 'lz4') return unfoldLz4(packed, maxOutputLength)
    if (header.compression === 'snappy') return unfoldSnappy(packed, maxOutputLength)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      const message = `Cannot unfold batch at offset ${header.baseOffset}: more than ${maxOutputLength} bytes, want fewer`
      throw new LogError('BATCH_TOO_LARGE', message, { retriable: false, cause: error })
    }
    throw corrupt(header, `${header.compression} data is broken`, error)
  }
  const codec = header.attributes & ATTRIBUTE.compression
  const message = `Cannot unfold batch at offset ${header.baseOffset}: compression is ${codec}, want 0 to 4`
  throw new LogError('UNSUPPORTED_COMPRESSION', message, { retriable: false })
}

function corrupt(header: BatchHeader, reason: string, cause?: unknown): LogError {
  const message = `Cannot decode batch at offset ${header.baseOffset}: ${reason}`
  return new LogError('CORRUPT_BATCH', message, { retriable: false, cause })
}

const NO_HEADERS: StoredRecord['headers'] = []

/** Walks records: length, attributes, timestamp delta, offset delta, key, value, headers; all lengths zigzag varints. */
class RecordReader {
  readonly #bytes: Uint8Array
  readonly #text: Buffer
  readonly #buffer: ArrayBufferLike
  readonly #byteOffset: number
  readonly #header: BatchHeader
  /** Of the record before. */
  #headersBefore = NO_HEADERS
  #at = 0

  constructor(bytes: Uint8Array, header: BatchHeader) {
    this.#bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    // Asked for once: an engine makes a call of it each time.
    this.#buffer = bytes.buffer
    this.#byteOffset = bytes.byteOffset
    this.#header = header
  }

  next(): StoredRecord {
    const length = this.#varint()
    const end = this.#at + length
    if (length < SMALLEST_RECORD - 1 || end > this.#bytes.length) this.#fail(`record length is ${length}`)
    // The attributes of a record are unused.
    this.#at++
    const timestampDelta = this.#varlong()
    const offsetDelta = this.#varint()
    if (offsetDelta < 0 || offsetDelta > this.#header.lastOffsetDelta) this.#fail(`offset delta is ${offsetDelta}`)
    const { baseOffset, baseTimestamp, maxTimestamp, logAppendTime } = this.#header
    const record = {
      offset: baseOffset + offsetDelta,
      timestamp: logAppendTime ? maxTimestamp : baseTimestamp + timestampDelta,
      key: this.#field(end),
      value: this.#field(end),
      headers: this.#headers(end),
    }
    if (this.#at !== end) this.#fail(`record ends at byte ${this.#at}, want ${end}`)
    return record
  }

  finish(): void {
    const left = this.#bytes.length - this.#at
    if (left !== 0) this.#fail(`${left} bytes follow the last record, want 0`)
  }

  #headers(end: number): StoredRecord['headers'] {
    const count = this.#varint()
    if (count === 0) return NO_HEADERS
    // A header takes at least two bytes, so a count that lies cannot make us allocate.
    if (count < 0 || count * 2 > end - this.#at) this.#fail(`header count is ${count}`)
    const headers: StoredRecord['headers'][number][] = []
    for (let i = 0; i < count; i++) headers.push(this.#headerField(end, this.#headersBefore[i]))
    this.#headersBefore = headers
    return headers
  }

  /** A header is mostly that of the record before; then no text and no view is made of it again. */
  #headerField(end: number, before: StoredRecord['headers'][number] | undefined): StoredRecord['headers'][number] {
    const nameLength = this.#varint()
    const nameStart = this.#skip(nameLength, end)
    const sameName = before !== undefined && this.#isText(before[0], nameStart, nameLength)
    const name = sameName ? before[0] : this.#text.toString('utf8', nameStart, this.#at)
    const valueLength = this.#varint()
    if (valueLength === -1) return [name, new Uint8Array(0)]
    const valueStart = this.#skip(valueLength, end)
    if (sameName && this.#isBytes(before[1], valueStart, valueLength)) return before
    return [name, this.#view(valueStart, valueLength)]
  }

  /** Whether these bytes are a text of ASCII. */
  #isText(text: string, start: number, length: number): boolean {
    if (text.length !== length) return false
    for (let i = 0; i < length; i++) {
      const byte = this.#bytes[start + i]!
      if (byte !== text.charCodeAt(i) || byte > 0x7f) return false
    }
    return true
  }

  #isBytes(bytes: Uint8Array, start: number, length: number): boolean {
    if (bytes.length !== length) return false
    // From the end: numbers that count differ there.
    for (let i = length - 1; i >= 0; i--) if (bytes[i] !== this.#bytes[start + i]) return false
    return true
  }

  #field(end: number): Uint8Array | null {
    const length = this.#varint()
    if (length === -1) return null
    return this.#view(this.#skip(length, end), length)
  }

  #view(start: number, length: number): Uint8Array {
    return new Uint8Array(this.#buffer, this.#byteOffset + start, length)
  }

  #skip(length: number, end: number): number {
    const start = this.#at
    if (length < 0 || start + length > end) this.#fail(`field length is ${length}, want 0 to ${end - start}`)
    this.#at = start + length
    return start
  }

  #varint(): number {
    let byte = this.#byte()
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) this.#fail('varint is longer than 5 bytes')
      byte = this.#byte()
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  #varlong(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    return this.#longTail(BigInt(value))
  }

  /** The rest of a number of more than 28 bits: rare, and then bits beyond 2^32 must not be lost. */
  #longTail(low: bigint): number {
    let value = low
    for (let shift = 28n; shift <= 63n; shift += 7n) {
      const byte = this.#byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(value & 1n ? -(value >> 1n) - 1n : value >> 1n)
    }
    return this.#fail('varint is longer than 10 bytes')
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) this.#fail('records end early')
    return byte
  }

  #fail(reason: string): never {
    throw corrupt(this.#header, reason)
  }
}
