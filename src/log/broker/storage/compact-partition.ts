import type { Clock } from '../../../system/clock.ts'
import { DamagedInputError, batchesOf, compactBatch, fillers, noteKeys } from './compaction.ts'
import type { Rules } from './compaction.ts'
import { OffsetMap } from './offset-map.ts'
import type { Place } from './place.ts'
import type { ProducerTable } from './producers.ts'
import type { SegmentChain } from './segment-chain.ts'
import { stagedPath } from './segment-swap.ts'
import { Segment, segmentName } from './segment.ts'
import { stampBatches } from './stamp.ts'
import type { CompactionSettings } from './topic-settings.ts'

/** Memory for the keys of one pass; with more keys there are several passes. */
const MAP_BYTES = 16 * 1024 * 1024
/** Bytes that are written, and synced, at a time: a long sync would hold up those before the acks. */
const WRITE_BYTES = 2 * 1024 * 1024
/** How long others may have to wait for their turn. */
const SLICE_MS = 2

/** Whose turn it is: compaction works in slices and is called off between them. */
export class Turns {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #since: number

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
    this.#since = clock.monotonic()
  }

  /** Lets others work where it is time to. @throws the signal's reason */
  async next(): Promise<void> {
    this.#signal.throwIfAborted()
    if (this.#clock.monotonic() - this.#since < SLICE_MS) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#signal.throwIfAborted()
    this.#since = this.#clock.monotonic()
  }
}

export interface Job {
  readonly place: Place
  readonly chain: SegmentChain
  readonly producers: ProducerTable
  readonly settings: CompactionSettings
  /** Wall time, ms since the epoch. */
  readonly now: number
  readonly turns: Turns
}

/**
 * Compacts a partition as far as its policy says: of every key the last record stays, where it was. What is cleaned
 * takes the place of the old segments group by group, so a crash or an abort loses only work.
 * @throws the reason of an abort; a Node system error, which leaves the partition as it was
 */
export async function compactPartition(job: Job): Promise<void> {
  const plan = planCompaction(job)
  if (plan === undefined) return
  try {
    for (let from = plan.from; ;) {
      from = await pass(job, from, plan.to)
      if (from >= plan.to) return
    }
  } catch (error) {
    if (!(error instanceof DamagedInputError)) throw error
    // The damage is told and set aside; the next time works around it.
    job.chain.mend(error.segment)
  }
}

/** Offsets whose keys are new since the last time. */
interface Plan {
  readonly from: number
  readonly to: number
}

/** What is to be done; undefined where it is not worth it yet. */
function planCompaction({ chain, settings, now }: Job): Plan | undefined {
  const sealed = chain.sealed
  const young = sealed.findIndex((segment) => settings.minLagMs > 0 && segment.maxTimestamp > now - settings.minLagMs)
  const segments = young < 0 ? sealed : sealed.slice(0, young)
  const last = segments.at(-1)
  if (last === undefined) return undefined
  const to = last.nextOffset
  const from = Math.min(chain.state.compactedTo, to)
  const dirty = segments.filter((segment) => segment.nextOffset > from)
  const bytes = sum(segments)
  const isDirty = dirty.length > 0 && sum(dirty) >= settings.minDirtyRatio * bytes
  const isLate = dirty.length > 0 && dirty[0]!.firstTimestamp < now - settings.maxLagMs
  const isDue = now >= (chain.state.tombstonesUntil ?? Infinity)
  return isDirty || isLate || isDue ? { from, to } : undefined
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((bytes, { size }) => bytes + size, 0)
}

/** Compacts with as many of the new keys as fit into the map; answers up to where. */
async function pass(job: Job, from: number, to: number): Promise<number> {
  const { chain, settings, now, producers } = job
  const map = new OffsetMap(job.place.compactionBytes ?? MAP_BYTES)
  const { mapTo, unread } = await readKeys(job, map, from, to)
  const segments = chain.sealed.filter((segment) => segment.baseOffset < mapTo)
  const keepTombstones = unread || chain.sealed.some((segment) => segment.holes.length > 0)
  const isLastOf: Rules['isLastOf'] = ({ producerId, baseOffset }) => producers.isLast(producerId, baseOffset)
  const { deleteRetentionMs } = settings
  const rules = { map, mapTo, now, deleteRetentionMs, keepTombstones, isLastOf }
  let tombstonesUntil = Infinity
  for (const group of grouped(segments, job.place.settings().segmentBytes)) {
    const untouched = group.length === 1 && group[0]!.nextOffset <= from
    const until = untouched ? await look(job, group[0]!, rules) : 'changes'
    tombstonesUntil = Math.min(tombstonesUntil, until === 'changes' ? await rewrite(job, group, rules) : until)
  }
  await chain.setState(({ logStart }) => ({ logStart, compactedTo: mapTo, ...(tombstonesUntil < Infinity && { tombstonesUntil }) })) // prettier-ignore
  return mapTo
}

