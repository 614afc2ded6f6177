import type { Clock } from '../../system/clock.ts'
import type { NewRecord, StoredRecord, TopicSpec } from '../log.ts'
import { MemoryGroup } from './memory-groups.ts'

/** What survives a crash of the memory driver: topics and their durable records. Outlives the logs opened on it. */
export class MemoryStore {
  readonly topics = new Map<string, MemoryTopic>()
  readonly groups = new Map<string, MemoryGroup>()
  #waiters: (() => void)[] = []

  /** Resolves when something became durable, or a log on this store ended. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** A group, which begins with its first member. */
  group(name: string, clock: Clock): MemoryGroup {
    const known = this.groups.get(name)
    if (known) return known
    const group = new MemoryGroup(clock)
    this.groups.set(name, group)
    return group
  }

  wake(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}

/** One topic: as many partitions as its spec says. */
export class MemoryTopic {
  readonly spec: TopicSpec
  readonly partitions: readonly MemoryPartition[]

  constructor(spec: TopicSpec) {
    this.spec = spec
    this.partitions = Array.from({ length: spec.partitions }, () => new MemoryPartition())
  }
}

/** Records in order; those from `durableEnd` on are seen by nobody yet and die with a crash. */
export class MemoryPartition {
  start = 0
  durableEnd = 0
  #records: StoredRecord[] = []

  /** The offset the next record gets. */
  get end(): number {
    return this.start + this.#records.length
  }

  add(record: NewRecord): void {
    this.#records.push({
      offset: this.end,
      timestamp: Math.trunc(record.timestamp),
      key: copy(record.key),
      value: copy(record.value),
      headers: (record.headers ?? []).map(([name, value]) => [name, copyOf(value)] as const),
    })
  }

  /** Durable records from `offset`, up to about `maxBytes`, one at the least where there is one. */
  read(offset: number, maxBytes: number): StoredRecord[] {
    const found: StoredRecord[] = []
    let bytes = 0
    for (let at = offset; at < this.durableEnd && bytes < maxBytes; at++) {
      const record = this.#records[at - this.start]!
      bytes += size(record)
      found.push(record)
    }
    return found
  }

  /** Of the first durable record at or after a time; the end where there is none. */
  offsetAt(time: number): number {
    const at = this.#records.findIndex((record) => record.timestamp >= time)
    return at < 0 ? this.durableEnd : Math.min(this.start + at, this.durableEnd)
  }

  makeDurable(): void {
    this.durableEnd = this.end
  }

  loseVolatile(): void {
    this.#records.length = this.durableEnd - this.start
  }

  /** What retention does: records before `offset` are gone. */
  trim(offset: number): void {
    const to = Math.min(Math.max(offset, this.start), this.durableEnd)
    this.#records = this.#records.slice(to - this.start)
    this.start = to
  }
}

function copy(data: string | Uint8Array | null): Uint8Array | null {
  return data === null ? null : copyOf(data)
}

function copyOf(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : new Uint8Array(data)
}

function size(record: StoredRecord): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0)
}
