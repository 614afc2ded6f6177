import type { Clock, Timer } from '../../system/clock.ts'
import { systemRandom } from '../../system/random.ts'
import type { Random } from '../../system/random.ts'
import type { GroupDriver } from '../group/driver.ts'
import { DriverGroups } from '../group/driver-groups.ts'
import type { ConsumedBatch, ConsumeOptions, GroupDescription, GroupOptions, Membership } from '../groups.ts'
import { LogError } from '../log.ts'
import type {
  Appended,
  Log,
  LogState,
  NewRecord,
  PartitionEnds,
  Position,
  ReadBatch,
  ReadOptions,
  TopicDescription,
  TopicSpec,
} from '../log.ts'
import { partitionOf } from '../partitioner.ts'
import {
  checkRecords,
  cleanupError,
  closedError,
  MAX_PENDING_BYTES,
  MAX_RECORD_BYTES,
  mismatchError,
  overrunError,
  recordBytes,
  unknownTopicError,
} from '../refusals.ts'
import { MemoryCoordinator } from './memory-coordinator.ts'
import { MemoryReading } from './memory-reading.ts'
import { MemoryStore, MemoryTopic } from './memory-store.ts'
import type { MemoryPartition } from './memory-store.ts'

export interface MemoryLogOptions {
  readonly clock: Clock
  /** Spreads what is tried again. Default: the machine's own. */
  readonly random?: Random
  /** Where the records live; a log opened on the store of a crashed one sees what had been flushed. */
  readonly store?: MemoryStore
  /**
   * Whether appends become durable by themselves, after `flushMs`. Default true; false: only `flush()` makes them
   * durable, so a test decides what a crash loses.
   */
  readonly autoFlush?: boolean
  /** How long an append takes to become durable; default 0: at once. */
  readonly flushMs?: number
  readonly maxPendingBytes?: number
  readonly maxRecordBytes?: number
}

/** The log in memory, for tests and the simulator: the same contract, and it can lose what was not flushed. */
export class MemoryLog implements Log {
  readonly #options: MemoryLogOptions
  readonly #store: MemoryStore
  readonly #unflushed: Waiting[] = []
  readonly #touched = new Set<MemoryPartition>()
  #pendingBytes = 0
  #flushTimer: Timer | undefined
  #keyless = 0
  #refusal: LogError | undefined
  #closed = false
  #roomWaiters: (() => void)[] = []
  readonly #groups: DriverGroups
  #hanging = false

  constructor(options: MemoryLogOptions) {
    this.#options = options
    this.#store = options.store ?? new MemoryStore()
    this.#groups = new DriverGroups(this.#driver())
  }

