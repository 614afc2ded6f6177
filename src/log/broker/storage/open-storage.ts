import type { Clock } from '../../../system/clock.ts'
import type { Disk } from '../../../system/disk.ts'
import type { Logger } from '../../../system/logger.ts'
import { takeLock } from './lock.ts'
import type { DirectoryLock } from './lock.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Place, SyncMode } from './place.ts'
import { recoverPartition } from './recover-partition.ts'
import type { RetentionLimits } from './segment-chain.ts'
import { isFull } from './segment-chain.ts'
import { StorageError } from './storage.ts'
import type { Damage, Partition, RecoveryReport, Storage, StoredTopic, StoredTopicOptions } from './storage.ts'
import { partitionDirectory, readTopics, writeTopic } from './topic-files.ts'

export interface StorageOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** `ack`: an append resolves after its sync. `interval`: a power cut may lose the last `intervalMs`. */
  readonly sync: SyncMode
  /** A segment beyond this many bytes is followed by another, unless its topic sets `segment.bytes`; default 128 MiB. */
  readonly segmentBytes?: number
  /** Told of every damage when it is found: at the start (where the report lists it too) and while reading. */
  readonly onDamage?: (damage: Damage) => void
}

const SEGMENT_BYTES = 128 * 1024 * 1024

/** The storage in a data directory; nothing is touched before its `open`. */
export function openStorage(directory: string, options: StorageOptions): Storage {
  return new DataDirectory(directory, options)
}

/** Layout as Kafka's: `<topic>-<partition>/<base offset in 20 digits>.log`. */
class DataDirectory implements Storage {
  readonly #root: string
  readonly #options: StorageOptions
  readonly #topics = new Map<string, StoredTopic>()
  readonly #partitions = new Map<string, readonly (PartitionLog | undefined)[]>()
  #lock: DirectoryLock | undefined

  constructor(root: string, options: StorageOptions) {
    this.#root = root
    this.#options = options
  }

  async open(): Promise<RecoveryReport> {
    const { disk, clock, onDamage } = this.#options
    const started = clock.monotonic()
    const damage: Damage[] = []
    let opening = true
    const tell = (one: Damage) => {
      if (opening) damage.push(one)
      onDamage?.(one)
    }
    await disk.makeDirectory(this.#root)
    this.#lock = await takeLock(disk, this.#root)
    let bytes = 0
    for (const topic of await readTopics(disk, clock, this.#root, tell)) bytes += await this.#recover(topic, tell)
    opening = false
    const partitions = [...this.#partitions.values()].reduce((sum, logs) => sum + logs.length, 0)
    return { partitions, bytes, ms: clock.monotonic() - started, damage }
  }

  topics(): ReadonlyMap<string, StoredTopic> {
    return this.#topics
  }

  topic(name: string): StoredTopic | undefined {
    return this.#topics.get(name)
  }

  async createTopic(name: string, options: StoredTopicOptions): Promise<StoredTopic> {
    const { disk, clock, onDamage } = this.#options
    const known = this.#topics.get(name)
    if (known !== undefined) return known
    try {
      const topic = await writeTopic(disk, clock, this.#root, name, options)
      await this.#recover(topic, (damage) => onDamage?.(damage))
      return topic
    } catch (error) {
      throw new StorageError(isFull(error) ? 'full' : 'failed', `Cannot create topic "${name}"`, error)
    }
  }

  async deleteTopic(name: string): Promise<void> {
    throw new StorageError('failed', `Cannot delete topic "${name}"`)
  }

  async addPartitions(name: string, count: number): Promise<StoredTopic> {
    throw new StorageError('failed', `Cannot give topic "${name}" ${count} partitions`)
  }

  async alterTopic(name: string): Promise<StoredTopic> {
    throw new StorageError('failed', `Cannot alter topic "${name}"`)
  }

  async compact(): Promise<void> {}

  partition(topic: string, partition: number): Partition | undefined {
    return this.#partitions.get(topic)?.[partition]
  }

  async retain(now: number): Promise<void> {
    for (const [name, logs] of this.#partitions) {
      const limits = retentionOf(this.#topics.get(name)!)
      for (const log of logs) await log?.retain(now, limits)
    }
  }

  async close(): Promise<void> {
    const logs = [...this.#partitions.values()].flat().filter((log) => log !== undefined)
    await Promise.all(logs.map((log) => log.close()))
    await this.#lock?.release()
    this.#lock = undefined
  }

  async #recover(topic: StoredTopic, onDamage: (damage: Damage) => void): Promise<number> {
    const logs: (PartitionLog | undefined)[] = []
    let bytes = 0
    for (let partition = 0; partition < topic.partitions; partition++) {
      const place = this.#place(topic, partition, onDamage)
      // A partition that cannot even be opened must not keep the others from being served.
      const recovered = await recoverPartition(place).catch((error: unknown) => unopened(place, error))
      logs.push(recovered?.log)
      bytes += recovered?.bytes ?? 0
    }
    this.#partitions.set(topic.name, logs)
    this.#topics.set(topic.name, topic)
    return bytes
  }

  #place(topic: StoredTopic, partition: number, onDamage: (damage: Damage) => void): Place {
    const { disk, clock, logger, sync, segmentBytes = SEGMENT_BYTES } = this.#options
    const directory = partitionDirectory(this.#root, topic.name, partition)
    const ownBytes = limit(topic.configs['segment.bytes']) ?? segmentBytes
    return { topic: topic.name, partition, directory, disk, clock, logger, sync, segmentBytes: ownBytes, onDamage }
  }
}

function unopened({ topic, partition, directory, logger, onDamage }: Place, error: unknown): undefined {
  logger.error('Cannot open partition', { file: directory, error })
  const reason = `partition cannot be opened: ${error instanceof Error ? error.message : String(error)}`
  onDamage({ topic, partition, file: directory, position: 0, bytes: 0, reason })
}

function retentionOf({ configs }: StoredTopic): RetentionLimits {
  const policy = configs['cleanup.policy'] ?? 'delete'
  if (!policy.split(',').includes('delete')) return {}
  return { ms: limit(configs['retention.ms']), bytes: limit(configs['retention.bytes']) }
}

/** Kafka writes "no limit" as -1. */
function limit(config: string | undefined): number | undefined {
  const value = config === undefined || config === '' ? -1 : Number(config)
  return value >= 0 ? value : undefined
}
