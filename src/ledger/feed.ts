import type { Log } from '../log/log.ts'
import type { System } from '../system/system.ts'
import { decodeCheckpoint, lastCheckpoints } from './checkpoint.ts'
import { KnownBooks } from './known-books.ts'

const AGAIN_MS = 500

/** The ledger's topic as it grows: what all hubs that share the log have written of their books, and in which order. */
export class LedgerFeed {
  readonly known: KnownBooks
  readonly #log: Log
  readonly #topic: string
  readonly #system: Pick<System, 'clock' | 'logger'>
  readonly #listeners = new Set<() => void>()
  readonly #stop = new AbortController()
  #next: number
  #waiters: (() => void)[] = []

  private constructor(
    log: Log,
    topic: string,
    system: Pick<System, 'clock' | 'logger'>,
    known: KnownBooks,
    next: number,
  ) {
    this.known = known
    this.#log = log
    this.#topic = topic
    this.#system = system
    this.#next = next
  }

  /** @throws LogError where the topic cannot be read. */
  static async open(log: Log, topic: string, system: Pick<System, 'clock' | 'logger'>): Promise<LedgerFeed> {
    const { records, next } = await lastCheckpoints(log, topic)
    const known = new KnownBooks()
    for (const { checkpoint } of records) known.merge(checkpoint)
    known.fold(system.clock.now())
    return new LedgerFeed(log, topic, system, known, next)
  }

  /** Everything before this offset is known. */
  get next(): number {
    return this.#next
  }

  /** Reads on until it is closed; without it, only what was there when it was opened is known. */
  follow(): void {
    void this.#follow()
  }

  /** Resolves when everything before the offset is known, or when the feed is closed. */
  async reached(offset: number): Promise<void> {
    while (this.#next < offset && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  /** Calls `listener` whenever more is known; it must not throw. */
  onMore(listener: () => void): void {
    this.#listeners.add(listener)
  }

  close(): void {
    this.#stop.abort()
    this.#wake()
  }

  async #follow(): Promise<void> {
    const { clock, logger } = this.#system
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const from = { topic: this.#topic, partition: 0, offset: this.#next }
        for await (const { records, nextOffset } of this.#log.read([from], { signal })) {
          for (const { value } of records) {
            const checkpoint = decodeCheckpoint(value)
            if (checkpoint !== undefined) this.known.merge(checkpoint)
          }
          this.#next = nextOffset
          this.#wake()
        }
      } catch (error) {
        if (signal.aborted || (error as { code?: string }).code === 'LOG_CLOSED') return
        logger.warn('Cannot follow the ledger; it is tried again', { error })
      }
      await clock.sleep(AGAIN_MS, signal).catch(() => {})
    }
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
    for (const listener of this.#listeners) listener()
  }
}
