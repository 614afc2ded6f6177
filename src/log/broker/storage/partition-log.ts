import type { Timer } from '../../../system/clock.ts'
import { BATCH, readBatchHeader } from '../../batch.ts'
import { Turns, compactPartition } from './compact-partition.ts'
import type { Place } from './place.ts'
import type { ProducerTable, Undo } from './producers.ts'
import { isFull } from './segment-chain.ts'
import type { SegmentChain } from './segment-chain.ts'
import type { StoredBatch } from './segment.ts'
import { stampBatches } from './stamp.ts'
import { StorageError } from './storage.ts'
import type { AppendedBatches, Partition, ProducerStates, TimedOffset } from './storage.ts'
import { Waiters } from './waiters.ts'

/** First wait before a failed partition is verified from disk; doubles up to the longest. */
const VERIFY_AFTER_MS = 1000
const VERIFY_AFTER_AT_MOST_MS = 30_000

/** How long a silent producer is known: Kafka's `producer.id.expiration.ms`. */
export const PRODUCER_MS = 86_400_000

interface Pending {
  readonly bytes: Uint8Array
  readonly batches: readonly StoredBatch[]
  readonly undo: readonly Undo[]
  readonly appended: AppendedBatches
  readonly outcome: PromiseWithResolvers<AppendedBatches>
}

/**
 * One partition: gives out offsets, commits appends in groups, and lets readers see what is durable.
 *
 * Everything that writes runs in one loop, one step at a time. What arrives meanwhile waits in `#queue` and goes
 * together in the next step, so a slow sync makes larger groups instead of a longer line. The queue is bounded by
 * what callers keep in flight. When a group cannot be stored, everything behind it is refused as well: a producer that
 * pipelines never sees a later batch stored and an earlier one not.
 */
export class PartitionLog implements Partition {
  readonly producers: ProducerStates
  readonly #place: Place
  readonly #chain: SegmentChain
  readonly #table: ProducerTable
  readonly #waiters = new Waiters()
  #state: 'open' | 'failed' | 'closed' = 'open'
  #reason = ''
  #queue: Pending[] = []
  #group: readonly Pending[] = []
  #tasks: (() => Promise<void>)[] = []
  #working = false
  #endOffset: number
  #durableOffset: number
  #verifyAfterMs = VERIFY_AFTER_MS
  /** Appends refused for want of room since the last one that was stored. */
  #refusals = 0
  /** What changes sealed segments: one after the other, beside the appends. */
  #maintenance: Promise<unknown> = Promise.resolve()
  readonly #ended = new AbortController()
  #syncTimer: Timer | undefined
  #verifyTimer: Timer | undefined

