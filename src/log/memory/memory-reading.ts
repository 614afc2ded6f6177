import type { PartitionRef } from '../groups.ts'
import type { Reading } from '../group/reading.ts'
import type { LogError, Position, ReadBatch, ReadOptions } from '../log.ts'
import { beyondEndError } from '../refusals.ts'
import type { MemoryPartition, MemoryStore } from './memory-store.ts'

const READ_BYTES = 1024 * 1024

export interface MemoryReadingOptions extends ReadOptions {
  readonly store: MemoryStore
  /** @throws LogError `TOPIC_UNKNOWN` */
  readonly find: (topic: string, partition: number) => MemoryPartition
  /** Why the log can no longer be read; undefined while it can. */
  readonly closed: () => LogError | undefined
}

/** One reading of the memory driver. */
export class MemoryReading implements Reading {
  readonly #options: MemoryReadingOptions
  readonly #cursors = new Map<string, Cursor>()
  #fault: unknown

  constructor(options: MemoryReadingOptions) {
    this.#options = options
  }

  async *batches(): AsyncGenerator<ReadBatch> {
    const { signal, store, closed } = this.#options
    const wake = () => store.wake()
    signal.addEventListener('abort', wake)
    try {
      while (!signal.aborted) {
        this.#fault ??= closed()
        if (this.#fault !== undefined) throw this.#fault
        let moved = false
        for (const [key, cursor] of this.#cursors) {
          const batch = fetch(cursor, this.#options)
          moved ||= batch !== undefined
          // What was read of a partition that has gone meanwhile is nobody's.
          if (batch && this.#cursors.get(key) === cursor) yield batch
          if (signal.aborted) return
        }
        if (this.#done()) return
        if (!moved) await store.change()
      }
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }

  add(positions: readonly Position[]): void {
    try {
      for (const position of positions)
        this.#cursors.set(`${position.topic}/${position.partition}`, this.#cursor(position))
    } catch (fault) {
      this.#fault ??= fault
    }
    this.#options.store.wake()
  }

  remove(partitions: readonly PartitionRef[]): void {
    for (const { topic, partition } of partitions) this.#cursors.delete(`${topic}/${partition}`)
  }

  fail(fault: LogError): void {
    this.#fault ??= fault
    this.#options.store.wake()
  }

  #done(): boolean {
    if (!this.#options.untilEnd) return false
    return [...this.#cursors.values()].every((cursor) => cursor.offset >= cursor.end)
  }

  #cursor({ topic, partition, offset }: Position): Cursor {
    const stored = this.#options.find(topic, partition)
    if (offset > stored.durableEnd) throw beyondEndError(topic, partition, offset, stored.durableEnd)
    return { topic, partition, offset, end: stored.durableEnd, stored }
  }
}

function fetch(
  cursor: Cursor,
  { maxBytes = READ_BYTES, lotRecords = Infinity }: MemoryReadingOptions,
): ReadBatch | undefined {
  const { topic, partition, stored } = cursor
  const from = Math.max(cursor.offset, stored.start)
  const skipped = from - cursor.offset
  const found = stored.read(from, maxBytes)
  const records = found.slice(0, lotRecords)
  if (records.length === 0 && skipped === 0) return undefined
  cursor.offset = from + records.length
  const batch: ReadBatch = { topic, partition, records, nextOffset: cursor.offset, skipped }
  return records.length < found.length ? { ...batch, more: true } : batch
}

interface Cursor {
  readonly topic: string
  readonly partition: number
  offset: number
  /** Where the partition ended when it was added. */
  readonly end: number
  readonly stored: MemoryPartition
}
