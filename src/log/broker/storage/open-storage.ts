import type { Clock } from '../../../system/clock.ts'
import type { Disk } from '../../../system/disk.ts'
import type { Logger } from '../../../system/logger.ts'
import { IndexQueue } from './index-queue.ts'
import { takeLock } from './lock.ts'
import type { DirectoryLock } from './lock.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Place, SyncMode } from './place.ts'
import { recoverPartition } from './recover-partition.ts'
import type { Recovered } from './recover-partition.ts'
import { isFull } from './segment-chain.ts'
import { StorageError } from './storage.ts'
import type { Damage, Partition, RecoveryReport, Storage, StoredTopic, StoredTopicOptions } from './storage.ts'
import { partitionDirectory, readTopics, rewriteTopic, writeTopic } from './topic-files.ts'
import type { DescribedTopic } from './topic-files.ts'
import { finishDeletions, markDeleted, removeMarked } from './topic-removal.ts'
import { topicSettings } from './topic-settings.ts'
import type { TopicSettings } from './topic-settings.ts'

export interface StorageOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  /** `ack`: an append resolves after its sync. `interval`: a power cut may lose the last `intervalMs`. */
  readonly sync: SyncMode
  /** A segment beyond this many bytes is followed by another, unless its topic sets `segment.bytes`; default 128 MiB. */
  readonly segmentBytes?: number
  /** Memory for the keys of one compaction; with more keys it takes several passes. Default 16 MiB. */
  readonly compactionBytes?: number
  /** Told of every damage when it is found: at the start (where the report lists it too) and while reading. */
  readonly onDamage?: (damage: Damage) => void
}

/** The storage in a data directory; nothing is touched before its `open`. */
export function openStorage(directory: string, options: StorageOptions): Storage {
  return new DataDirectory(directory, options)
}

interface OpenTopic {
  described: DescribedTopic
  settings: TopicSettings
  /** Without those that could not be opened. */
  readonly logs: (PartitionLog | undefined)[]
}

/** Layout as Kafka's: `<topic>-<partition>/<base offset in 20 digits>.log`. */
class DataDirectory implements Storage {
  readonly #root: string
  readonly #options: StorageOptions
  readonly #topics = new Map<string, StoredTopic>()
  readonly #open = new Map<string, OpenTopic>()
  /** Topics that are marked as deleted and whose files are still there. */
  readonly #leaving = new Map<string, StoredTopic>()
  /** The last change of each topic: they come one after the other. */
  readonly #changes = new Map<string, Promise<unknown>>()
  readonly #indexes: IndexQueue
  #lock: DirectoryLock | undefined

