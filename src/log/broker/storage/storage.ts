/**
 * What the embedded broker's protocol half (`wire/`) asks of its storage half (this folder). Batches are RecordBatch
 * v2 bytes, stored verbatim but for the base offset (and partition leader epoch), which the storage assigns; neither
 * is covered by the batch's CRC.
 */
export interface Storage {
  /** Opens the data directory: takes its lock, recovers every partition, removes leftovers. */
  open(): Promise<RecoveryReport>
  topics(): ReadonlyMap<string, StoredTopic>
  topic(name: string): StoredTopic | undefined
  /** Durable when it resolves (files, then directories). */
  createTopic(name: string, options: StoredTopicOptions): Promise<StoredTopic>
  /**
   * Removes a topic with all it holds. Durable when it resolves: a crash before that leaves it whole or gone, and the
   * next start removes what is left of it. A topic of the same name may be created as soon as this has resolved.
   * Fine where there is no such topic.
   */
  deleteTopic(name: string): Promise<void>
  /**
   * Gives a topic more partitions, `count` of them in all. Durable when it resolves; a crash leaves the old number or
   * the new one.
   * @throws StorageError `failed`, `full`; RangeError where `count` is fewer than there are
   */
  addPartitions(name: string, count: number): Promise<StoredTopic>
  /** Replaces the configs of a topic, all of them. Durable when it resolves; in force from then on. @throws StorageError */
  alterTopic(name: string, configs: StoredTopicOptions['configs']): Promise<StoredTopic>
  partition(topic: string, partition: number): Partition | undefined
  /** Deletes segments that retention has passed. Called every minute, and by tests. */
  retain(now: number): Promise<void>
  /**
   * Compacts the topics whose policy says so and that are dirty enough: of every key the latest record stays, with its
   * offset. Works in slices and lets others have their turn between them. Called every few seconds, and by tests.
   * @param signal ends the work early; what was not finished is done by a later call
   */
  compact(now: number, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

export interface StoredTopicOptions {
  readonly partitions: number
  /** Kafka's topic configs by their Kafka names (`retention.ms`, `cleanup.policy`, ...). */
  readonly configs: { readonly [name: string]: string }
}

export interface StoredTopic extends StoredTopicOptions {
  readonly name: string
  /** Kafka topic id, 16 bytes. */
  readonly id: Uint8Array
}

export interface Partition {
  readonly startOffset: number
  /** The offset that the next record gets. */
  readonly endOffset: number
  /** One past the last record that is durable: readers see no further (Kafka's high watermark). */
  readonly durableOffset: number
  /**
   * Appends batches whose CRC, magic and counts the caller has checked. Resolves after fdatasync (group commit: all
   * appends that arrive during one sync share the next). Offsets are assigned in the order of the calls, in the bytes
   * that were handed in: the caller neither changes nor reuses them. A single batch that repeats one which is still on
   * its way to the disk is not stored twice: both calls answer with, or fail as, the first.
   * @throws StorageError: `full` (ENOSPC, EDQUOT; it resumes by itself when there is room) or `failed` (EIO and the
   * like: the partition takes no more appends until it has been verified from disk; reads go on).
   */
  append(batches: Uint8Array): Promise<AppendedBatches>
  /**
   * Whole batches from the one that holds `offset`, up to `durableOffset`, at least one batch even if larger than
   * `maxBytes`. Empty at the end. The bytes are the caller's own.
   * @throws StorageError `out-of-range`
   */
  read(offset: number, maxBytes: number): Uint8Array
  /**
   * The first record whose timestamp is at or after `timestamp`; undefined where there is none. Where its batch cannot
   * be unfolded, the batch's base offset and latest time: never too late.
   */
  offsetForTime(timestamp: number): TimedOffset | undefined
  /** The first of the records with the latest timestamp; undefined where there are no records. */
  latestRecord(): TimedOffset | undefined
  /**
   * Removes the records below an offset: from now on the log begins there, also after a restart. Files are removed as
   * far as nothing else is in them. Answers the new start, which never goes back.
   * @throws StorageError `out-of-range` beyond `durableOffset`, `full`, `failed`
   */
  deleteRecords(before: number): Promise<number>
  /** Bytes of its files. */
  readonly bytes: number
  /** Resolves with the abort, or when `durableOffset` has passed `offset`: the long poll. */
  waitBeyond(offset: number, signal: AbortSignal): Promise<void>
  /** Sequence state of idempotent producers, kept by the storage because it is recovered from the batches. */
  readonly producers: ProducerStates
}

/** A record's place, and its time in ms since the epoch. */
export interface TimedOffset {
  readonly offset: number
  readonly timestamp: number
}

export interface AppendedBatches {
  readonly baseOffset: number
  readonly nextOffset: number
}

export interface ProducerStates {
  /**
   * `accept`: append it. `duplicate`: already stored; answer its offset again. Otherwise an error of the protocol.
   * Kafka keeps the last five batches per producer (KIP-98), and so do we. A producer that is not known (any more) may
   * go on with any sequence (KIP-360): its state expires, and goes with the records that held it.
   */
  check(batch: ProducerBatch): { accept: true } | { duplicate: number } | { error: 'out-of-order' | 'fenced' }
  /** Those whose batches are durable. */
  active(): readonly ActiveProducer[]
}

/** What is known of one producer in a partition. */
export interface ActiveProducer {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly lastSequence: number
  /** ms since the epoch, of the last batch. */
  readonly lastTimestamp: number
}

export interface ProducerBatch {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export interface RecoveryReport {
  readonly partitions: number
  readonly bytes: number
  readonly ms: number
  readonly damage: readonly Damage[]
}

/** Bytes that were not what was written: set aside in a file of their own, the rest is served. */
export interface Damage {
  readonly topic: string
  readonly partition: number
  readonly file: string
  readonly position: number
  readonly bytes: number
  readonly reason: string
  /** Where the bytes were put. */
  readonly setAside?: string
}

export class StorageError extends Error {
  readonly kind: 'full' | 'failed' | 'out-of-range' | 'locked' | 'too-large' | 'closed'
  /** `STORAGE_` and the kind, for the table of errors. */
  readonly code: string

  constructor(kind: StorageError['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StorageError'
    this.kind = kind
    this.code = `STORAGE_${kind.toUpperCase().replaceAll('-', '_')}`
  }
}
