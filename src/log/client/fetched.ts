import { BATCH, batchFault, decodeEach, decodeRecords, readBatchHeader, unfoldRecords } from '../batch.ts'
import type { BatchHeader } from '../batch.ts'
import { letGo } from '../let-go.ts'
import { LogError } from '../log.ts'
import type { StoredRecord } from '../log.ts'
import type { AbortedTransaction, FetchedPartition } from './messages.ts'

/** What of a fetched partition is handed to the reader. */
export interface Unpacked {
  readonly records: readonly StoredRecord[]
  /** Where to fetch next. */
  readonly nextOffset: number
}

/**
 * The committed records of a fetch from `offset` on: whole batches with a good CRC, without control records and
 * without those of aborted transactions. Stops in front of a bad batch; where that is the first one, throws.
 * @throws LogError `CORRUPT_BATCH` and the other codes of `decodeRecords`
 */
export function unpack(fetched: FetchedPartition, offset: number): Unpacked {
  const records: StoredRecord[] = []
  const nextOffset = walk(fetched, offset, (at, from) => {
    for (const record of decodeRecords(fetched.batches, at)) if (record.offset >= from) records.push(record)
  })
  return { records, nextOffset }
}

/** What of a fetched partition is handed to a reader who wants it a few records at a time. */
export interface UnpackedLots {
  /** Each is made when it is asked for, and throws what is wrong inside of a batch then. */
  readonly lots: Iterable<Unpacked>
  /** Where to fetch next. */
  readonly nextOffset: number
}

/** The same as `unpack` in lots of at most so many records. @throws LogError as `unpack` */
export function unpackLots(fetched: FetchedPartition, offset: number, most: number): UnpackedLots {
  const seen: [at: number, from: number][] = []
  const nextOffset = walk(fetched, offset, (at, from) => seen.push([at, from]))
  return { lots: lotsOf(fetched, seen, nextOffset, most), nextOffset }
}

function* lotsOf(
  fetched: FetchedPartition,
  seen: readonly [at: number, from: number][],
  end: number,
  most: number,
): Generator<Unpacked> {
  let records: StoredRecord[] = []
  let next = -1
  const finished: Uint8Array[] = []
  try {
    for (const [at, from] of seen) {
      next = Math.max(next, from)
      const unfolded = unfoldRecords(fetched.batches, at)
      for (const record of decodeEach(fetched.batches, at, unfolded)) {
        if (record.offset < from) continue
        records.push(record)
        next = record.offset + 1
        if (records.length < most) continue
        yield { records, nextOffset: next }
        records = []
        finished.splice(0).forEach(letGo)
      }
      // The lot that is being filled may have records of it.
      finished.push(unfolded)
    }
  } catch (error) {
    if (records.length > 0) yield { records, nextOffset: next }
    throw placed(error, fetched, next)
  }
  // Behind the last record there may be offsets of none.
  if (next < end || records.length > 0) yield { records, nextOffset: end }
}

/**
 * Shows the whole, undamaged batches of data from `offset` on: where each lies, and from which offset on it counts, for
 * a batch is fetched whole. Answers where to go on behind the last of them.
 */
function walk(fetched: FetchedPartition, offset: number, see: (at: number, from: number) => void): number {
  const { batches } = fetched
  const aborted = new AbortFilter(fetched.aborted)
  let nextOffset = offset
  for (let at = 0; at + BATCH.records <= batches.length;) {
    const header = readBatchHeader(batches, at)
    // Brokers cut answers at their size limit: what is cut off comes again, whole, with the next fetch.
    if (at > 0 && header.size > batches.length - at) break
    try {
      nextOffset = walkOne(batches, at, header, aborted, nextOffset, see)
    } catch (error) {
      if (nextOffset > offset) break
      throw placed(error, fetched, nextOffset)
    }
    at += header.size
  }
  return nextOffset
}

function walkOne(
  batches: Uint8Array,
  at: number,
  header: BatchHeader,
  aborted: AbortFilter,
  from: number,
  see: (at: number, from: number) => void,
): number {
  const fault = batchFault(batches, at)
  if (fault !== undefined) throw new LogError('CORRUPT_BATCH', fault, { retriable: false })
  const next = header.baseOffset + header.lastOffsetDelta + 1
  if (aborted.hides(header, () => decodeRecords(batches, at)) || next <= from) return Math.max(next, from)
  see(at, from)
  return next
}

function placed(error: unknown, { topic, partition }: FetchedPartition, offset: number): unknown {
  if (!(error instanceof LogError)) return error
  const message = `Cannot read "${topic}" partition ${partition} at offset ${offset}: ${error.message}`
  return new LogError(error.code, message, { retriable: error.retriable, cause: error })
}

/** Control record of an aborted transaction: key = version, type; both int16 (KIP-98). */
const ABORT_MARKER = 0

/**
 * Which batches a reader of committed data does not see (KIP-98). The broker names the aborted transactions that touch
 * the fetched range with their first offsets; each ends at the abort marker of its producer. Control batches are never
 * shown.
 */
class AbortFilter {
  readonly #upcoming: AbortedTransaction[]
  readonly #aborting = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#upcoming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** @param records of the batch; asked for only where it is a control batch */
  hides(header: BatchHeader, records: () => readonly StoredRecord[]): boolean {
    const last = header.baseOffset + header.lastOffsetDelta
    while (this.#upcoming[0] && this.#upcoming[0].firstOffset <= last) {
      this.#aborting.add(this.#upcoming.shift()!.producerId)
    }
    const producer = Number(header.producerId)
    if (header.control) {
      if (isAbort(records()[0])) this.#aborting.delete(producer)
      return true
    }
    return header.transactional && this.#aborting.has(producer)
  }
}

function isAbort(marker: StoredRecord | undefined): boolean {
  const key = marker?.key
  return key !== undefined && key !== null && key.length >= 4 && ((key[2]! << 8) | key[3]!) === ABORT_MARKER
}
