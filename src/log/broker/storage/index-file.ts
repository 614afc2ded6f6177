import { replaceFile } from '../../../system/disk.ts'
import type { Disk, DiskFile } from '../../../system/disk.ts'
import { BATCH, batchFault, readBatchHeader } from '../../batch.ts'
import type { BatchHeader } from '../../batch.ts'
import { decodeChecked, encodeChecked } from './checked-json.ts'
import type { ProducerSnapshot } from './producers.ts'
import type { Place } from './place.ts'
import { segmentName } from './segment.ts'
import type { Segment, SegmentState } from './segment.ts'
import { SparseIndex } from './sparse-index.ts'

/** Raised when the content changes its meaning: an index of another version is rebuilt. */
const VERSION = 1

/**
 * What the index file of a segment says: a cache of what a scan of the log would find, up to the size that it names. It
 * is written only of what is durable, so where the log does not hold what it names, the log is damaged or another one.
 * It is believed where it is whole and describes this very log (`describes`); what follows its size is scanned.
 */
export interface IndexFile extends SegmentState {
  /** Which log it belongs to: `<topic>-<partition>` and the base offset. */
  readonly of: string
  readonly producers: ProducerSnapshot
}

export function indexPath(logPath: string): string {
  return logPath.replace(/\.log$/, '.index')
}

/** What the index file of a segment says. */
export function indexContent(place: Place, segment: Segment, producers: ProducerSnapshot): IndexFile {
  const { index, size, nextOffset, maxTimestamp, holes, fingerprint, sealed } = segment
  const of = segmentIdentity(place, segment.baseOffset)
  return { of, index, size, nextOffset, maxTimestamp, holes, ...(fingerprint && { fingerprint }), sealed, producers }
}

/** Which log an index belongs to. */
export function segmentIdentity({ topic, partition }: Place, baseOffset: number): string {
  return `${topic}-${partition}/${segmentName(baseOffset)}`
}

/** The bytes of an index file: from then on the segment may grow. */
export function encodeIndex(content: IndexFile): Uint8Array {
  const { index, ...rest } = content
  const { offsets, positions, times } = index
  return encodeChecked({ version: VERSION, ...rest, offsets, positions, times })
}

/** Written at once and durably, so that a torn index is damage and not a crash. */
export async function writeIndex(disk: Disk, logPath: string, encoded: Uint8Array): Promise<void> {
  await replaceFile(disk, indexPath(logPath), encoded)
}

/** `missing`: no such file. `damaged`: not what was written, or written for another log. */
export async function readIndex(disk: Disk, logPath: string, of: string): Promise<IndexFile | 'missing' | 'damaged'> {
  const path = indexPath(logPath)
  if (!(await disk.exists(path))) return 'missing'
  try {
    const content = decodeChecked(await disk.readFile(path)) as StoredIndex | undefined
    if (content?.version !== VERSION || content.of !== of) return 'damaged'
    const { version: _, offsets, positions, times, ...rest } = content
    return { ...rest, index: new SparseIndex(offsets, positions, times) }
  } catch {
    return 'damaged'
  }
}

type StoredIndex = Omit<IndexFile, 'index'> & {
  readonly version: number
  readonly offsets: number[]
  readonly positions: number[]
  readonly times: number[]
}

/** Whether an index was made from this log, whatever was appended since: its first and last batch lie where it says. */
export function describes(content: IndexFile, file: DiskFile, size: number): boolean {
  const { fingerprint } = content
  if (fingerprint === undefined) return true
  const first = content.index.positions[0] ?? 0
  return (
    crcAt(file, first, size) === fingerprint.first && crcAt(file, fingerprint.lastPosition, size) === fingerprint.last
  )
}

/** Whether a log holds whole batches where those of its index should be, and other ones: somebody swapped files. */
export function isForeign(content: IndexFile, file: DiskFile, size: number): boolean {
  const { fingerprint, nextOffset } = content
  if (fingerprint === undefined) return false
  const first = wholeAt(file, content.index.positions[0] ?? 0, size)
  if (first !== undefined && first.crc !== fingerprint.first) return true
  // Also where both begin alike. Where bytes were lost or put in, a batch that lies there is of other offsets.
  const last = wholeAt(file, fingerprint.lastPosition, size)
  const end = last && last.baseOffset + last.lastOffsetDelta + 1
  return last !== undefined && last.crc !== fingerprint.last && end === nextOffset
}

function wholeAt(file: DiskFile, position: number, size: number): BatchHeader | undefined {
  if (position + BATCH.records > size) return undefined
  const head = Buffer.alloc(BATCH.records)
  file.readSync(head, position)
  const header = readBatchHeader(head)
  if (header.size < BATCH.records || position + header.size > size) return undefined
  const batch = Buffer.alloc(header.size)
  file.readSync(batch, position)
  return batchFault(batch) === undefined ? header : undefined
}

function crcAt(file: DiskFile, position: number, size: number): number | undefined {
  if (position + BATCH.records > size) return undefined
  const bytes = Buffer.alloc(BATCH.records)
  return file.readSync(bytes, position) === bytes.length ? readBatchHeader(bytes).crc : undefined
}
