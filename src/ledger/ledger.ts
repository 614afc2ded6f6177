import type { Log, NewRecord, Position } from '../log/log.ts'
import { topicSpec } from '../log/topics.ts'
import { topicName } from '../model/path.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/system.ts'
import { Book, emptyBook, type BookState, type BookSummary } from './book.ts'
import { encodeCheckpoint, lastCheckpoint, type Checkpoint } from './checkpoint.ts'
import { dataTopics } from './data-topics.ts'
import type { GapRecord } from './gaps.ts'
import { readTail, type Tail } from './tail.ts'
import { countOf } from './seq-set.ts'

export interface LedgerOptions {
  readonly log: Log
  readonly site: string
  readonly system: Pick<System, 'clock' | 'logger' | 'metrics'>
  /** Kinds of topics that sources write to; default `telemetry` and `raw`. */
  readonly kinds?: readonly string[]
  /** How often the books are written down if they changed, in ms; default 5,000. */
  readonly everyMs?: number
}

export const DATA_KINDS: readonly string[] = ['telemetry', 'raw']

const EVERY_MS = 5_000
/** How long `open` waits for the first checkpoint. */
const OPEN_MS = 1_000
/** How long `close` waits for what is in flight, so that the last checkpoint holds it. */
const CLOSE_MS = 10_000

