import type { DiskFile } from '../../../system/disk.ts'
import { isEmptyBatch, pastEmpty } from './compaction.ts'
import { indexPath } from './index-file.ts'
import { IndexWriter } from './index-writer.ts'
import { writeState } from './partition-state.ts'
import type { PartitionState } from './partition-state.ts'
import { setAside } from './place.ts'
import type { Place } from './place.ts'
import type { ProducerTable } from './producers.ts'
import type { Hole } from './segment-scan.ts'
import { commitSwap, finishSwap } from './segment-swap.ts'
import type { Swap } from './segment-swap.ts'
import { DamagedSegmentError, Segment, segmentName } from './segment.ts'
import type { StoredBatch } from './segment.ts'
import { lastAtOrBelow, NEVER } from './sparse-index.ts'
import { StorageError } from './storage.ts'
import type { TimedOffset } from './storage.ts'

/** What `retention.ms` and `retention.bytes` of a topic say; undefined: without that limit. */
export interface RetentionLimits {
  readonly ms?: number | undefined
  readonly bytes?: number | undefined
}

/**
 * The segments of a partition. Only one call of those that write may be under way at a time; reads may come at any
 * time, are synchronous, and see what is durable.
 */
export class SegmentChain {
  readonly #place: Place
  readonly #indexes: IndexWriter
  readonly #segments: Segment[]
  #state: PartitionState
  /** The last change of the state: they are written one after the other. */
  #stateChange: Promise<unknown> = Promise.resolve()
  /** A compacted segment whose predecessors could not all be removed yet. */
  #unfinished: Swap | undefined
  /** Copies of damaged bytes that are under way. */
  #asides: Promise<unknown> = Promise.resolve()

  /** `segments` in order; the last one takes the appends unless it is sealed. */
  constructor(place: Place, producers: ProducerTable, segments: Segment[], state: PartitionState) {
    this.#state = state
    this.#place = place
    this.#indexes = new IndexWriter(place, producers)
    this.#segments = segments
  }

  /** Undefined while there is no segment. */
  get startOffset(): number | undefined {
    const first = this.#segments[0]
    return first && Math.max(first.baseOffset, this.#state.logStart)
  }

  get state(): PartitionState {
    return this.#state
  }

  /** All but the one that takes the appends. */
  get sealed(): readonly Segment[] {
    return this.#segments.slice(0, -1)
  }

  /** Of all records; NEVER where there are none. */
  get maxTimestamp(): number {
    return this.#segments.reduce((latest, segment) => Math.max(latest, segment.maxTimestamp), NEVER)
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.size, 0)
  }

  /** Bytes that the active segment still takes. */
  get room(): number {
    const active = this.#segments.at(-1)
    const { segmentBytes } = this.#place.settings()
    return active === undefined || active.sealed ? segmentBytes : segmentBytes - active.size
  }

  /**
   * As `Partition.read`. Empty batches, which compaction leaves, are passed over: clients that see nothing else take
   * it for a record that is too large for them. At the end of all they are answered, so that readers get past.
   */
  read(offset: number, maxBytes: number): Uint8Array {
    let bytes = this.#readAt(offset, maxBytes)
    while (bytes.length > 0 && isEmptyBatch(bytes)) {
      const { next, rest } = pastEmpty(bytes)
      if (rest.length > 0) return rest
      const more = this.#readAt(next, maxBytes)
      if (more.length === 0) return bytes
      bytes = more
    }
    return bytes
  }

