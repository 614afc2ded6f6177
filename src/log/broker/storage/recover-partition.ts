import type { BatchHeader } from '../../batch.ts'
import { describes, encodeIndex, indexContent, indexPath, isForeign, readIndex, segmentIdentity, writeIndex } from './index-file.ts' // prettier-ignore
import type { IndexFile } from './index-file.ts'
import { INDEX_EVERY_BYTES } from './index-writer.ts'
import { PartitionLog } from './partition-log.ts'
import { readState } from './partition-state.ts'
import { setAside, tell } from './place.ts'
import type { Place } from './place.ts'
import { ProducerTable } from './producers.ts'
import { SegmentChain } from './segment-chain.ts'
import { finishSwaps } from './segment-swap.ts'
import { scanSegment } from './segment-scan.ts'
import type { Hole, Scan } from './segment-scan.ts'
import { Segment, segmentName } from './segment.ts'
import { NEVER, SparseIndex } from './sparse-index.ts'

export interface Recovered {
  readonly log: PartitionLog
  readonly bytes: number
}

/**
 * Opens a partition, whatever state a crash or a bad disk left it in. Segments whose index is whole and describes them
 * are taken as they are as far as it goes (their batches are checked when they are read); the rest is scanned. Damage is
 * copied aside, told, and skipped; offsets that were ever given out are not given out again as far as that can be known.
 */
export async function recoverPartition(place: Place): Promise<Recovered> {
  const { disk, directory } = place
  await finishSwaps(disk, directory)
  const names = await disk.list(directory)
  for (const name of names) if (name.endsWith('.tmp')) await disk.remove(`${directory}/${name}`)
  const state = await readState(place)
  const bases = names.flatMap((name) => (/^\d{20}\.log$/.test(name) ? [Number(name.slice(0, 20))] : []))
  const orphansEnd = await tellOrphans(place, names, bases)
  const producers = new ProducerTable()
  const segments: Segment[] = []
  for (const [i, base] of bases.entries()) {
    const segment = await openSegment(place, base, bases[i + 1], producers)
    tellMissing(place, segments.at(-1), segment)
    segments.push(segment)
  }
  const endOffset = Math.max(segments.at(-1)?.nextOffset ?? 0, orphansEnd, state.logStart)
  const last = segments.at(-1)
  if (last !== undefined) last.startedAt = startOf(last, place)
  if (last !== undefined && last.nextOffset < endOffset) await sealAt(place, last, endOffset, producers)
  // Its name may be that of a process that was killed while it made it.
  if (last?.size === 0) await disk.syncDirectory(directory)
  const chain = new SegmentChain(place, producers, segments, state)
  const bytes = segments.reduce((sum, segment) => sum + segment.size, 0)
  return { log: new PartitionLog(place, chain, producers, endOffset), bytes }
}

/** An index whose log is gone: the records are lost, but it still says up to which offset there were some. */
async function tellOrphans(place: Place, names: readonly string[], bases: readonly number[]): Promise<number> {
  let end = 0
  for (const name of names.filter((name) => /^\d{20}\.index$/.test(name))) {
    const base = Number(name.slice(0, 20))
    if (bases.includes(base)) continue
    const path = `${place.directory}/${segmentName(base)}`
    const index = await readIndex(place.disk, path, segmentIdentity(place, base))
    const size = typeof index === 'object' ? index.size : 0
    tell(place, path, { position: 0, end: size, reason: 'segment is missing, its index is there' })
    if (typeof index === 'object') end = Math.max(end, index.nextOffset)
  }
  return end
}

/** A restart does not make a segment young. */
function startOf(segment: Segment, { clock }: Place): number {
  return segment.size === 0 ? clock.now() : Math.min(segment.firstTimestamp, clock.now())
}

function tellMissing(place: Place, before: Segment | undefined, segment: Segment): void {
  if (before === undefined || before.nextOffset === segment.baseOffset) return
  const reason = `records are missing: offsets ${before.nextOffset} to ${segment.baseOffset - 1}`
  // Where the segment's own damage explains it, that has been told.
  if (before.holes.at(-1)?.end !== before.size) {
    tell(place, before.path, { position: before.size, end: before.size, reason })
  }
}

