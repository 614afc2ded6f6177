import { ATTRIBUTE, BATCH, batchFault, readBatchHeader, unfoldRecords } from '../../batch.ts'
import type { BatchHeader } from '../../batch.ts'
import { fillerBatch, rewriteBatch, walkRecords } from './batch-records.ts'
import type { RawRecord } from './batch-records.ts'
import type { OffsetMap } from './offset-map.ts'
import { nextOffsetOf } from './segment-scan.ts'
import { DamagedSegmentError } from './segment.ts'
import type { Segment } from './segment.ts'

/** Bytes that are read at a time. */
const READ_BYTES = 256 * 1024
/** Most bytes that the records of one batch may unfold to; a batch with more stays as it is. */
const UNFOLDED_BYTES = 64 * 1024 * 1024
/** Most offsets that one empty batch can stand for. */
const LONGEST_FILLER = 2 ** 31 - 1

/** What decides which records stay. */
export interface Rules {
  /** Of keys written at or above `mapFrom` and below `mapTo`: where their last record lies. */
  readonly map: OffsetMap
  readonly mapTo: number
  /** Wall time, ms since the epoch. */
  readonly now: number
  readonly deleteRetentionMs: number
  /** Something before could not be read: an older record may be hidden there that a tombstone must keep deleting. */
  readonly keepTombstones: boolean
  /** Whether a batch is the last one of its producer, whose sequence is read from it after a crash. */
  readonly isLastOf: (header: BatchHeader) => boolean
}

/** What is left of a batch. */
interface Outcome {
  /** Undefined: nothing. The same bytes where nothing has changed. */
  readonly bytes?: Uint8Array
  /** When the tombstones in it may go. */
  readonly tombstonesUntil?: number
}

/** A segment must be scanned before it is compacted. Inside this folder only. */
export class DamagedInputError extends Error {
  readonly segment: Segment

  constructor(segment: Segment) {
    super(`Cannot compact segment "${segment.path}": it is damaged`)
    this.name = 'DamagedInputError'
    this.segment = segment
  }
}

/** Reads a segment batch by batch. @throws DamagedInputError at a batch whose CRC is wrong: nothing is made of it */
export function* batchesOf(segment: Segment): Generator<{ header: BatchHeader; bytes: Uint8Array }> {
  for (let offset = segment.baseOffset; offset < segment.nextOffset;) {
    const bytes = readChecked(segment, offset)
    if (bytes.length === 0) return
    for (let at = 0; at < bytes.length;) {
      if (batchFault(bytes, at) !== undefined) throw new DamagedInputError(segment)
      const header = readBatchHeader(bytes, at)
      yield { header, bytes: bytes.subarray(at, at + header.size) }
      offset = nextOffsetOf(header)
      at += header.size
    }
  }
}

function readChecked(segment: Segment, offset: number): Uint8Array {
  try {
    return segment.read(offset, READ_BYTES)
  } catch (error) {
    throw error instanceof DamagedSegmentError ? new DamagedInputError(segment) : error
  }
}

/** Notes the keys of a batch. Answers false where its records cannot be read: then they stay, all of them. */
export function noteKeys(map: OffsetMap, header: BatchHeader, bytes: Uint8Array): boolean {
  if (header.control) return true
  try {
    const unfolded = unfoldRecords(bytes, 0, { maxBytes: UNFOLDED_BYTES })
    // First walked through, so that a batch which breaks off in the middle leaves no trace.
    const records: RawRecord[] = []
    walkRecords(unfolded, header.recordCount, (record) => records.push(record))
    for (const { key, offsetDelta } of records) if (key !== null) map.set(key, header.baseOffset + offsetDelta)
    return true
  } catch {
    return false
  }
}

/** What stays of a batch: the last record of every key; tombstones until their time has come. */
export function compactBatch(header: BatchHeader, bytes: Uint8Array, rules: Rules): Outcome {
  if (header.recordCount === 0) return rules.isLastOf(header) ? { bytes } : {}
  if (header.control || header.baseOffset >= rules.mapTo) return { bytes }
  const all: RawRecord[] = []
  let unfolded: Uint8Array
  try {
    unfolded = unfoldRecords(bytes, 0, { maxBytes: UNFOLDED_BYTES })
    walkRecords(unfolded, header.recordCount, (record) => all.push(record))
  } catch {
    return { bytes }
  }
  const known = (header.attributes & ATTRIBUTE.deleteHorizon) !== 0 ? header.baseTimestamp : undefined
  const dropTombstones = known !== undefined && rules.now >= known && !rules.keepTombstones
  const kept = all.filter((record) => stays(record, header, rules) && !(record.tombstone && dropTombstones))
  if (kept.length === 0) return rules.isLastOf(header) ? { bytes: rewriteBatch(bytes, unfolded, { kept }) } : {}
  const buries = kept.some(({ tombstone }) => tombstone)
  const tombstonesUntil = buries ? (known ?? Math.trunc(rules.now + rules.deleteRetentionMs)) : undefined
  const until = tombstonesUntil === undefined ? {} : { tombstonesUntil }
  const sets = tombstonesUntil !== undefined && known === undefined
  if (kept.length === all.length && !sets) return { bytes, ...until }
  const rewriting = sets ? { kept, deleteHorizon: tombstonesUntil } : { kept }
  return { bytes: rewriteBatch(bytes, unfolded, rewriting), ...until }
}

/** A record without a key can never be replaced; Kafka's cleaner drops those that were there before the policy. */
function stays({ key, offsetDelta }: RawRecord, { baseOffset }: BatchHeader, { map }: Rules): boolean {
  if (key === null) return false
  const last = map.get(key)
  return last === undefined || baseOffset + offsetDelta >= last
}

/** Empty batches for a range of offsets. */
export function* fillers(from: number, to: number): Generator<Buffer> {
  for (let base = from; base < to; base += LONGEST_FILLER) {
    yield fillerBatch(base, Math.min(base + LONGEST_FILLER, to) - 1)
  }
}

/** Whether the batch at the start of some bytes has no records. */
export function isEmptyBatch(bytes: Uint8Array): boolean {
  const at = BATCH.recordCount
  return bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 0 && bytes[at + 3] === 0
}

/** What follows the empty batches at the start of some bytes, and the offset where it begins. */
export function pastEmpty(bytes: Uint8Array): { next: number; rest: Uint8Array } {
  let at = 0
  let next = 0
  while (at < bytes.length && isEmptyBatch(bytes.subarray(at))) {
    const header = readBatchHeader(bytes, at)
    next = nextOffsetOf(header)
    at += header.size
  }
  return { next, rest: bytes.subarray(at) }
}