  #readAt(offset: number, maxBytes: number): Uint8Array {
    return (
      this.#search(this.#indexOf(offset), (segment) => {
        const bytes = segment.read(offset, maxBytes)
        return bytes.length === 0 ? undefined : bytes
      }) ?? NOTHING
    )
  }

  findTime(timestamp: number): TimedOffset | undefined {
    const from = this.startOffset ?? 0
    return this.#search(this.#indexOf(from), (segment) => segment.findTime(timestamp, from))
  }

  /**
   * Writes batches behind the last one, in a new segment where the active one is full, and syncs them if `sync`.
   * @throws StorageError `full`: nothing was stored, the same call may succeed later. `failed`: nothing may be written
   * before `verify` has succeeded.
   */
  async write(parts: readonly Uint8Array[], batches: readonly StoredBatch[], sync: boolean): Promise<void> {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    const active = await this.#activeFor(bytes, batches[0]!.baseOffset)
    if (active.size === 0) active.startedAt = this.#place.clock.now()
    try {
      await active.file.write(parts, active.size)
    } catch (error) {
      throw await this.#takeBack(active, error)
    }
    if (sync) await this.#sync(active)
    for (const batch of batches) active.advance(batch)
  }

  /** Syncs what was written without; nothing to do where every append was. @throws StorageError `failed` */
  async sync(): Promise<void> {
    const active = this.#segments.at(-1)
    if (active !== undefined && this.#place.sync.mode === 'interval') await this.#sync(active)
  }

  /** Whether the active segment has grown beyond its index by so much that another one is worth it. */
  get outgrowsIndex(): boolean {
    const active = this.#segments.at(-1)
    return active !== undefined && active.size > active.indexBeyond
  }

  /** The same for those that grow slowly: asked every minute. */
  get agesBeyondIndex(): boolean {
    const active = this.#segments.at(-1)
    if (active === undefined) return false
    return active.size >= (active.indexedSize === undefined ? 1 : active.indexedSize + INDEX_AGED_BYTES)
  }

  /** Writes the index of the active segment as it is at the call: all of it must be durable. Never rejects. */
  async saveActiveIndex(): Promise<void> {
    const active = this.#segments.at(-1)
    if (active !== undefined && active.size > (active.indexedSize ?? 0)) await this.#saveIndex(active)
  }

  /**
   * After a failed write or sync: opens the active segment again, cuts what was never acknowledged, reads back and
   * checks the rest, and syncs it. A sync that failed is never just repeated: the kernel may have dropped the pages.
   */
  async verify(): Promise<void> {
    const active = this.#segments.at(-1)
    if (active === undefined) return
    const file = await this.#place.disk.open(active.path, 'append')
    try {
      if ((await file.size()) > active.size) await file.truncate(active.size)
      await file.datasync()
    } catch (error) {
      await file.close()
      throw error
    }
    const failed = active.file
    active.file = file
    await failed.close().catch(() => undefined)
    this.#rescan(this.#segments.length - 1)
  }

  /** Deletes segments that are past the limits, oldest first; the active one only when all of it is, after a new one. */
  async retain(now: number, limits: RetentionLimits): Promise<void> {
    let count = this.#expired(now, limits)
    if (count === 0) return
    if (count === this.#segments.length) await this.#roll(this.#segments.at(-1)!.nextOffset)
    // What is known of the producers went into the indexes that go now: the one that stays takes it over.
    if (count >= this.#segments.length - 1) {
      await this.sync()
      await this.#saveIndex(this.#segments.at(-1)!)
    }
    for (; count > 0; count--) await this.#removeFirst()
  }

  /** Starts another segment where the active one has taken records for longer than `segment.ms`, or than compaction may wait. */
  async rollAged(now: number): Promise<void> {
    const active = this.#segments.at(-1)
    const { segmentMs, compaction } = this.#place.settings()
    if (active === undefined || active.sealed || active.size === 0) return
    if (now - active.startedAt >= Math.min(segmentMs, compaction?.maxLagMs ?? Infinity)) {
      await this.#roll(active.nextOffset)
    }
  }

  /** Changes the state; durable when it resolves. @throws a Node system error: nothing has changed */
  setState(change: (state: PartitionState) => PartitionState): Promise<void> {
    const before = this.#stateChange
    const done = (async () => {
      await before
      const changed = change(this.#state)
      await writeState(this.#place, changed)
      this.#state = changed
    })()
    this.#stateChange = done.catch(() => undefined)
    return done
  }

  /**
   * Puts a compacted segment, written at `stagedPath` and synced, in the place of those it was made from. Answers false
   * where they are not there any more: then nothing has happened.
   */
  async replace(old: readonly Segment[], compacted: Segment): Promise<boolean> {
    const at = this.#segments.indexOf(old[0]!)
    if (at < 0 || old.some((segment, i) => this.#segments[at + i] !== segment)) return false
    const { disk, directory, logger } = this.#place
    const { baseOffset, nextOffset } = compacted
    compacted.sealed = true
    await commitSwap(disk, directory, { baseOffset, nextOffset })
    this.#segments.splice(at, old.length, compacted)
    this.#unfinished = { baseOffset, nextOffset }
    for (const { file } of old) await file.close().catch(() => undefined)
    // The new segment is the truth already; what is left of the old ones can wait.
    await this.finishSwap().catch((error: unknown) => logger.error('Cannot remove compacted segments', { error }))
    return true
  }

  /** Goes on with removing what a compacted segment has replaced, after a failure. */
  async finishSwap(): Promise<void> {
    const swap = this.#unfinished
    if (swap === undefined) return
    await this.#indexes.alone(() => finishSwap(this.#place.disk, this.#place.directory, swap))
    this.#unfinished = undefined
    const segment = this.#segments.find(({ baseOffset }) => baseOffset === swap.baseOffset)
    if (segment !== undefined) await this.#saveIndex(segment)
  }

  /** Scans a segment in which damage was found. */
  mend(segment: Segment): void {
    const at = this.#segments.indexOf(segment)
    if (at >= 0) this.#rescan(at)
  }

  /** Leaves an index that makes the next start fast, and closes the files. */
  async close(clean: boolean): Promise<void> {
    await this.#asides
    await this.#stateChange
    const active = this.#segments.at(-1)
    if (clean && active !== undefined) await this.#saveIndex(active)
    await this.#indexes.alone(async () => {})
    for (const segment of this.#segments) await segment.file.close().catch(() => undefined)
  }

  #indexOf(offset: number): number {
    const bases = this.#segments.map((segment) => segment.baseOffset)
    return Math.max(lastAtOrBelow(bases, offset), 0)
  }

  /** The first answer of a segment from `from` on. Damage found on the way is mapped, and the segment asked again. */
  #search<T>(from: number, ask: (segment: Segment) => T | undefined): T | undefined {
    for (let i = from; i < this.#segments.length; i++) {
      const answer = this.#askTwice(i, ask)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  #askTwice<T>(i: number, ask: (segment: Segment) => T | undefined): T | undefined {
    const segment = this.#segments[i]!
    try {
      return ask(segment)
    } catch (error) {
      if (!(error instanceof DamagedSegmentError)) throw error
    }
    this.#rescan(i)
    return ask(segment)
  }

  #rescan(i: number): void {
    const segment = this.#segments[i]!
    const known = new Set(segment.holes.map((hole) => hole.position))
    const holes = segment.rescan(this.#segments[i + 1]?.baseOffset ?? segment.nextOffset)
    for (const hole of holes) {
      // Not awaited: a reader waits for nothing but its bytes. `setAside` tells of its own failures.
      if (!known.has(hole.position)) this.#setAside(segment, hole)
    }
  }

  #setAside({ path, file }: Segment, hole: Hole): void {
    this.#asides = this.#asides.then(() => setAside(this.#place, path, file, hole))
  }

  async #activeFor(bytes: number, baseOffset: number): Promise<Segment> {
    const active = this.#segments.at(-1)
    const fits =
      active !== undefined && (active.size === 0 || active.size + bytes <= this.#place.settings().segmentBytes)
    return fits && !active.sealed ? active : this.#roll(baseOffset)
  }

  async #roll(baseOffset: number): Promise<Segment> {
    const { disk, directory } = this.#place
    const last = this.#segments.at(-1)
    // An empty segment of that name takes the appends itself.
    if (last?.baseOffset === baseOffset && last.size === 0 && !last.sealed) return last
    const path = `${directory}/${segmentName(baseOffset)}`
    const file = await this.#create(path)
    const next = new Segment(baseOffset, path, file)
    next.startedAt = this.#place.clock.now()
    try {
      // Without a sync after every append, the old segment still owes one.
      if (this.#place.sync.mode === 'interval' && last !== undefined) await last.file.datasync()
      await disk.syncDirectory(directory)
    } catch (error) {
      await file.close()
      throw new StorageError('failed', `Cannot start segment "${path}": ${text(error)}`, error)
    }
    this.#segments.push(next)
    if (last !== undefined) await this.#seal(last)
    return next
  }

  async #create(path: string): Promise<DiskFile> {
    try {
      const file = await this.#place.disk.open(path, 'append')
      // A leftover of an attempt that failed; nothing in it was ever acknowledged.
      if ((await file.size()) > 0) await file.truncate(0)
      return file
    } catch (error) {
      const kind = isFull(error) ? 'full' : 'failed'
      throw new StorageError(kind, `Cannot create segment "${path}": ${text(error)}`, error)
    }
  }

  async #seal(segment: Segment): Promise<void> {
    segment.sealed = true
    await this.#saveIndex(segment)
  }

  #saveIndex(segment: Segment): Promise<void> {
    return this.#indexes.save(segment, () => this.#segments.includes(segment))
  }

  /** Cuts what a failed write may have left, so that the file ends with the last durable batch. */
  async #takeBack(active: Segment, error: unknown): Promise<StorageError> {
    const message = `Cannot write to "${active.path}": ${text(error)}`
    if (!isFull(error)) return new StorageError('failed', message, error)
    try {
      await active.file.truncate(active.size)
      return new StorageError('full', message, error)
    } catch (second) {
      return new StorageError('failed', `Cannot cut "${active.path}" after a full disk: ${text(second)}`, second)
    }
  }

  async #sync(active: Segment): Promise<void> {
    try {
      await active.file.datasync()
    } catch (error) {
      throw new StorageError('failed', `Cannot sync "${active.path}": ${text(error)}`, error)
    }
  }

  /** How many segments from the first on are past a limit. */
  #expired(now: number, { ms, bytes }: RetentionLimits): number {
    let total = this.#segments.reduce((sum, segment) => sum + segment.size, 0)
    for (const [i, segment] of this.#segments.entries()) {
      const isActive = i === this.#segments.length - 1
      const old = ms !== undefined && segment.maxTimestamp < now - ms
      const surplus = bytes !== undefined && total - segment.size >= bytes
      const deleted = segment.nextOffset <= this.#state.logStart
      if (!(isActive ? (old || deleted) && segment.size > 0 : old || surplus || deleted)) return i
      total -= segment.size
    }
    return this.#segments.length
  }

  async #removeFirst(): Promise<void> {
    const segment = this.#segments.shift()!
    await segment.file.close().catch(() => undefined)
    await this.#indexes.alone(() => this.#removeFiles(segment))
  }

  async #removeFiles(segment: Segment): Promise<void> {
    const { disk, directory, logger } = this.#place
    // The index goes first, durably: an index without its log is how a lost log is noticed.
    await disk.remove(indexPath(segment.path))
    await disk.syncDirectory(directory)
    await disk.remove(segment.path)
    const name = segment.path.slice(directory.length + 1)
    for (const other of await disk.list(directory)) {
      if (other.startsWith(`${name}.damaged-`)) await disk.remove(`${directory}/${other}`)
    }
    await disk.syncDirectory(directory)
    logger.info('Deleted segment past its retention', { file: segment.path, nextOffset: segment.nextOffset })
  }
}

const NOTHING = new Uint8Array(0)

/** What a slowly growing segment leaves to a scan. */
const INDEX_AGED_BYTES = 1024 * 1024

/** Whether an error says that there is no room; it goes away by itself when somebody makes some. */
export function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
