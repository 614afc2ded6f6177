import type { DiskFile } from '../../../system/disk.ts'
import { BATCH, batchFault, decodeRecords, readBatchHeader } from '../../batch.ts'
import { letGo } from '../../let-go.ts'
import type { TimedOffset } from './storage.ts'
import { nextOffsetOf, placeFault, scanSegment } from './segment-scan.ts'
import type { Fingerprint, Hole } from './segment-scan.ts'
import { INDEX_INTERVAL, NEVER, SparseIndex } from './sparse-index.ts'

/** Name of a segment's file: its base offset in 20 digits, as Kafka's. */
export function segmentName(baseOffset: number): string {
  return `${String(baseOffset).padStart(20, '0')}.log`
}

/** What is known of a segment besides its bytes. */
export interface SegmentState {
  readonly index: SparseIndex
  readonly size: number
  readonly nextOffset: number
  readonly maxTimestamp: number
  readonly holes: readonly Hole[]
  readonly fingerprint?: Fingerprint
  /** Whether it takes no more appends: the next record goes to a segment of its own. */
  readonly sealed?: boolean
}

/** Where sequential readers are: as many are led straight to their next batch. */
const HINTS = 16

/**
 * One file of batches. `size`, `nextOffset` and what else `advance` sets describe what is durable; bytes beyond are
 * nobody's business yet.
 */
export class Segment {
  readonly baseOffset: number
  readonly path: string
  file: DiskFile
  index = new SparseIndex()
  /** Durable bytes, holes included. */
  size = 0
  /** One past the last durable record. Beyond it the next segment starts. */
  nextOffset: number
  maxTimestamp = NEVER
  holes: readonly Hole[] = []
  fingerprint: Fingerprint | undefined
  sealed = false
  /** When its first record came, as far as that is known: ms since the epoch. */
  startedAt = Infinity
  /** How much of it the index on the disk describes; undefined: there is none. */
  indexedSize: number | undefined
  /** The size beyond which its index is to be written. */
  indexBeyond = 0
  /** Batches below this position were neither written nor checked since the file was opened: reads check them. */
  #uncheckedBelow = 0
  readonly #hints = new Map<number, number>()

  constructor(baseOffset: number, path: string, file: DiskFile) {
    this.baseOffset = baseOffset
    this.path = path
    this.file = file
    this.nextOffset = baseOffset
  }

  /** Takes over what the index file says, or what a scan found; below `uncheckedBelow` batches are checked when read. */
  adopt(state: SegmentState, uncheckedBelow: number): void {
    this.index = state.index
    this.size = state.size
    this.nextOffset = state.nextOffset
    this.maxTimestamp = state.maxTimestamp
    this.holes = state.holes
    this.fingerprint = state.fingerprint
    this.sealed = state.sealed ?? false
    this.#uncheckedBelow = uncheckedBelow
    this.#hints.clear()
  }

  /** Of the first batch, ms since the epoch; Infinity where there is none. */
  get firstTimestamp(): number {
    const position = this.index.positions[0]
    if (position === undefined || position + BATCH.records > this.size) return Infinity
    return readBatchHeader(this.#load(position, BATCH.records)).maxTimestamp
  }

  /** Notes a batch that has been stored, and is durable, at the end of the segment. */
  advance(batch: StoredBatch): void {
    const behindHole = this.holes.at(-1)?.end === this.size
    this.index.note(batch.baseOffset, this.size, this.maxTimestamp, behindHole)
    this.fingerprint = { first: this.fingerprint?.first ?? batch.crc, last: batch.crc, lastPosition: this.size }
    this.size += batch.size
    this.nextOffset = batch.nextOffset
    this.maxTimestamp = Math.max(this.maxTimestamp, batch.maxTimestamp)
  }

  /**
   * Whole batches from the one that holds `offset`, or from the next one behind damage; empty where there is none.
   * @throws DamagedSegmentError where bytes that nobody has checked yet turn out to be damaged
   */
  read(offset: number, maxBytes: number): Uint8Array {
    const hint = this.#hints.get(offset)
    if (hint !== undefined) this.#hints.delete(offset)
    let at = hint === undefined ? this.index.floor(offset) : { offset, position: hint }
    while (at !== undefined && at.position < this.size) {
      const found = this.#readRun(offset, at.offset, at.position, maxBytes)
      if (found !== undefined) return found
      at = this.#afterHole(at.position)
    }
    return EMPTY
  }

  /** First record from `from` on that is at or after `timestamp`, record by record within the batch that has it. */
  findTime(timestamp: number, from: number): TimedOffset | undefined {
    if (this.maxTimestamp < timestamp) return undefined
    let offset = Math.max(this.index.floorTime(timestamp)?.offset ?? this.nextOffset, from)
    while (offset < this.nextOffset) {
      const batches = this.read(offset, INDEX_INTERVAL)
      if (batches.length === 0) return undefined
      for (let at = 0; at < batches.length;) {
        const header = readBatchHeader(batches, at)
        const found = header.maxTimestamp < timestamp ? undefined : firstRecord(batches, at, timestamp, from)
        if (found !== undefined) return found
        offset = nextOffsetOf(header)
        at += header.size
      }
    }
    return undefined
  }

  /** Checks the whole file again, as after a damage; `nextOffset` never goes back, so no offset is given out twice. */
  rescan(nextBase: number): readonly Hole[] {
    const scan = scanSegment({ file: this.file, size: this.size, baseOffset: this.baseOffset, nextBase })
    const holes = scan.tail === undefined ? scan.holes : [...scan.holes, scan.tail]
    // Batches that were appended behind a hole would not be found again.
    const sealed = this.sealed || scan.tail !== undefined
    this.adopt({ ...scan, holes, size: this.size, nextOffset: this.nextOffset, sealed }, 0)
    return holes
  }

  /** Batches of one run between holes, from the one that holds `offset`; undefined where the run ends before it. */
  #readRun(offset: number, startOffset: number, start: number, maxBytes: number): Uint8Array | undefined {
    const end = this.#runEnd(start)
    if (start >= end) return undefined
    const exact = startOffset === offset
    const bytes = this.#load(start, Math.min(end - start, maxBytes + (exact ? BATCH.records : INDEX_INTERVAL)))
    let at = 0
    let expected = startOffset
    while (at + BATCH.records <= bytes.length) {
      const next = expected + lastOffsetDelta(bytes, at) + 1
      if (next > offset) break
      this.#check(bytes, at, start, expected)
      at += BATCH.prefix + batchLength(bytes, at)
      expected = next
    }
    if (start + at >= end) return undefined
    return this.#wholeBatches(bytes, at, start, end, expected, maxBytes)
  }

