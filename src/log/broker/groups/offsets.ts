import type { Committed } from './group-records.ts'
import type { PartitionOffset } from './messages.ts'

/** A partition, as a group knows it. */
export interface PartitionKey {
  readonly topic: string
  readonly partition: number
}

/** What one group has committed. */
export class Offsets {
  readonly #topics = new Map<string, Map<number, Committed>>()
  /** Commits on their way to the disk, counted by partition: whoever removes offsets has to remove these as well. */
  readonly #pending = new Map<string, PartitionKey & { count: number }>()
  #size = 0
  #metadata = 0

  get size(): number {
    return this.#size
  }

  /** About how many bytes they take. */
  get weight(): number {
    return this.#size * OFFSET_BYTES + 2 * this.#metadata + this.#pending.size * OFFSET_BYTES
  }

  get topics(): readonly string[] {
    return [...this.#topics.keys()]
  }

  get(topic: string, partition: number): Committed | undefined {
    return this.#topics.get(topic)?.get(partition)
  }

  partitions(topic: string): readonly number[] {
    return [...(this.#topics.get(topic)?.keys() ?? [])]
  }

  set(topic: string, partition: number, committed: Committed): void {
    this.delete({ topic, partition })
    const partitions = this.#topics.get(topic)
    if (partitions) partitions.set(partition, committed)
    else this.#topics.set(topic, new Map([[partition, committed]]))
    this.#size++
    this.#metadata += committed.metadata.length
  }

  delete({ topic, partition }: PartitionKey): void {
    const partitions = this.#topics.get(topic)
    const known = partitions?.get(partition)
    if (!partitions || !known) return
    partitions.delete(partition)
    if (partitions.size === 0) this.#topics.delete(topic)
    this.#size--
    this.#metadata -= known.metadata.length
  }

  /** These are on their way to the disk; the answer is called when they are there or will never be. */
  begin(commits: readonly PartitionOffset[]): () => void {
    for (const { topic, partition } of commits) {
      const key = `${topic}/${partition}`
      const pending = this.#pending.get(key)
      if (pending) pending.count++
      else this.#pending.set(key, { topic, partition, count: 1 })
    }
    return () => {
      for (const { topic, partition } of commits) {
        const key = `${topic}/${partition}`
        const pending = this.#pending.get(key)!
        if (--pending.count === 0) this.#pending.delete(key)
      }
    }
  }

  /** Every partition with a commit, also one on its way; of one topic, where it is named. */
  keys(topic?: string): PartitionKey[] {
    const topics = topic === undefined ? this.topics : [topic]
    const known = topics.flatMap((name) => this.partitions(name).map((partition) => ({ topic: name, partition })))
    const coming = [...this.#pending.values()].filter(
      (key) => (topic === undefined || key.topic === topic) && !this.get(key.topic, key.partition),
    )
    return [...known, ...coming.map((key) => ({ topic: key.topic, partition: key.partition }))]
  }
}

const OFFSET_BYTES = 250
