import type { SharedView } from '../../component/view.ts'
import { LogError, type Log, type NewRecord } from '../../log/log.ts'
import type { System } from '../../system/system.ts'
import { unlessAborted } from '../../system/wait.ts'

export interface PublisherOptions {
  readonly view: SharedView
  readonly log: Log
  /** Full name of the compacted topic of states; it must exist. */
  readonly topic: string
  /** Tells what this run of this hub has published from what others have. */
  readonly run: string
  readonly system: Pick<System, 'clock' | 'logger' | 'metrics'>
}

/** What changes more often than this is published with what it is by then. */
const EVERY_MS = 200
/** On average at most this much is published, so that large states, or many, do not crowd out what machines send. */
const BYTES_PER_MS = 4_000
/** States that are encoded and appended at a time: a few ms. */
const STATES_AT_ONCE = 200

type Commit = () => Promise<void>

/** A partition whose states this hub evolves. */
interface Part {
  /** Keys whose states are to be published. */
  dirty: Set<string>
  /** Writes down in the group that the records are done whose states are in `dirty` and before; by topic. */
  commits: Map<string, Commit>
  /** The same for states that are durable. */
  durable: Map<string, Commit>
  committing: Promise<void> | undefined
}

/**
 * Publishes the states of a shared view that this hub evolves, coalesced, and only then commits the records that they
 * come from. One publication goes on at a time and what changes meanwhile waits as a key, so a slow log costs freshness
 * and no memory.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #parts = new Map<number, Part>()
  #last: Promise<void> = Promise.resolve()
  #bytes = 0

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Publishes what is due until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.system
    while (!signal.aborted) {
      await clock.sleep(Math.max(EVERY_MS, this.#bytes / BYTES_PER_MS), signal).catch(() => {})
      this.#bytes = 0
      if (!signal.aborted) await unlessAborted(this.flush(this.partitions()), signal)
    }
  }

  /** Partitions whose states this hub evolves, in order. */
  partitions(): number[] {
    return [...this.#parts.keys()].sort((a, b) => a - b)
  }

  /** A partition was given to this hub. */
  add(partition: number): void {
    if (this.#parts.has(partition)) return
    this.#parts.set(partition, { dirty: new Set(), commits: new Map(), durable: new Map(), committing: undefined })
  }

  /** A partition is no longer this hub's: nothing more of it is published. */
  remove(partition: number): void {
    this.#parts.delete(partition)
  }

  /** States changed, or must be published again; of partitions that this hub was not given nothing is. */
  touch(partition: number, keys: Iterable<string>): void {
    const part = this.#parts.get(partition)
    if (part !== undefined) for (const key of keys) part.dirty.add(key)
  }

  /** The records of a topic up to here are done once the states that they touched are durable. */
  done(partition: number, topic: string, commit: Commit): void {
    this.#parts.get(partition)?.commits.set(topic, commit)
  }

  /** Publishes and commits what is due of some partitions. Never rejects. */
  async settle(partitions: readonly number[]): Promise<void> {
    await this.flush(partitions)
    await Promise.all(partitions.map(async (partition) => this.#parts.get(partition)?.committing))
  }

  /**
   * Publishes what is due of some partitions and begins to commit it: a group that is busy with its next generation
   * keeps nothing from being seen. What fails stays due. Never rejects.
   */
  flush(partitions: readonly number[]): Promise<void> {
    this.#last = this.#last.then(() => this.#flush(partitions))
    return this.#last
  }

  async #flush(partitions: readonly number[]): Promise<void> {
    await Promise.all(
      partitions.map(async (partition) => {
        const part = this.#parts.get(partition)
        if (part !== undefined) await this.#flushPart(partition, part)
      }),
    )
  }

  async #flushPart(partition: number, part: Part): Promise<void> {
    const { dirty, commits } = part
    part.dirty = new Set()
    part.commits = new Map()
    try {
      const keys = [...dirty]
      for (let at = 0; at < keys.length; at += STATES_AT_ONCE) {
        await this.#publish(partition, part, keys.slice(at, at + STATES_AT_ONCE))
      }
      for (const [topic, commit] of commits) part.durable.set(topic, commit)
      part.committing ??= this.#commit(part).finally(() => (part.committing = undefined))
    } catch (error) {
      if (this.#parts.get(partition) !== part) return
      for (const key of dirty) part.dirty.add(key)
      for (const [topic, commit] of commits) if (!part.commits.has(topic)) part.commits.set(topic, commit)
      const { topic, system } = this.#options
      system.logger.warn('Cannot publish states; it is tried again', { topic, partition, error })
    }
  }

  async #commit(part: Part): Promise<void> {
    for (const [topic] of part.durable) await this.#commitOne(part, topic)
  }

  /** Until nothing newer has come meanwhile. */
  async #commitOne({ durable }: Part, topic: string): Promise<void> {
    for (let commit = durable.get(topic); commit !== undefined; commit = durable.get(topic)) {
      durable.delete(topic)
      // Refused, it is of a partition that is somebody else's by now, or the next one says more.
      await commit().catch((error: unknown) => {
        this.#options.system.logger.debug('Cannot commit what was published', { error })
      })
    }
  }

  async #publish(partition: number, part: Part, keys: readonly string[]): Promise<void> {
    const { log, topic } = this.#options
    await log.ready()
    if (this.#parts.get(partition) !== part) return
    const records = keys.flatMap((key) => this.#record(key))
    try {
      await log.append(topic, records)
    } catch (error) {
      if (!isTooLarge(error)) throw error
      if (records.length > 1) for (const key of keys) await this.#publish(partition, part, [key])
      else this.#passOver(keys[0]!, error)
    }
  }

  #record(key: string): NewRecord[] {
    const { view, run, system } = this.#options
    const value = view.state(key)
    if (value === undefined) return []
    this.#bytes += value.length
    const headers = [
      ['content-type', 'application/json'],
      ['run', run],
    ] as const
    return [{ key, value, headers, timestamp: system.clock.now() }]
  }

  /** Else nothing of its partition would ever be done. The other hubs show what it was before. */
  #passOver(key: string, error: unknown): void {
    const { view, topic, system } = this.#options
    const help = 'States of a shared view that were too large for the log; other hubs do not have them'
    system.metrics.counter('millrace_unpublished_total', help, { view: view.name }).add()
    system.logger.error('A state is too large to be published; the other hubs do not have it', { topic, key, error })
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof LogError && error.code === 'RECORD_TOO_LARGE'
}
