import type { Clock } from '../../../system/clock.ts'
import type { Logger } from '../../../system/logger.ts'
import { batchFault, decodeRecords, readBatchHeader } from '../../batch.ts'
import { BatchBuilder } from '../../client/batch-builder.ts'
import { Slabs } from '../../client/slabs.ts'
import type { Partition, Storage } from '../storage/storage.ts'
import { StorageError } from '../storage/storage.ts'
import { OFFSETS_TOPIC } from '../wire/topics.ts'
import type { Topics } from '../wire/topics.ts'
import { readRecord } from './group-records.ts'
import type { RawRecord, ReplayedRecord } from './group-records.ts'

/** One is enough: commits of all groups share its syncs, and a group's records are in order. */
const PARTITIONS = 1
/** Small segments, so that compaction keeps up with commits. */
const CONFIGS = { 'cleanup.policy': 'compact', 'segment.bytes': String(16 * 1024 * 1024) }

const BATCH_BYTES = 256 * 1024
const READ_BYTES = 1024 * 1024
/** What surrounds a record, and a batch. */
const AROUND_BYTES = 64
const UNSEQUENCED = { producerId: -1, producerEpoch: -1, baseSequence: -1 }

/** The internal topic of groups: appended to, and read from its start when the broker starts. */
export class OffsetsTopic {
  readonly #storage: Storage
  readonly #topics: Topics
  readonly #clock: Clock
  readonly #logger: Logger
  /** None is used again: the storage may keep what it was handed. */
  readonly #slabs = new Slabs(0)

  constructor(storage: Storage, topics: Topics, clock: Clock, logger: Logger) {
    this.#storage = storage
    this.#topics = topics
    this.#clock = clock
    this.#logger = logger
  }

  /** Resolves when they are durable; they are stored in the order of the calls. @throws StorageError */
  async append(records: readonly RawRecord[]): Promise<void> {
    const partition = this.#partition() ?? (await this.#create())
    const appends: Promise<unknown>[] = []
    for (let at = 0; at < records.length;) {
      const builder = new BatchBuilder(this.#slabs, expectedBytes(records, at))
      const timestamp = this.#clock.now()
      while (at < records.length && (builder.count === 0 || builder.size < BATCH_BYTES)) {
        builder.add({ ...records[at++]!, timestamp })
      }
      appends.push(partition.append(builder.finish(UNSEQUENCED, 'none')))
    }
    await Promise.all(appends)
  }

  /** Hands over everything that is stored, in order; what cannot be read is named in the log and left out. */
  async replay(apply: (record: ReplayedRecord) => void): Promise<void> {
    const partition = this.#partition()
    if (!partition) return
    let at = partition.startOffset
    while (at < partition.durableOffset) {
      const bytes = this.#read(partition, at)
      if (bytes === undefined || bytes.length === 0) return
      const next = this.#replayBatches(bytes, at, apply)
      if (next <= at) return
      at = next
      // Other clients are served meanwhile.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #read(partition: Partition, at: number): Uint8Array | undefined {
    try {
      return partition.read(Math.max(at, partition.startOffset), READ_BYTES)
    } catch (error) {
      this.#logger.error('Cannot read the offsets of groups: goes on with those before', { offset: at, error })
      return undefined
    }
  }

  /** Answers where to go on. */
  #replayBatches(bytes: Uint8Array, from: number, apply: (record: ReplayedRecord) => void): number {
    let next = from
    for (let at = 0; at < bytes.length;) {
      const header = readBatchHeader(bytes, at)
      next = Math.max(next, header.baseOffset + header.lastOffsetDelta + 1)
      try {
        const fault = batchFault(bytes, at)
        if (fault !== undefined) throw new StorageError('failed', fault)
        for (const record of header.control ? [] : decodeRecords(bytes, at)) this.#replayRecord(record, apply)
      } catch (error) {
        this.#logger.error('Cannot read offsets of groups: left out', { offset: header.baseOffset, error })
      }
      at += header.size
    }
    return next
  }

  #replayRecord(
    { key, value, offset }: { key: Uint8Array | null; value: Uint8Array | null; offset: number },
    apply: (record: ReplayedRecord) => void,
  ): void {
    try {
      const record = key === null ? undefined : readRecord(key, value)
      if (record) apply(record)
    } catch (error) {
      this.#logger.warn('Cannot read a record of groups: left out', { offset, error })
    }
  }

  #partition(): Partition | undefined {
    return this.#storage.partition(OFFSETS_TOPIC, 0)
  }

  async #create(): Promise<Partition> {
    if (!this.#storage.topic(OFFSETS_TOPIC)) await this.#topics.create(OFFSETS_TOPIC, PARTITIONS, CONFIGS)
    const partition = this.#partition()
    if (partition) return partition
    throw new StorageError('failed', `Cannot store in topic "${OFFSETS_TOPIC}": its partition could not be opened`)
  }
}

/** Bytes of the batch of the records from `first`, about. */
function expectedBytes(records: readonly RawRecord[], first: number): number {
  let bytes = AROUND_BYTES
  for (let at = first; at < records.length && bytes < BATCH_BYTES; at++) {
    const { key, value } = records[at]!
    bytes += AROUND_BYTES + key.length + (value?.length ?? 0)
  }
  return bytes
}
