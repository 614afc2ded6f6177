import type { View, ViewEntry } from '../component/view.ts'
import type { Log, Position, ReadBatch, StoredRecord } from '../log/log.ts'
import type { System } from '../system/system.ts'

export interface ViewOptions<E = ViewEntry> {
  readonly log: Log
  /** Full names of the topics it reads; they must exist. */
  readonly topics: readonly string[]
  readonly decoder: RecordDecoder<E>
  readonly system: Pick<System, 'clock' | 'random' | 'logger'>
}

/** Makes entries of records; what cannot be decoded is passed over and counted. */
interface RecordDecoder<E> {
  decode(topic: string, partition: number, records: readonly StoredRecord[]): E[]
}

/** Waits before a view that failed goes on from its own position, doubling. */
const RESTART = { firstMs: 200, mostMs: 30_000 } as const
/** Records that a view takes before others get their turn, and that are decoded at a time: a few ms. */
const RECORDS_A_TURN = 500
/** Most bytes of one partition that are fetched at a time: what lies about decoded, or nearly, costs the collector. */
const FETCH_BYTES = 256 * 1024

/**
 * Runs a view over the log until the signal aborts: from the view's own positions, record by record of a partition in
 * order. A view that fails goes on from where it says it is; a record that cannot be decoded harms only itself.
 */
export class ViewRun<E = ViewEntry> {
  readonly #view: View<E>
  readonly #options: ViewOptions<E>
  /** Where each partition ended when the first run began, as long as the view has not got there. */
  #behind = new Map<string, number>()
  #started = false
  #takenInTurn = 0

  constructor(view: View<E>, options: ViewOptions<E>) {
    this.#view = view
    this.#options = options
  }

  /** Resolves after the signal has aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options.system
    let waitMs: number = RESTART.firstMs
    while (!signal.aborted) {
      try {
        const positions = await this.#start()
        for await (const batch of this.#options.log.read(positions, { signal, maxBytes: FETCH_BYTES })) {
          await this.#take(batch)
          waitMs = RESTART.firstMs
        }
        if (signal.aborted) return
        logger.warn('The log ended under a view', { view: this.#view.name })
      } catch (error) {
        if (signal.aborted) return
        logger.error('A view failed; it goes on from its own position', { view: this.#view.name, error, waitMs })
      }
      await clock.sleep(waitMs * (0.5 + random.next() / 2), signal).catch(() => {})
      waitMs = Math.min(2 * waitMs, RESTART.mostMs)
    }
  }

  /** Whether it has taken everything that was in the log when it was started. */
  get caughtUp(): boolean {
    return this.#started && this.#behind.size === 0
  }

  /** The view's positions, completed by the start of what it has not read yet. */
  async #start(): Promise<Position[]> {
    const ends = new Map<string, { start: number; end: number }>()
    for (const topic of this.#options.topics) {
      for (const { partition, start, end } of await this.#options.log.ends(topic)) {
        ends.set(placeOf(topic, partition), { start, end })
      }
    }
    this.#checkPositions(ends)
    const own = new Map(this.#view.positions().map((at) => [placeOf(at.topic, at.partition), at.offset]))
    const positions = [...ends].map(([place, { start }]) => positionOf(place, own.get(place) ?? start))
    if (!this.#started) {
      for (const at of positions) {
        const place = placeOf(at.topic, at.partition)
        const { end } = ends.get(place)!
        if (at.offset < end) this.#behind.set(place, end)
      }
      this.#started = true
    }
    return positions
  }

  /** A position beyond the end means another log, or one that lost its end: what the view keeps is not of this log. */
  #checkPositions(ends: ReadonlyMap<string, { readonly end: number }>): void {
    for (const { topic, partition, offset } of this.#view.positions()) {
      const end = ends.get(placeOf(topic, partition))?.end ?? 0
      if (offset <= end) continue
      const where = { view: this.#view.name, topic, partition, offset, end }
      this.#options.system.logger.warn('A view is ahead of the log; it is rebuilt', where)
      this.#view.reset()
      return
    }
  }

  async #take({ topic, partition, records, nextOffset, skipped }: ReadBatch): Promise<void> {
    let at = 0
    do {
      const end = at + RECORDS_A_TURN
      const next = end < records.length ? records[end]!.offset : nextOffset
      const entries = this.#options.decoder.decode(topic, partition, records.slice(at, end))
      await this.#view.take({ topic, partition, entries, nextOffset: next, skipped: at === 0 ? skipped : 0 })
      await this.#giveTurn(entries.length)
      at = end
    } while (at < records.length)
    const place = placeOf(topic, partition)
    const target = this.#behind.get(place)
    if (target !== undefined && nextOffset >= target) this.#behind.delete(place)
  }

  /** Lets sources and acknowledgements go on between the records of a large fetch. */
  async #giveTurn(taken: number): Promise<void> {
    this.#takenInTurn += taken
    if (this.#takenInTurn < RECORDS_A_TURN) return
    this.#takenInTurn = 0
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

function positionOf(place: string, offset: number): Position {
  const slash = place.lastIndexOf('/')
  return { topic: place.slice(0, slash), partition: Number(place.slice(slash + 1)), offset }
}