  constructor(place: Place, chain: SegmentChain, table: ProducerTable, endOffset: number) {
    this.#place = place
    this.#chain = chain
    this.#table = table
    this.#endOffset = endOffset
    this.#durableOffset = endOffset
    this.producers = {
      check: (batch) => table.check(batch, this.#durableOffset),
      active: () => table.active(this.#durableOffset),
    }
  }

  get startOffset(): number {
    return this.#chain.startOffset ?? this.#durableOffset
  }

  get endOffset(): number {
    return this.#endOffset
  }

  get durableOffset(): number {
    return this.#durableOffset
  }

  append(batches: Uint8Array): Promise<AppendedBatches> {
    if (this.#state !== 'open') return Promise.reject(this.#refusal())
    const repeated = this.#inFlight(batches)
    if (repeated !== undefined) return repeated.outcome.promise
    const baseOffset = this.#endOffset
    const stamped = stampBatches(batches, baseOffset)
    const nextOffset = stamped.at(-1)?.nextOffset ?? baseOffset
    const undo = this.#noteProducers(batches)
    const outcome = Promise.withResolvers<AppendedBatches>()
    this.#endOffset = nextOffset
    this.#queue.push({ bytes: batches, batches: stamped, undo, appended: { baseOffset, nextOffset }, outcome })
    this.#run()
    return outcome.promise
  }

  read(offset: number, maxBytes: number): Uint8Array {
    if (this.#state === 'closed') throw this.#refusal()
    if (offset < this.startOffset || offset > this.#endOffset) {
      const range = `${this.startOffset} to ${this.#endOffset}`
      throw new StorageError('out-of-range', `Cannot read ${this.#name()}: offset is ${offset}, want ${range}`)
    }
    if (offset >= this.#durableOffset) return NOTHING
    return this.#guarded(() => this.#chain.read(offset, maxBytes))
  }

  offsetForTime(timestamp: number): TimedOffset | undefined {
    if (this.#state === 'closed') throw this.#refusal()
    return this.#guarded(() => this.#chain.findTime(timestamp))
  }

  latestRecord(): TimedOffset | undefined {
    if (this.#state === 'closed') throw this.#refusal()
    return this.#guarded(() => this.#chain.findTime(this.#chain.maxTimestamp))
  }

  async deleteRecords(before: number): Promise<number> {
    if (this.#state === 'closed') throw this.#refusal()
    if (!(before >= 0 && before <= this.#durableOffset)) {
      const message = `Cannot delete records of ${this.#name()}: offset is ${before}, want 0 to ${this.#durableOffset}`
      throw new StorageError('out-of-range', message)
    }
    if (before <= this.startOffset) return this.startOffset
    try {
      await this.#chain.setState((state) => ({ ...state, logStart: Math.max(state.logStart, before) }))
    } catch (error) {
      const kind = isFull(error) ? 'full' : 'failed'
      throw new StorageError(kind, `Cannot delete records of ${this.#name()}`, error)
    }
    // Nobody waits for the files: their records are gone.
    void this.#maintain(() => this.#exclusive(() => this.#chain.retain(0, {}))).catch(this.#maintenanceFailed)
    return this.startOffset
  }

  get bytes(): number {
    return this.#chain.bytes
  }

  waitBeyond(offset: number, signal: AbortSignal): Promise<void> {
    if (this.#durableOffset > offset || this.#state === 'closed') return Promise.resolve()
    return this.#waiters.wait(offset, signal)
  }

  /** Starts a new segment where the active one is old, deletes segments past the limits, and forgets silent producers. */
  async retain(now: number): Promise<void> {
    if (this.#state !== 'open') return
    this.#table.expire(now - PRODUCER_MS)
    await this.#maintain(async () => {
      await this.#exclusive(() => this.#chain.rollAged(now))
      await this.#exclusive(() => this.#chain.retain(now, this.#place.settings().retention))
    }).catch(this.#maintenanceFailed)
    if (this.#chain.agesBeyondIndex) this.#place.indexes.add(this)
  }

  /** As the queue of indexes asks for it. */
  async saveIndex(): Promise<void> {
    if (this.#state !== 'open') return
    if (this.#place.sync.mode === 'ack') return this.#chain.saveActiveIndex()
    // What was only written must not be in an index: a power cut would leave an index of records that are not there.
    let saved: Promise<void> | undefined
    await this.#exclusive(async () => {
      if (this.#state !== 'open') return
      await this.#chain.sync()
      if (this.#state === 'open') saved = this.#chain.saveActiveIndex()
    }).catch((error: unknown) => this.#refuse(error))
    await saved
  }

  /** Compacts what is worth it, beside the appends, until `signal` aborts or the log is closed. */
  async compact(now: number, signal?: AbortSignal): Promise<void> {
    const settings = this.#place.settings().compaction
    if (this.#state !== 'open' || settings === undefined) return
    const ended = signal === undefined ? this.#ended.signal : AbortSignal.any([this.#ended.signal, signal])
    await this.#maintain(async () => {
      await this.#exclusive(() => this.#chain.rollAged(now))
      const turns = new Turns(this.#place.clock, ended)
      await compactPartition({ place: this.#place, chain: this.#chain, producers: this.#table, settings, now, turns })
    }).catch((error: unknown) => {
      if (!ended.aborted) this.#maintenanceFailed(error)
    })
  }

  /** Takes no more appends, stores what was handed in, and closes the files. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const wasOpen = this.#state === 'open'
    this.#reason = 'the log is closed'
    this.#state = 'closed'
    this.#syncTimer?.cancel()
    this.#verifyTimer?.cancel()
    this.#ended.abort()
    await this.#maintenance
    const clean = await this.#exclusive(() => this.#chain.sync()).then(
      () => wasOpen,
      () => false,
    )
    await this.#chain.close(clean)
    this.#waiters.wake(Infinity)
  }

  /** A repeat of a batch that is still on its way to the disk shares the fate of the first copy. */
  #inFlight(bytes: Uint8Array): Pending | undefined {
    if (bytes.length < BATCH.records) return undefined
    const header = readBatchHeader(bytes)
    if (header.producerId < 0n || header.size !== bytes.length) return undefined
    const offset = this.#table.repeated(header)
    if (offset === undefined) return undefined
    return [...this.#group, ...this.#queue].find(({ batches }) => batches.some((batch) => batch.baseOffset === offset))
  }

  #noteProducers(bytes: Uint8Array): Undo[] {
    const undo: Undo[] = []
    for (let at = 0; at < bytes.length;) {
      const header = readBatchHeader(bytes, at)
      if (header.producerId >= 0n) undo.push(this.#table.note(header, header.baseOffset, this.#place.clock.now()))
      at += header.size
    }
    return undo
  }

  #maintain(task: () => Promise<void>): Promise<void> {
    const before = this.#maintenance
    const done = (async () => {
      await before
      if (this.#state === 'closed') return
      await this.#chain.finishSwap()
      await task()
    })()
    this.#maintenance = done.catch(() => undefined)
    return done
  }

  readonly #maintenanceFailed = (error: unknown) => {
    if (error instanceof StorageError) this.#refuse(error)
    else this.#place.logger.warn('Cannot tidy up old segments, tries again later', { partition: this.#name(), error })
  }

  #exclusive(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject))
      this.#run()
    })
  }

  #run(): void {
    if (this.#working) return
    this.#working = true
    void this.#work()
  }

  async #work(): Promise<void> {
    // All that arrives in this turn of the event loop goes with the first group.
    await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      if (this.#queue.length > 0) await this.#commit()
      else if (this.#tasks.length > 0) await this.#tasks.shift()!()
      else break
    }
    this.#working = false
  }

  async #commit(): Promise<void> {
    const group = this.#takeGroup()
    this.#group = group
    try {
      const parts = group.map((pending) => pending.bytes)
      const batches = group.flatMap((pending) => pending.batches)
      if (batches.length > 0) await this.#chain.write(parts, batches, this.#place.sync.mode === 'ack')
    } catch (error) {
      return this.#refuse(error)
    }
    this.#group = []
    this.#durableOffset = group.at(-1)!.appended.nextOffset
    if (this.#refusals > 0) this.#tellRoom()
    for (const { outcome, appended } of group) outcome.resolve(appended)
    this.#waiters.wake(this.#durableOffset)
    if (this.#chain.outgrowsIndex) this.#place.indexes.add(this)
    this.#syncLater()
  }

  /** As many appends as the active segment takes, at least one. */
  #takeGroup(): Pending[] {
    const room = this.#chain.room
    let bytes = this.#queue[0]!.bytes.length
    let count = 1
    while (count < this.#queue.length && bytes + this.#queue[count]!.bytes.length <= room) {
      bytes += this.#queue[count]!.bytes.length
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** Refuses all that is not durable and takes back what it had changed; offsets are given out again from there. */
  #refuse(cause: unknown): void {
    const error =
      cause instanceof StorageError ? cause : new StorageError('failed', `Cannot store in ${this.#name()}`, cause)
    const refused = [...this.#group, ...this.#queue]
    this.#group = []
    this.#queue = []
    this.#endOffset = this.#durableOffset
    for (const { undo } of refused.toReversed()) for (const takeBack of undo.toReversed()) takeBack()
    if (error.kind === 'failed') this.#stop(error)
    else this.#tellFull(error, refused.length)
    for (const { outcome } of refused) outcome.reject(error)
  }

  /** Producers try again and again: the log says it once. */
  #tellFull(error: Error, appends: number): void {
    const { logger } = this.#place
    if (this.#refusals === 0) logger.warn('Refuses appends until there is room', { partition: this.#name(), error })
    this.#refusals += appends
  }

  #tellRoom(): void {
    this.#place.logger.warn('Stores again', { partition: this.#name(), refusedAppends: this.#refusals })
    this.#refusals = 0
  }

  #stop(error: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'failed'
    this.#reason = error.message
    this.#place.logger.error('Stopped taking appends until verified', { partition: this.#name(), error })
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
    this.#verifyTimer = this.#place.clock.after(this.#verifyAfterMs, () => {
      void this.#exclusive(() => this.#verify())
    })
    this.#verifyAfterMs = Math.min(this.#verifyAfterMs * 2, VERIFY_AFTER_AT_MOST_MS)
  }

  async #verify(): Promise<void> {
    if (this.#state !== 'failed') return
    try {
      await this.#chain.verify()
    } catch (error) {
      return this.#stop(new StorageError('failed', `Cannot verify ${this.#name()}`, error))
    }
    this.#state = 'open'
    this.#verifyAfterMs = VERIFY_AFTER_MS
    this.#place.logger.info('Verified from disk, taking appends again', { partition: this.#name() })
  }

  #syncLater(): void {
    const { sync, clock } = this.#place
    if (sync.mode === 'ack' || this.#syncTimer !== undefined || this.#state !== 'open') return
    this.#syncTimer = clock.after(sync.intervalMs, () => {
      this.#syncTimer = undefined
      void this.#exclusive(() => this.#chain.sync()).catch((error: unknown) => this.#refuse(error))
    })
  }

  #guarded<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw new StorageError('failed', `Cannot read ${this.#name()}`, error)
    }
  }

  #refusal(): StorageError {
    const kind = this.#state === 'closed' ? 'closed' : 'failed'
    return new StorageError(kind, `Cannot use ${this.#name()}: ${this.#reason}`)
  }

  #name(): string {
    return `partition "${this.#place.topic}-${this.#place.partition}"`
  }
}

const NOTHING = new Uint8Array(0)