async function readKeys({ chain, turns }: Job, map: OffsetMap, from: number, to: number) {
  let unread = false
  for (const segment of chain.sealed) {
    if (segment.nextOffset <= from || segment.baseOffset >= to) continue
    for (const { header, bytes } of batchesOf(segment)) {
      await turns.next()
      if (header.baseOffset < from) continue
      // At least one batch, so that every pass gets on.
      if (map.size > 0 && !map.fits(header.recordCount)) return { mapTo: header.baseOffset, unread }
      unread = !noteKeys(map, header, bytes) || unread
    }
  }
  return { mapTo: to, unread }
}

/** Neighbours that become one segment. Those with damage stay as they are. */
function grouped(segments: readonly Segment[], segmentBytes: number): Segment[][] {
  const groups: Segment[][] = []
  let bytes = 0
  for (const segment of segments) {
    if (segment.holes.length > 0 || segment.size === 0) continue
    const last = groups.at(-1)?.at(-1)
    if (last === undefined || last.nextOffset !== segment.baseOffset || bytes + segment.size > segmentBytes) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)!.push(segment)
    bytes += segment.size
  }
  return groups
}

/** Whether anything in a segment would change; if not, when its first tombstones may go. */
async function look({ turns }: Job, segment: Segment, rules: Rules): Promise<number | 'changes'> {
  let until = Infinity
  for (const { header, bytes } of batchesOf(segment)) {
    await turns.next()
    // An empty batch that stands for removed records is not a change.
    if (header.recordCount === 0 && header.producerId < 0n) continue
    const outcome = compactBatch(header, bytes, rules)
    if (outcome.bytes !== bytes) return 'changes'
    until = Math.min(until, outcome.tombstonesUntil ?? Infinity)
  }
  return until
}

/** Writes what stays of a group into a segment of its own and puts it in their place. */
async function rewrite(job: Job, group: readonly Segment[], rules: Rules): Promise<number> {
  const { place, chain } = job
  const { baseOffset } = group[0]!
  const staged = stagedPath(place.directory, baseOffset)
  await place.disk.remove(staged)
  const file = await place.disk.open(staged, 'append')
  const segment = new Segment(baseOffset, `${place.directory}/${segmentName(baseOffset)}`, file)
  let replaced = false
  try {
    const until = await fill(job, group, rules, segment)
    replaced = await chain.replace(group, segment)
    return until
  } finally {
    if (!replaced) {
      await file.close().catch(() => undefined)
      await place.disk.remove(staged).catch(() => undefined)
    }
  }
}

async function fill({ turns }: Job, group: readonly Segment[], rules: Rules, into: Segment): Promise<number> {
  const writer = new SegmentWriter(into)
  let until = Infinity
  for (const segment of group) {
    for (const { header, bytes } of batchesOf(segment)) {
      await turns.next()
      const outcome = compactBatch(header, bytes, rules)
      if (outcome.bytes === undefined) continue
      until = Math.min(until, outcome.tombstonesUntil ?? Infinity)
      await writer.put(outcome.bytes, header.baseOffset)
    }
  }
  await writer.end(group.at(-1)!.nextOffset)
  return until
}

/** Writes batches at their old offsets; what is missing between them becomes empty batches. */
class SegmentWriter {
  readonly #segment: Segment
  #parts: Uint8Array[] = []
  #bytes = 0
  #next: number

  constructor(segment: Segment) {
    this.#segment = segment
    this.#next = segment.baseOffset
  }

  async put(batch: Uint8Array, baseOffset: number): Promise<void> {
    for (const filler of fillers(this.#next, baseOffset)) this.#add(filler)
    this.#add(batch)
    if (this.#bytes >= WRITE_BYTES) await this.#flush()
  }

  async end(nextOffset: number): Promise<void> {
    for (const filler of fillers(this.#next, nextOffset)) this.#add(filler)
    await this.#flush()
  }

  #add(batch: Uint8Array): void {
    this.#parts.push(batch)
    this.#bytes += batch.length
    const view = new DataView(batch.buffer, batch.byteOffset, batch.length)
    this.#next = Number(view.getBigInt64(0)) + view.getInt32(23) + 1
  }

  async #flush(): Promise<void> {
    const from = this.#segment.nextOffset
    await this.#segment.file.write(this.#parts, this.#segment.size)
    await this.#segment.file.datasync()
    // The offsets that they have already: each batch begins where the one before ended.
    for (const batch of stampBatches(Buffer.concat(this.#parts), from)) this.#segment.advance(batch)
    this.#parts = []
    this.#bytes = 0
  }
}