async function openSegment(
  place: Place,
  base: number,
  nextBase: number | undefined,
  producers: ProducerTable,
): Promise<Segment> {
  const path = `${place.directory}/${segmentName(base)}`
  const file = await place.disk.open(path, nextBase === undefined ? 'append' : 'read')
  const size = await file.size()
  const segment = new Segment(base, path, file)
  const index = await usableIndex(place, path, base)
  if (index !== undefined && index.size === size && describes(index, file, size)) {
    segment.adopt(index, index.size)
    noteIndex(segment, index)
    producers.restore(index.producers)
    return segment
  }
  // An index from before the last records: of a crash. It also knows producers whose older batches are gone.
  const known = index !== undefined && index.size <= size && describes(index, file, size) ? index : undefined
  if (known !== undefined) producers.restore(known.producers)
  const now = place.clock.now()
  const visit = (header: BatchHeader) => {
    if (header.producerId < 0n || header.baseOffset < (known?.nextOffset ?? 0)) return
    // Compaction may have taken records of a batch, but not its sequence.
    producers.note({ ...header, recordCount: header.lastOffsetDelta + 1 }, header.baseOffset, now)
  }
  // Behind a sealed segment's end nothing was ever written: there all of it is looked at.
  const believed = known?.fingerprint !== undefined && known.sealed !== true ? known : undefined
  if (believed !== undefined) noteIndex(segment, believed)
  const target = { file, size, baseOffset: base, nextBase: nextBase ?? Infinity, indexed: index, visit, ...(believed && { known: believed }) } // prettier-ignore
  const swapped = index !== undefined && known === undefined && isForeign(index, file, size)
  const scan = swapped ? foreign(base, size) : scanSegment(target)
  await adoptScan(place, segment, scan, { size, index, checkedFrom: believed?.size ?? 0, isLast: nextBase === undefined }) // prettier-ignore
  // What a killed process had only written is served from now on, and an index may name it.
  if (nextBase === undefined || place.sync.mode === 'interval') await file.datasync()
  if (segment.sealed || nextBase !== undefined) await saveIndex(place, segment, producers)
  return segment
}

function noteIndex(segment: Segment, { size }: IndexFile): void {
  segment.indexedSize = size
  segment.indexBeyond = size + INDEX_EVERY_BYTES
}

async function usableIndex(place: Place, path: string, base: number): Promise<IndexFile | undefined> {
  const index = await readIndex(place.disk, path, segmentIdentity(place, base))
  if (index === 'damaged') {
    tell(place, indexPath(path), { position: 0, end: 0, reason: 'index is damaged, it is rebuilt from the log' })
    await place.disk.remove(indexPath(path))
  }
  return typeof index === 'string' ? undefined : index
}

function foreign(base: number, size: number): Scan {
  const reason = 'segment is not the one that its index describes'
  const tail = { position: 0, end: size, reason }
  return { index: new SparseIndex(), size: 0, nextOffset: base, maxTimestamp: NEVER, holes: [], tail }
}

interface Circumstances {
  /** Of the file. */
  readonly size: number
  readonly index: IndexFile | undefined
  /** Where the scan began. */
  readonly checkedFrom: number
  readonly isLast: boolean
}

/**
 * A damaged tail of the last segment is what a crash leaves: it is cut off once it has been copied. Where the index
 * says that there had been more, or where offsets have to be skipped, the segment is left alone and sealed, and the
 * next record starts another one: within a segment offsets never jump.
 */
async function adoptScan(place: Place, segment: Segment, scan: Scan, circumstances: Circumstances) {
  const { size, index, checkedFrom, isLast } = circumstances
  for (const hole of scan.holes)
    if (hole.position >= checkedFrom) await setAside(place, segment.path, segment.file, hole)
  const indexedEnd = index?.nextOffset ?? 0
  const nextOffset = Math.max(scan.nextOffset, scan.tailNextOffset ?? 0, isLast ? indexedEnd : 0)
  const skips = nextOffset > scan.nextOffset
  if (index !== undefined && index.size > size) {
    const reason = `segment is shorter than its index says: ${size} bytes, want ${index.size}`
    tell(place, segment.path, { position: size, end: index.size, reason })
  }
  if (scan.tail === undefined) {
    segment.adopt({ ...scan, nextOffset, sealed: skips }, checkedFrom)
    return
  }
  const copy = await setAside(place, segment.path, segment.file, scan.tail)
  const cut =
    isLast && copy !== undefined && (index?.size ?? 0) <= scan.tail.position && (await cutTail(segment, scan.tail))
  if (cut) segment.adopt({ ...scan, nextOffset, sealed: skips }, checkedFrom)
  else segment.adopt({ ...scan, nextOffset, size, holes: [...scan.holes, scan.tail], sealed: true }, checkedFrom)
}

async function cutTail({ file }: Segment, tail: Hole): Promise<boolean> {
  try {
    await file.truncate(tail.position)
    await file.datasync()
    return true
  } catch {
    return false
  }
}

async function sealAt(place: Place, segment: Segment, nextOffset: number, producers: ProducerTable): Promise<void> {
  segment.nextOffset = nextOffset
  segment.sealed = true
  await saveIndex(place, segment, producers)
}

async function saveIndex(place: Place, segment: Segment, producers: ProducerTable): Promise<void> {
  const content = indexContent(place, segment, producers.snapshot(segment.nextOffset))
  await writeIndex(place.disk, segment.path, encodeIndex(content)).catch((error: unknown) =>
    place.logger.warn('Cannot write index, it is rebuilt at the next start', { file: segment.path, error }),
  )
}