  async ensure(topics: readonly TopicSpec[]): Promise<void> {
    if (this.#closed) throw closedError('ensure topics')
    for (const spec of topics) {
      const existing = this.#store.topics.get(spec.name)
      if (existing && existing.partitions.length !== spec.partitions) {
        throw mismatchError(spec.name, existing.partitions.length, spec.partitions)
      }
      const cleanup = existing?.spec.cleanup ?? 'delete'
      if (existing && spec.cleanup && spec.cleanup !== cleanup) throw cleanupError(spec.name, cleanup, spec.cleanup)
    }
    for (const spec of topics) {
      if (!this.#store.topics.has(spec.name)) this.#store.topics.set(spec.name, new MemoryTopic(spec))
    }
  }

  append(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    try {
      const appended = this.#take(topic, records)
      const { promise, resolve, reject } = Promise.withResolvers<readonly Appended[]>()
      this.#unflushed.push({ settle: () => resolve(appended), reject })
      this.#scheduleFlush()
      return promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async ready(): Promise<void> {
    while (this.#pendingBytes >= this.#maxPendingBytes && !this.#closed) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve))
    }
    if (this.#closed) throw closedError('wait for room')
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    if (this.#closed) throw closedError(`ask for the ends of "${topic}"`)
    return this.#topic('ask for the ends of', topic).partitions.map(({ start, durableEnd }, partition) => ({
      partition,
      start,
      end: durableEnd,
    }))
  }

  async offsetsAt(topic: string, time: number): Promise<readonly Position[]> {
    if (this.#closed) throw closedError(`ask for the offsets of a time in "${topic}"`)
    const { partitions } = this.#topic('ask for the offsets of a time in', topic)
    return partitions.map((stored, partition) => ({ topic, partition, offset: stored.offsetAt(time) }))
  }

  async *read(positions: readonly Position[], options: ReadOptions): AsyncGenerator<ReadBatch> {
    if (positions.length === 0) return
    const reading = this.#reading(options)
    reading.add(positions)
    yield* reading.batches()
  }

  join(options: GroupOptions): Membership {
    return this.#groups.join(options)
  }

  consume(options: ConsumeOptions): AsyncIterable<ConsumedBatch> {
    return this.#groups.consume(options)
  }

  committed(group: string, topics: readonly string[]): Promise<readonly Position[]> {
    return this.#groups.committed(group, topics)
  }

  async groups(): Promise<readonly GroupDescription[]> {
    if (this.#closed) throw closedError('list groups')
    const groups = [...this.#store.groups].map(([group, one]) => ({ group, ...one.describe() }))
    return groups.sort((a, b) => (a.group < b.group ? -1 : 1))
  }

  async topics(): Promise<readonly TopicDescription[]> {
    if (this.#closed) throw closedError('list topics')
    return [...this.#store.topics.values()].map(({ spec }) => ({ name: spec.name, partitions: spec.partitions }))
  }

  state(): LogState {
    const lastError = this.#refusal
    return { connected: !this.#closed, pendingBytes: this.#pendingBytes, ...(lastError && { lastError }) }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    if (!this.#refusal) this.flush()
    this.#end(closedError('append'))
    await this.#groups.close(closedError('stay in a group'))
  }

  /** Makes everything appended so far durable, now: its appends resolve, readers see it. */
  flush(): void {
    this.#flushTimer?.cancel()
    this.#flushTimer = undefined
    for (const partition of this.#touched) partition.makeDurable()
    this.#touched.clear()
    this.#pendingBytes = 0
    for (const { settle } of this.#unflushed.splice(0)) settle()
    this.#store.wake()
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
  }

  /** Power cut: what was not flushed is gone, its appends reject, and this log is closed. The store lives on. */
  crash(): void {
    for (const partition of this.#touched) partition.loseVolatile()
    this.#touched.clear()
    const message = 'Cannot append: the log crashed before the records were durable, want it reopened'
    this.#end(new LogError('LOG_UNAVAILABLE', message, { retriable: true }))
    // Who crashes does not say goodbye: its groups hear nothing more of it.
    this.#hanging = true
    void this.#groups.close(closedError('stay in a group'))
  }

  /** Every append is refused with this error (for example `LOG_FULL`) until it is called with undefined. */
  refuse(error: LogError | undefined): void {
    this.#refusal = error
  }

  /** What retention does: records of a partition before `offset` are gone. */
  trim(topic: string, partition: number, offset: number): void {
    this.#partition('trim', topic, partition).trim(offset)
  }

  /** The coordinator of groups answers this log no more, until it is called with false. */
  hang(hanging: boolean): void {
    this.#hanging = hanging
  }

  #take(topic: string, records: readonly NewRecord[]): Appended[] {
    if (this.#closed) throw closedError(`append to "${topic}"`)
    if (this.#refusal) throw this.#refusal
    const { partitions } = this.#topic('append to', topic)
    checkRecords(topic, records, this.#options.maxRecordBytes ?? MAX_RECORD_BYTES)
    if (this.#pendingBytes >= 2 * this.#maxPendingBytes) {
      throw overrunError(topic, this.#pendingBytes, 2 * this.#maxPendingBytes)
    }
    const counts = new Map<number, number>()
    const keyless = this.#keyless++ % partitions.length
    for (const record of records) {
      const index = record.key === null ? keyless : partitionOf(record.key, partitions.length)
      partitions[index]!.add(record)
      this.#touched.add(partitions[index]!)
      this.#pendingBytes += recordBytes(record)
      counts.set(index, (counts.get(index) ?? 0) + 1)
    }
    return [...counts].map(([partition, count]) => ({ partition, nextOffset: partitions[partition]!.end, count }))
  }

  #scheduleFlush(): void {
    if (this.#options.autoFlush === false || this.#flushTimer) return
    const flushMs = this.#options.flushMs ?? 0
    if (flushMs === 0) this.flush()
    else this.#flushTimer = this.#options.clock.after(flushMs, () => this.flush())
  }

  #reading(options: ReadOptions): MemoryReading {
    return new MemoryReading({
      ...options,
      store: this.#store,
      find: (topic, partition) => this.#partition('read', topic, partition),
      closed: () => (this.#closed ? closedError('read') : undefined),
    })
  }

  #topic(action: string, name: string): MemoryTopic {
    const topic = this.#store.topics.get(name)
    if (!topic) throw unknownTopicError(action, name)
    return topic
  }

  #partition(action: string, topic: string, partition: number): MemoryPartition {
    const found = this.#topic(action, topic).partitions[partition]
    if (!found) throw unknownTopicError(action, `${topic}/${partition}`)
    return found
  }

  #driver(): GroupDriver {
    return {
      system: { clock: this.#options.clock, random: this.#options.random ?? systemRandom },
      coordinator: (group, timing) =>
        new MemoryCoordinator(this.#store.group(group, this.#options.clock), timing, {
          clock: this.#options.clock,
          hangs: () => this.#hanging,
        }),
      partitions: async (topics) => {
        const known = await this.topics()
        return new Map(
          known.filter(({ name }) => topics.includes(name)).map(({ name, partitions }) => [name, partitions]),
        )
      },
      ends: (topic) => this.ends(topic),
      reading: (options) => this.#reading(options),
    }
  }

  #end(error: LogError): void {
    this.#closed = true
    this.#pendingBytes = 0
    this.#flushTimer?.cancel()
    for (const { reject } of this.#unflushed.splice(0)) reject(error)
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
    this.#store.wake()
  }

  get #maxPendingBytes(): number {
    return this.#options.maxPendingBytes ?? MAX_PENDING_BYTES
  }
}

interface Waiting {
  readonly settle: () => void
  readonly reject: (error: LogError) => void
}
