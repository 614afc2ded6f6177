import type { Clock } from '../../../system/clock.ts'

/** How long the first index of a queue that was empty waits: what begins together is not disturbed while it begins. */
const BEGIN_MS = 500
/** Indexes that are written at the same time: a file system makes one commit of what is synced together. */
const LANES = 4
/** Each lane rests as long as its index took, so that a slow disk gets fewer of them. */
const REST_AT_LEAST_MS = 1

/** Something that has an index to write. */
export interface Indexed {
  /** Writes the index of what is durable now. Never rejects; returns at once where there is nothing to write any more. */
  saveIndex(): Promise<void>
}

/**
 * The indexes of active segments, of all partitions of a storage: written a few at a time with rests between them, so
 * that thousands of partitions that begin at once cause no burst of syncs before the acks of others. A partition that
 * waits is in the queue once.
 */
export class IndexQueue {
  readonly #clock: Clock
  readonly #waiting = new Set<Indexed>()
  readonly #ended = new AbortController()
  readonly #working = new Set<Promise<void>>()
  /** Lanes that will look at what waits once more. */
  #lanes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(log: Indexed): void {
    if (this.#ended.signal.aborted) return
    this.#waiting.add(log)
    if (this.#lanes < Math.min(LANES, this.#waiting.size)) this.#open()
  }

  /** Forgets what waits, and lets those end that are being written. */
  async close(): Promise<void> {
    this.#ended.abort()
    await Promise.all(this.#working)
  }

  #open(): void {
    this.#lanes++
    const lane: Promise<void> = this.#work().finally(() => this.#working.delete(lane))
    this.#working.add(lane)
  }

  async #work(): Promise<void> {
    const { signal } = this.#ended
    try {
      await this.#clock.sleep(BEGIN_MS, signal)
      // Those that come meanwhile have their turn at the end.
      for (const log of this.#waiting) {
        this.#waiting.delete(log)
        const started = this.#clock.monotonic()
        await log.saveIndex()
        await this.#clock.sleep(Math.max(this.#clock.monotonic() - started, REST_AT_LEAST_MS), signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#lanes--
    }
  }
}
