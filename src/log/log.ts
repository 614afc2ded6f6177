import type { GroupDescription, Groups } from './groups.ts'

/**
 * The log as everything above this folder sees it. It is Kafka's model, no more: topics of partitions of records in
 * order, by offset. Drivers: `client/` (the Kafka protocol, for the embedded broker and Apache Kafka alike) and
 * `memory/` (tests, simulator). One conformance suite, `conformance.ts`, runs on every driver.
 */
export interface Log extends Groups {
  /**
   * Creates the topics that are missing. Called before the first append or read of a topic.
   * @throws LogError `TOPIC_MISMATCH` where a topic exists with other partitions or another cleanup policy than a spec
   * demands; `LOG_REPLICATION` where it wants more copies than there are brokers; `LOG_REFUSED`.
   */
  ensure(topics: readonly TopicSpec[]): Promise<void>

  /**
   * Appends records to a topic, each to the partition of its key (murmur2, as Kafka's own clients; without a key:
   * partition by partition). Resolves when **all** of them are durable; rejects when the log refused any of them, and
   * then none may be taken as durable. Records of one key are stored in the order of the calls, whether or not the
   * caller awaited: callers pipeline. Values and keys are copied before the call returns.
   * @throws LogError `LOG_CLOSED`, `LOG_FULL` (disk), `LOG_UNAVAILABLE` (delivery timed out), `RECORD_TOO_LARGE`,
   * `BAD_TIMESTAMP` (not a number), `TOPIC_UNKNOWN` (not ensured), `APPEND_OVERRUN` (the caller did not await `ready`).
   */
  append(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]>

  /** Resolves when the driver has room again; callers await it before they hand over more (back-pressure). */
  ready(): Promise<void>

  /**
   * First offset still there and the offset the next record will get, for each partition.
   * @throws LogError `TOPIC_UNKNOWN`, `LOG_UNAVAILABLE`, `LOG_CLOSED`.
   */
  ends(topic: string): Promise<readonly PartitionEnds[]>

  /**
   * Where each partition holds its first record at or after a time (ms since the epoch, the records' timestamps); the
   * end where there is none.
   * @throws as `ends`.
   */
  offsetsAt(topic: string, time: number): Promise<readonly Position[]>

  /**
   * Reads from positions, in order within a partition, long-polling at the end. A position below the first offset
   * continues at the first (retention), and the batch says so with `skipped`. Ends when the signal aborts; a log that
   * cannot be reached is waited for, for ever.
   * @throws LogError `CORRUPT_BATCH` and the other codes of `decodeRecords` (nothing of the batch was handed out),
   * `OFFSET_BEYOND_END` where a position lies beyond the end, `TOPIC_UNKNOWN`, `LOG_CLOSED`.
   */
  read(positions: readonly Position[], options: ReadOptions): AsyncIterable<ReadBatch>

  /** Names of the topics that exist. */
  topics(): Promise<readonly TopicDescription[]>

  /** The groups that the log's coordinators know, by name, with what they have committed of any topic. */
  groups(): Promise<readonly GroupDescription[]>

  /** How the driver fares right now; cheap, for health pages. */
  state(): LogState

  /** Waits for what is in flight (bounded by 10 s), then closes: what is left, and every later call, gets `LOG_CLOSED`. */
  close(): Promise<void>
}

export interface LogState {
  /** Whether the log answered last time it was asked. */
  readonly connected: boolean
  /** Bytes handed over that are not durable yet. */
  readonly pendingBytes: number
  /** What holds appends up right now (a full disk, no connection); absent while all is well. */
  readonly lastError?: LogError
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly retention?: Retention
  readonly cleanup?: 'delete' | 'compact'
  /** Copies of each partition that a new topic gets; absent: the cluster's default. The embedded log has one. */
  readonly replication?: number
  /** Copies that must have a record before its append is durable; absent: the cluster's default. */
  readonly minInSync?: number
}

/** Undefined: without that limit. */
export interface Retention {
  readonly ms?: number
  /** A partition. */
  readonly bytes?: number
}

export interface TopicDescription {
  readonly name: string
  readonly partitions: number
}

export interface NewRecord {
  readonly key: string | Uint8Array | null
  readonly value: string | Uint8Array | null
  readonly headers?: readonly Header[]
  /** ms since the epoch; Kafka's timestamp, which is the received time. Fractions are cut. */
  readonly timestamp: number
}

export type Header = readonly [name: string, value: string | Uint8Array]

/** Where records came to lie: `count` of them in this partition, the last one just below `nextOffset`. */
export interface Appended {
  readonly partition: number
  readonly nextOffset: number
  readonly count: number
}

export interface PartitionEnds {
  readonly partition: number
  readonly start: number
  readonly end: number
}

export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface ReadOptions {
  readonly signal: AbortSignal
  /** Most bytes a fetch answers per partition; default 1 MiB. */
  readonly maxBytes?: number
  /**
   * Most records of one batch that is handed out. Then what a fetch brought becomes objects a few at a time, so a reader
   * who lets go of each batch never holds many; and the bytes of a batch are gone when the next one is asked for.
   * Default: all that a fetch brought of a partition, and its bytes stay.
   */
  readonly lotRecords?: number
  /** Stop when every position has reached the end it had at the start, instead of waiting for more. */
  readonly untilEnd?: boolean
}

export interface ReadBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly StoredRecord[]
  /** Where to go on: one past the last record of this batch, also where trailing records were control records. */
  readonly nextOffset: number
  /** Offsets that retention removed before they could be read here. */
  readonly skipped: number
  /** There are more records of this partition at hand: they were fetched together, and come without a wait. */
  readonly more?: boolean
}

export interface StoredRecord {
  readonly offset: number
  readonly timestamp: number
  /** A view of the fetched bytes: copy what outlives the batch. */
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[]
}

/** A fault of the log. `retriable`: the same call may succeed later. */
export class LogError extends Error {
  readonly code: string
  readonly retriable: boolean

  constructor(code: string, message: string, options: { retriable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.name = 'LogError'
    this.code = code
    this.retriable = options.retriable
  }
}