  #wholeBatches(bytes: Buffer, from: number, start: number, end: number, offset: number, maxBytes: number): Uint8Array {
    let at = from
    let expected = offset
    while (at + BATCH.records <= bytes.length) {
      const next = at + BATCH.prefix + batchLength(bytes, at)
      if (next > bytes.length || (at > from && next - from > maxBytes)) break
      this.#check(bytes, at, start, expected)
      expected += lastOffsetDelta(bytes, at) + 1
      at = next
    }
    if (at === from) {
      letGo(bytes)
      return this.#singleBatch(start + from, end, offset)
    }
    this.#hint(expected, start + at)
    return bytes.subarray(from, at)
  }

  /** A batch that is larger than what was asked for: all of it, so that a reader always gets on. */
  #singleBatch(position: number, end: number, offset: number): Uint8Array {
    const head = this.#load(position, BATCH.records)
    const size = BATCH.prefix + batchLength(head, 0)
    if (size < BATCH.records || position + size > end) throw new DamagedSegmentError(position)
    const bytes = this.#load(position, size)
    this.#check(bytes, 0, position, offset)
    this.#hint(offset + lastOffsetDelta(bytes, 0) + 1, position + size)
    return bytes
  }

  #check(bytes: Buffer, at: number, start: number, expected: number): void {
    if (start + at >= this.#uncheckedBelow) return
    const fault = placeFault(readBatchHeader(bytes, at), expected) ?? this.#contentFault(bytes, at, start)
    if (fault !== undefined) throw new DamagedSegmentError(start + at)
  }

  #contentFault(bytes: Buffer, at: number, start: number): string | undefined {
    const size = BATCH.prefix + batchLength(bytes, at)
    return at + size <= bytes.length ? batchFault(bytes, at) : batchFault(this.#load(start + at, size))
  }

  #runEnd(position: number): number {
    return this.holes.find((hole) => hole.end > position)?.position ?? this.size
  }

  #afterHole(position: number): { offset: number; position: number } | undefined {
    const hole = this.holes.find(({ end }) => end > position)
    const at = hole === undefined ? -1 : this.index.positions.indexOf(hole.end)
    return at < 0 ? undefined : { offset: this.index.offsets[at]!, position: hole!.end }
  }

  #load(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(length, this.size - position))
    const count = this.file.readSync(bytes, position)
    // Shorter than it was: somebody else cut the file.
    if (count < bytes.length) throw new DamagedSegmentError(position + count)
    return bytes
  }

  #hint(offset: number, position: number): void {
    this.#hints.set(offset, position)
    if (this.#hints.size > HINTS) this.#hints.delete(this.#hints.keys().next().value!)
  }
}

/** Facts of a batch that the index and the ends are kept from. */
export interface StoredBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly size: number
  readonly maxTimestamp: number
  readonly crc: number
}

/** Inside this folder only: the segment must be scanned before it is read again. */
export class DamagedSegmentError extends Error {
  readonly position: number

  constructor(position: number) {
    super(`Cannot read segment: damage at byte ${position}`)
    this.name = 'DamagedSegmentError'
    this.position = position
  }
}

const EMPTY = new Uint8Array(0)

function batchLength(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + BATCH.batchLength)
}

function lastOffsetDelta(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at + BATCH.lastOffsetDelta)
}

/** Most bytes that a batch may unfold to for the sake of an exact answer. */
const EXACT_BYTES = 64 * 1024 * 1024

function firstRecord(batches: Uint8Array, at: number, timestamp: number, from: number): TimedOffset | undefined {
  const { baseOffset, maxTimestamp } = readBatchHeader(batches, at)
  try {
    const records = decodeRecords(batches, at, { maxBytes: EXACT_BYTES })
    const found = records.find((record) => record.offset >= from && record.timestamp >= timestamp)
    return found && { offset: found.offset, timestamp: found.timestamp }
  } catch {
    // A codec of the future, a bomb, or records that their producer got wrong: the batch is the best answer.
    return { offset: Math.max(baseOffset, from), timestamp: maxTimestamp }
  }
}