  constructor(root: string, options: StorageOptions) {
    this.#root = root
    this.#options = options
    this.#indexes = new IndexQueue(options.clock)
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
    await finishDeletions(disk, this.#root)
    let bytes = 0
    for (const topic of await readTopics(disk, clock, this.#root, tell)) bytes += await this.#recover(topic, tell)
    opening = false
    const partitions = [...this.#open.values()].reduce((sum, { logs }) => sum + logs.length, 0)
    return { partitions, bytes, ms: clock.monotonic() - started, damage }
  }

  topics(): ReadonlyMap<string, StoredTopic> {
    return this.#topics
  }

  topic(name: string): StoredTopic | undefined {
    return this.#topics.get(name)
  }

  createTopic(name: string, options: StoredTopicOptions): Promise<StoredTopic> {
    const { disk, clock } = this.#options
    return this.#change(name, 'create', async () => {
      const known = this.#open.get(name)
      if (known !== undefined) return known.described
      await this.#finishLeaving(name)
      const topic = await writeTopic(disk, clock, this.#root, name, options)
      await this.#recover(topic, this.#tell)
      return topic
    })
  }

  deleteTopic(name: string): Promise<void> {
    const { disk, logger } = this.#options
    return this.#change(name, 'delete', async () => {
      const topic = this.#open.get(name)
      if (topic === undefined) return
      await markDeleted(disk, this.#root, topic.described)
      this.#topics.delete(name)
      this.#open.delete(name)
      this.#leaving.set(name, topic.described)
      await Promise.all(topic.logs.map(async (log) => log?.close()))
      // It is gone, whatever becomes of its files: the next start, or a topic of the same name, tries again.
      await this.#finishLeaving(name).catch((error: unknown) => logger.error('Cannot remove files', { name, error }))
    })
  }

  addPartitions(name: string, count: number): Promise<StoredTopic> {
    return this.#change(name, 'add partitions to', async () => {
      const topic = this.#known(name)
      const { partitions } = topic.described
      if (count < partitions) throw new RangeError(`Cannot add partitions to "${name}": want more than ${partitions}`)
      if (count === partitions) return topic.described
      topic.described = await rewriteTopic(this.#options.disk, this.#root, topic.described, { partitions: count })
      for (let i = partitions; i < count; i++) topic.logs.push((await this.#recoverOne(topic, i, this.#tell))?.log)
      this.#topics.set(name, topic.described)
      return topic.described
    })
  }

  alterTopic(name: string, configs: StoredTopicOptions['configs']): Promise<StoredTopic> {
    return this.#change(name, 'alter', async () => {
      const topic = this.#known(name)
      topic.described = await rewriteTopic(this.#options.disk, this.#root, topic.described, { configs })
      topic.settings = topicSettings(configs, this.#options.segmentBytes)
      this.#topics.set(name, topic.described)
      return topic.described
    })
  }

  partition(topic: string, partition: number): Partition | undefined {
    return this.#open.get(topic)?.logs[partition]
  }

  async retain(now: number): Promise<void> {
    for (const { logs } of this.#open.values()) for (const log of logs) await log?.retain(now)
  }

  async compact(now: number, signal?: AbortSignal): Promise<void> {
    for (const { logs, settings } of this.#open.values()) {
      if (settings.compaction) for (const log of logs) await log?.compact(now, signal)
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#changes.values())
    await this.#indexes.close()
    const logs = [...this.#open.values()].flatMap(({ logs }) => logs.filter((log) => log !== undefined))
    await Promise.all(logs.map((log) => log.close()))
    await this.#lock?.release()
    this.#lock = undefined
  }

  readonly #tell = (damage: Damage) => this.#options.onDamage?.(damage)

  /** Runs a change of a topic behind those that were asked for before. @throws StorageError */
  async #change<T>(name: string, action: string, change: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(name)
    const done = (async () => {
      await before?.catch(() => undefined)
      return change()
    })()
    this.#changes.set(name, done)
    try {
      return await done
    } catch (error) {
      if (error instanceof StorageError || error instanceof RangeError) throw error
      throw new StorageError(isFull(error) ? 'full' : 'failed', `Cannot ${action} topic "${name}"`, error)
    } finally {
      if (this.#changes.get(name) === done) this.#changes.delete(name)
    }
  }

  #known(name: string): OpenTopic {
    const topic = this.#open.get(name)
    if (topic === undefined) throw new StorageError('failed', `Cannot change topic "${name}": it does not exist`)
    return topic
  }

  async #finishLeaving(name: string): Promise<void> {
    const topic = this.#leaving.get(name)
    if (topic === undefined) return
    await removeMarked(this.#options.disk, this.#root, topic)
    this.#leaving.delete(name)
  }

  async #recover(described: DescribedTopic, onDamage: (damage: Damage) => void): Promise<number> {
    const settings = topicSettings(described.configs, this.#options.segmentBytes)
    const topic: OpenTopic = { described, settings, logs: [] }
    let bytes = 0
    for (let partition = 0; partition < described.partitions; partition++) {
      const recovered = await this.#recoverOne(topic, partition, onDamage)
      topic.logs.push(recovered?.log)
      bytes += recovered?.bytes ?? 0
    }
    this.#open.set(described.name, topic)
    this.#topics.set(described.name, described)
    return bytes
  }

  /** A partition that cannot even be opened must not keep the others from being served. */
  #recoverOne(topic: OpenTopic, partition: number, onDamage: (damage: Damage) => void): Promise<Recovered | undefined> {
    const { disk, clock, logger, sync, compactionBytes } = this.#options
    const { name } = topic.described
    const directory = partitionDirectory(this.#root, name, partition)
    const settings = () => topic.settings
    const kept = { topic: name, partition, directory, settings, onDamage, indexes: this.#indexes }
    const place: Place = { ...kept, disk, clock, logger, sync, ...(compactionBytes && { compactionBytes }) }
    return recoverPartition(place).catch((error: unknown) => unopened(place, error))
  }
}

function unopened({ topic, partition, directory, logger, onDamage }: Place, error: unknown): undefined {
  logger.error('Cannot open partition', { file: directory, error })
  const reason = `partition cannot be opened: ${error instanceof Error ? error.message : String(error)}`
  onDamage({ topic, partition, file: directory, position: 0, bytes: 0, reason })
}