/**
 * The books of all sources: received = stored + quarantined + dropped + unacknowledged + in flight, always. They are
 * written to `<site>.ledger` every few seconds, and what the log holds beyond the last checkpoint is read at the start;
 * so they are exact after any crash, and the log alone proves them (`auditLedger`).
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #books = new Map<string, Book>()
  /** Gap records that no checkpoint counts yet because they could not be appended. */
  #unwritten: GapRecord[] = []
  #written: string
  #complete = true
  #running: Promise<void> | undefined
  #timer: Timer | undefined

  private constructor(options: LedgerOptions, books: readonly BookState[], written: string) {
    this.#options = options
    this.#written = written
    for (const book of books) this.#books.set(book.source, new Book(book, options.system.metrics))
  }

  /**
   * Reads the last checkpoint and the tails of the topics beyond it, writes down as gaps what a crash took, and begins
   * to write checkpoints.
   * @throws LogError where the log cannot be read.
   */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const { log, site, system } = options
    const kinds = options.kinds ?? DATA_KINDS
    await log.ensure([topicSpec(site, 'ledger', 1), topicSpec(site, 'gaps', 1)])
    const base = await lastCheckpoint(log, topicName(site, 'ledger'))
    const tail = await readTail({ log, site, kinds, base })
    for (const { topic, partition, offset } of tail.beyond) {
      system.logger.error('The log ends before a position of the ledger', { topic, partition, offset })
    }
    const books = [...tail.books.values()].map((book) => book.closed())
    const ledger = new Ledger(options, books, booksText(base?.books ?? []))
    ledger.#complete = tail.beyond.length === 0
    ledger.#unwritten = lostRecords(tail, system.clock.now())
    for (const { source, from, to, count } of ledger.#unwritten) {
      system.logger.warn('Numbers were never durable, so never acknowledged', { source, from, to, count })
    }
    await ledger.#open()
    ledger.#timer = system.clock.every(options.everyMs ?? EVERY_MS, () => void ledger.#tick())
    return ledger
  }

  /** The book of a source; opened on first use. */
  book(source: string): Book {
    let book = this.#books.get(source)
    if (book === undefined) {
      book = new Book(emptyBook(source), this.#options.system.metrics)
      this.#books.set(source, book)
    }
    return book
  }

  /** All books, by source. */
  view(): BookSummary[] {
    const books = [...this.#books.values()].map((book) => book.summary())
    return books.sort((a, b) => (a.source < b.source ? -1 : 1))
  }

  /**
   * Whether the log reached, when it was opened, as far as the last checkpoint says. Where it did not (a part of it was
   * restored from a backup), records that the books count are gone, and the books balance with nothing.
   */
  get complete(): boolean {
    return this.#complete
  }

  /** Whether data of this kind is in the books: a raw topic that nobody audits must not be written to. */
  audits(kind: string): boolean {
    return (this.#options.kinds ?? DATA_KINDS).includes(kind)
  }

  /**
   * Writes the books down, once everything numbered before this call is settled. Joins the one that is under way.
   * @throws LogError where the log refuses; nothing is lost then, the next one holds it.
   */
  checkpoint(): Promise<void> {
    this.#running ??= this.#write().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Writes the books down a last time; waits at most 10 s for what is in flight. Sources must have been stopped. */
  async close(): Promise<void> {
    this.#timer?.cancel()
    const { clock, logger } = this.#options.system
    const stop = new AbortController()
    const last = this.#running ? this.#running.catch(() => {}).then(() => this.checkpoint()) : this.checkpoint()
    const written = last.then(
      () => true,
      (error: unknown) => {
        logger.warn('Cannot write the last checkpoint of the ledger', { error })
        return true
      },
    )
    const late = clock.sleep(CLOSE_MS, stop.signal).catch(() => {})
    if ((await Promise.race([written, late])) !== true) {
      logger.warn('The ledger was closed without its last checkpoint; the next start reads it from the log')
    }
    stop.abort()
  }

  /**
   * The first checkpoint, with the gaps of the crash before. A log that cannot store right now (a full disk) keeps it
   * waiting, but nobody from reading: after another crash the same gaps are found again.
   */
  async #open(): Promise<void> {
    const stop = new AbortController()
    const late = this.#options.system.clock.sleep(OPEN_MS, stop.signal).catch(() => {})
    await Promise.race([this.#tick(), late])
    stop.abort()
  }

  async #tick(): Promise<void> {
    try {
      await this.checkpoint()
    } catch (error) {
      this.#options.system.logger.warn('Cannot write a checkpoint of the ledger; the next one holds it', { error })
    }
  }

  async #write(): Promise<void> {
    const { log, site, system } = this.#options
    // First the positions, then the numbers: whatever gets a higher number is appended after this.
    const positions = await this.#positions()
    const at = system.clock.now()
    const marked = await Promise.all([...this.#books.values()].map((book) => book.mark(at)))
    this.#unwritten.push(...marked.flatMap(({ gaps }) => gaps))
    await this.#writeGaps()
    const checkpoint: Checkpoint = { at, positions, books: marked.map(({ state }) => state) }
    const text = booksText(checkpoint.books)
    if (text === this.#written) return
    await log.append(topicName(site, 'ledger'), [{ key: null, value: encodeCheckpoint(checkpoint), timestamp: at }])
    this.#written = text
  }

  /** Gaps are durable before the checkpoint that counts them. */
  async #writeGaps(): Promise<void> {
    const records = this.#unwritten.slice()
    // One by one: together they may be larger than a request may be.
    const topic = topicName(this.#options.site, 'gaps')
    await Promise.all(records.map((gap) => this.#options.log.append(topic, [gapRecord(gap)])))
    this.#unwritten = this.#unwritten.slice(records.length)
  }

  async #positions(): Promise<Position[]> {
    const { log, site } = this.#options
    const positions: Position[] = []
    for (const topic of [
      ...(await dataTopics(log, site, this.#options.kinds ?? DATA_KINDS)),
      topicName(site, 'gaps'),
    ]) {
      for (const { partition, end } of await log.ends(topic)) positions.push({ topic, partition, offset: end })
    }
    return positions
  }
}

/** What tells one state of the books from another: positions move with every reading of them, books only with data. */
function booksText(books: readonly BookState[]): string {
  const sorted = [...books].sort((a, b) => (a.source < b.source ? -1 : 1))
  return JSON.stringify(sorted.map((book) => [book.source, book.seq, book.duplicates]))
}

/** The numbers below the highest one of each source that nothing accounts for. */
function lostRecords(tail: Tail, at: number): GapRecord[] {
  const reason =
    tail.skipped > 0
      ? 'not in the log: never durable, or removed by retention while the hub was off'
      : 'not durable when the hub stopped, so never acknowledged'
  return [...tail.books.values()].flatMap((book) => {
    const ranges = book.missing(1, book.lastSeq)
    return chunks(ranges, 10_000).map((part): GapRecord => ({
      source: book.source,
      kind: 'unacknowledged',
      reason,
      from: part[0]![0],
      to: part.at(-1)![1],
      count: countOf(part),
      ...(part.length > 1 && { ranges: part }),
      at,
    }))
  })
}

function gapRecord(gap: GapRecord): NewRecord {
  const headers = [['content-type', 'application/json']] as const
  return { key: gap.source, value: JSON.stringify(gap), headers, timestamp: gap.at }
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}
