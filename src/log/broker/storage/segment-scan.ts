import type { DiskFile } from '../../../system/disk.ts'
import { BATCH, batchFault, headerFault, readBatchHeader } from '../../batch.ts'
import type { BatchHeader } from '../../batch.ts'
import { NEVER, SparseIndex } from './sparse-index.ts'

/** Damage within a segment: bytes that are never served. */
export interface Hole {
  readonly position: number
  readonly end: number
  readonly reason: string
}

/** What a segment file really holds. */
export interface Scan {
  readonly index: SparseIndex
  /** Bytes up to the end of the last whole batch. */
  readonly size: number
  /** One past the last record. */
  readonly nextOffset: number
  readonly maxTimestamp: number
  /** Damage with whole batches behind it. */
  readonly holes: readonly Hole[]
  /** Damage up to the end of the file: what a crash leaves of a batch that was being written. */
  readonly tail?: Hole
  /** The offset after the damaged tail, where its header can still be read. */
  readonly tailNextOffset?: number
  readonly fingerprint?: Fingerprint
}

/** Tells this log from another one of the same size: the CRCs of its first and its last batch. */
export interface Fingerprint {
  readonly first: number
  readonly last: number
  readonly lastPosition: number
}

export interface ScanTarget {
  readonly file: DiskFile
  /** Bytes to look at. */
  readonly size: number
  /** Offset of the first record, which the file's name says. */
  readonly baseOffset: number
  /** Where the next segment starts; Infinity for the last one. */
  readonly nextBase: number
  /** Of an index that need not describe what is in the file now: offsets of its bytes end before this one. */
  readonly indexed?: Pick<Known, 'size' | 'nextOffset'> | undefined
  /** What is known of the bytes before, from an index: the scan begins behind them. */
  readonly known?: Known
  /** Sees every whole batch, in order. */
  readonly visit?: (header: BatchHeader) => void
}

/** How far a segment is known; the lists are taken over and go on. */
interface Known {
  readonly index: SparseIndex
  readonly size: number
  readonly nextOffset: number
  readonly maxTimestamp: number
  readonly holes: readonly Hole[]
  readonly fingerprint?: Fingerprint
}

/**
 * Reads a whole segment and checks every batch: magic, lengths, counts, CRC, and the two fields that the CRC does not
 * cover, base offset (they follow each other without gaps within a segment) and leader epoch (always 0). Behind damage
 * it goes on at the next whole batch. Reads 4 MiB at a time, synchronously: a segment costs tens of milliseconds.
 */
export function scanSegment(target: ScanTarget): Scan {
  const window = new Window(target.file, target.size)
  const { known } = target
  const index = known?.index ?? new SparseIndex()
  const holes: Hole[] = [...(known?.holes ?? [])]
  let position = known?.size ?? 0
  let expected = known?.nextOffset ?? target.baseOffset
  let maxTimestamp = known?.maxTimestamp ?? NEVER
  let afterHole = false
  let first = known?.fingerprint?.first
  let last = { crc: known?.fingerprint?.last ?? 0, position: known?.fingerprint?.lastPosition ?? 0 }
  while (position < target.size) {
    const place = { position, expected, loose: afterHole, target }
    const fault = storedFault(window, place)
    if (fault !== undefined) {
      const next = nextWhole(window, place)
      if (next === undefined) {
        const tail = { position, end: target.size, reason: fault }
        const found = { index, size: position, nextOffset: expected, maxTimestamp, holes, tail }
        return { ...found, ...tailOffset(window, place), ...mark(first, last) }
      }
      holes.push({ position, end: next, reason: fault })
      position = next
      afterHole = true
      continue
    }
    const header = readBatchHeader(window.at(position, BATCH.records))
    index.note(header.baseOffset, position, maxTimestamp, afterHole)
    target.visit?.(header)
    first ??= header.crc
    last = { crc: header.crc, position }
    maxTimestamp = Math.max(maxTimestamp, header.maxTimestamp)
    expected = nextOffsetOf(header)
    position += header.size
    afterHole = false
  }
  return { index, size: position, nextOffset: expected, maxTimestamp, holes, ...mark(first, last) }
}

/** One past the last offset of a batch. */
export function nextOffsetOf(header: BatchHeader): number {
  return header.baseOffset + header.lastOffsetDelta + 1
}

function mark(first: number | undefined, last: { crc: number; position: number }): { fingerprint?: Fingerprint } {
  return first === undefined ? {} : { fingerprint: { first, last: last.crc, lastPosition: last.position } }
}

/** A torn batch whose header is whole says which offsets it took: those are not given out again. */
function tailOffset(window: Window, { position, expected }: Place): { tailNextOffset?: number } {
  const bytes = window.at(position, BATCH.records)
  if (bytes.length < BATCH.records) return {}
  const header = readBatchHeader(bytes)
  if (header.recordCount !== header.lastOffsetDelta + 1 || placeFault(header, expected) !== undefined) return {}
  return { tailNextOffset: nextOffsetOf(header) }
}

