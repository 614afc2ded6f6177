import { BATCH, decodeRecords, readBatchHeader } from '../../src/log/batch.ts'
import { StorageError } from '../../src/log/broker/storage/storage.ts'
import type {
  ActiveProducer,
  AppendedBatches,
  Partition,
  ProducerBatch,
  ProducerStates,
  RecoveryReport,
  Storage,
  StoredTopic,
  StoredTopicOptions,
  TimedOffset,
} from '../../src/log/broker/storage/storage.ts'

/** A storage of the embedded broker without a disk, whose faults a test decides. */
export class MemoryStorage implements Storage {
  readonly #topics = new Map<string, StoredTopic>()
  readonly #partitions = new Map<string, MemoryPartition[]>()

  async open(): Promise<RecoveryReport> {
    return { partitions: 0, bytes: 0, ms: 0, damage: [] }
  }

  topics(): ReadonlyMap<string, StoredTopic> {
    return this.#topics
  }

  topic(name: string): StoredTopic | undefined {
    return this.#topics.get(name)
  }

  async createTopic(name: string, options: StoredTopicOptions): Promise<StoredTopic> {
    const topic = { name, id: Buffer.alloc(16, this.#topics.size + 1), ...options }
    this.#topics.set(name, topic)
    const count = { length: options.partitions }
    this.#partitions.set(
      name,
      Array.from(count, () => new MemoryPartition()),
    )
    return topic
  }

  partition(topic: string, partition: number): MemoryPartition | undefined {
    return this.#partitions.get(topic)?.[partition]
  }

  async deleteTopic(name: string): Promise<void> {
    this.#topics.delete(name)
    this.#partitions.delete(name)
  }

  async addPartitions(name: string, count: number): Promise<StoredTopic> {
    const topic = { ...this.#topics.get(name)!, partitions: count }
    const partitions = this.#partitions.get(name)!
    while (partitions.length < count) partitions.push(new MemoryPartition())
    this.#topics.set(name, topic)
    return topic
  }

  async alterTopic(name: string, configs: StoredTopicOptions['configs']): Promise<StoredTopic> {
    const topic = { ...this.#topics.get(name)!, configs }
    this.#topics.set(name, topic)
    return topic
  }

  async retain(): Promise<void> {}
  async compact(): Promise<void> {}
  async close(): Promise<void> {}
}

/** One partition; `fault` is thrown by every append as long as it is set. */
export class MemoryPartition implements Partition {
  readonly batches: Buffer[] = []
  readonly producers = new Sequences()
  startOffset = 0
  endOffset = 0
  fault: StorageError | undefined
  #waiters: (() => void)[] = []

  get durableOffset(): number {
    return this.endOffset
  }

  async append(bytes: Uint8Array): Promise<AppendedBatches> {
    if (this.fault) throw this.fault
    const batch = Buffer.from(bytes)
    const header = readBatchHeader(batch)
    const baseOffset = this.endOffset
    batch.writeBigInt64BE(BigInt(baseOffset), BATCH.baseOffset)
    this.endOffset += header.lastOffsetDelta + 1
    this.producers.stored(header, baseOffset)
    this.batches.push(batch)
    await new Promise((resolve) => setImmediate(resolve))
    for (const wake of this.#waiters.splice(0)) wake()
    return { baseOffset, nextOffset: this.endOffset }
  }

  read(offset: number, maxBytes: number): Uint8Array {
    if (offset < this.startOffset || offset > this.endOffset) {
      throw new StorageError('out-of-range', `Cannot read at ${offset}: want ${this.startOffset} to ${this.endOffset}`)
    }
    const found: Buffer[] = []
    let bytes = 0
    for (const batch of this.batches) {
      const { baseOffset, lastOffsetDelta } = readBatchHeader(batch)
      if (baseOffset + lastOffsetDelta < offset) continue
      if (found.length > 0 && bytes + batch.length > maxBytes) break
      found.push(batch)
      bytes += batch.length
    }
    return Buffer.concat(found)
  }

  offsetForTime(timestamp: number): TimedOffset | undefined {
    return this.#records().find((record) => record.timestamp >= timestamp)
  }

  latestRecord(): TimedOffset | undefined {
    return this.#records().reduce<TimedOffset | undefined>(
      (latest, record) => (latest === undefined || record.timestamp > latest.timestamp ? record : latest),
      undefined,
    )
  }

  #records(): TimedOffset[] {
    const records = this.batches.flatMap((batch) => decodeRecords(batch))
    return records.flatMap(({ offset, timestamp }) => (offset < this.startOffset ? [] : [{ offset, timestamp }]))
  }

  async deleteRecords(before: number): Promise<number> {
    this.startOffset = Math.max(this.startOffset, before)
    return this.startOffset
  }

  get bytes(): number {
    return this.batches.reduce((sum, batch) => sum + batch.length, 0)
  }

  waitBeyond(_: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
      this.#waiters.push(resolve)
    })
  }
}

/** Last sequence of every producer, and where its last batch lies. */
class Sequences implements ProducerStates {
  readonly #last = new Map<bigint, ProducerBatch & { baseOffset: number }>()

  check(batch: ProducerBatch): { accept: true } | { duplicate: number } | { error: 'out-of-order' } {
    const last = this.#last.get(batch.producerId)
    if (last?.baseSequence === batch.baseSequence) return { duplicate: last.baseOffset }
    const expected = last ? last.baseSequence + last.recordCount : 0
    return batch.baseSequence === expected ? { accept: true } : { error: 'out-of-order' }
  }

  active(): ActiveProducer[] {
    return []
  }

  stored(batch: ProducerBatch, baseOffset: number): void {
    this.#last.set(batch.producerId, { ...batch, baseOffset })
  }

  /** What happens when retention removes all that a producer wrote. */
  forget(): void {
    this.#last.clear()
  }
}