interface Place {
  readonly position: number
  readonly expected: number
  /** Whether offsets may be missing before this batch. */
  readonly loose: boolean
  readonly target: ScanTarget
}

/** Records that are missing behind damage, at most: it makes offsets that no CRC covers, too. */
const MOST_MISSING = 2 ** 31

/** What comes at a place ends before this offset. */
function endOf({ position, expected, loose, target }: Place): number {
  const { nextBase, indexed } = target
  const indexedEnd = indexed !== undefined && position < indexed.size ? indexed.nextOffset : Infinity
  return Math.min(nextBase, indexedEnd, loose ? expected + MOST_MISSING : Infinity)
}

function storedFault(window: Window, place: Place): string | undefined {
  const { position, expected, loose } = place
  const start = window.at(position, BATCH.records)
  if (start.length < BATCH.records) return `batch header is ${start.length} bytes, want ${BATCH.records}`
  const header = readBatchHeader(start)
  const fault = placeFault(header, expected, loose, endOf(place))
  if (fault !== undefined) return fault
  const left = window.size - position
  if (header.size > left) return `batch is cut off: ${left} bytes, want ${header.size}`
  return batchFault(window.at(position, header.size))
}

/** Why a header cannot be that of the batch which we stored at this place, CRC aside. */
export function placeFault(
  header: BatchHeader,
  expected: number,
  loose = false,
  nextBase = Infinity,
): string | undefined {
  const fault = headerFault(header)
  if (fault !== undefined) return fault
  if (header.leaderEpoch !== 0) return `batch leader epoch is ${header.leaderEpoch}, want 0`
  if (loose ? header.baseOffset < expected : header.baseOffset !== expected) {
    return `batch base offset is ${header.baseOffset}, want ${expected}`
  }
  if (nextOffsetOf(header) > nextBase) return `batch ends at offset ${nextOffsetOf(header)}, want at most ${nextBase}`
  return undefined
}

/** Last byte field of the leader epoch and the magic of every batch that we stored. */
const SIGNATURE = Buffer.from([0, 0, 0, 0, 2])
const SEARCH_BYTES = 1024 * 1024

/**
 * Position of the next whole batch behind a damaged one. Where the damaged one's length leads to a batch it is
 * believed, so that bytes *within* a damaged record that look like a batch are not taken for one.
 */
function nextWhole(window: Window, damaged: Place): number | undefined {
  const isWhole = (position: number) => storedFault(window, { ...damaged, position, loose: true }) === undefined
  const start = window.at(damaged.position, BATCH.records)
  const stated = start.length < BATCH.records ? 0 : damaged.position + readBatchHeader(start).size
  if (stated > damaged.position && stated < window.size && isWhole(stated)) return stated
  let from = damaged.position + 1 + BATCH.leaderEpoch
  while (from + SIGNATURE.length <= window.size) {
    const bytes = window.at(from, SEARCH_BYTES)
    const found = bytes.indexOf(SIGNATURE)
    if (found >= 0 && isWhole(from + found - BATCH.leaderEpoch)) return from + found - BATCH.leaderEpoch
    from += found >= 0 ? found + 1 : Math.max(bytes.length - SIGNATURE.length + 1, 1)
  }
  return undefined
}

const WINDOW_BYTES = 4 * 1024 * 1024

/** A file seen through a buffer that moves along. */
class Window {
  readonly size: number
  readonly #file: DiskFile
  /** Used again and again: a scan takes one window of memory, however long the file. */
  #room = Buffer.alloc(0)
  #bytes = this.#room
  #start = 0

  constructor(file: DiskFile, size: number) {
    this.#file = file
    this.size = size
  }

  /** `length` bytes from `position`, fewer at the end. Valid until the next call. */
  at(position: number, length: number): Buffer {
    const wanted = Math.max(Math.min(length, this.size - position), 0)
    if (position < this.#start || position + wanted > this.#start + this.#bytes.length) this.#load(position, wanted)
    const from = position - this.#start
    return this.#bytes.subarray(from, from + wanted)
  }

  #load(position: number, wanted: number): void {
    const length = Math.min(Math.max(wanted, WINDOW_BYTES), this.size - position)
    if (this.#room.length < length) this.#room = Buffer.allocUnsafeSlow(length)
    const bytes = this.#room.subarray(0, length)
    let count = 0
    while (count < bytes.length) {
      const got = this.#file.readSync(bytes.subarray(count), position + count)
      // The file became shorter under us, which only damage does: what is missing reads as zeros and fails its CRC.
      if (got === 0) bytes.fill(0, count)
      count = got === 0 ? bytes.length : count + got
    }
    this.#bytes = bytes
    this.#start = position
  }
}
