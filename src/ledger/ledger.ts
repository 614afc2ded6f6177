import assert from 'node:assert/strict'
import type { Log, Position } from '../log/log.ts'
import { topicSpec } from '../log/topics.ts'
import { topicName } from '../model/path.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/system.ts'
import { within } from '../system/wait.ts'
import {
  addSummaries,
  Book,
  bookId,
  emptyBook,
  summaryOf,
  type BookState,
  type BookSummary,
  type Holder,
} from './book.ts'
import { encodeCheckpoint, type Checkpoint, type Statement } from './checkpoint.ts'
import { dataTopics } from './data-topics.ts'
import { LedgerFeed } from './feed.ts'
import type { GapRecord } from './gaps.ts'
import { gapRecord, lostRecords } from './losses.ts'
import { readTail, type Tail } from './tail.ts'

export interface LedgerOptions {
  readonly log: Log
  readonly site: string
  readonly system: Pick<System, 'clock' | 'logger' | 'metrics'>
  /** Kinds of topics that sources write to; default `telemetry`, `events` and `raw`. */
  readonly kinds?: readonly string[]
  /** How often the books are written down if they changed, in ms; default 5,000. */
  readonly everyMs?: number
  /** Who this hub is, where several share the log. Absent: nobody else writes to it, and no book has to be claimed. */
  readonly holder?: Holder
}

export const DATA_KINDS: readonly string[] = ['telemetry', 'events', 'raw']

const EVERY_MS = 5_000
/** How often a hub that shares its log writes down what it knows of the others' books. */
const WHOLE_MS = 60_000
/** How long `open` waits for the first checkpoint. */
const OPEN_MS = 1_000
/** How long `close` waits for what is in flight, so that the last checkpoint holds it. */
const CLOSE_MS = 10_000

/**
 * The books of all sources: received = stored + quarantined + dropped + unacknowledged + in flight, always. They are
 * written to `<site>.ledger` every few seconds, and what the log holds beyond the last checkpoint is read when a book is
 * taken up or closed; so they are exact after any crash, and the log alone proves them (`auditLedger`).
 *
 * Where several hubs share the log, each writes books of its own: a book is of one source and one epoch, and an epoch is
 * claimed by being the first to write it into the ledger's one partition (`claim`). What a hub that lost a source still
 * has on its way is of its own epoch, so it is never taken for a number of the next holder.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #feed: LedgerFeed
  /** The books that this hub writes, by `bookId`; those that have ended stay until that is durable. */
  readonly #books = new Map<string, Book>()
  /** The book that a source is writing now. */
  readonly #current = new Map<string, Book>()
  /** Books of former epochs that the next checkpoint closes. */
  #closing: BookState[] = []
  /** Gap records that no checkpoint counts yet because they could not be appended. */
  #unwritten: GapRecord[] = []
  #written = booksText([])
  /** The newest record of this hub that holds what is known of the others, and from where on it is to be read. */
  #whole = { at: -Infinity, from: 0 }
  #complete = true
  #running: Promise<void> | undefined
  #timer: Timer | undefined

  private constructor(options: LedgerOptions, feed: LedgerFeed) {
    this.#options = options
    this.#feed = feed
  }

  /**
   * Reads the newest checkpoints and begins to write its own. A hub that has the log for itself also reads the tails of
   * the topics beyond them, and writes down as gaps what a crash took.
   * @throws LogError where the log cannot be read.
   */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const { log, site, system } = options
    await log.ensure([topicSpec(site, 'ledger', 1), topicSpec(site, 'gaps', 1)])
    const feed = await LedgerFeed.open(log, topicName(site, 'ledger'), system)
    const ledger = new Ledger(options, feed)
    if (options.holder === undefined) await ledger.#takeUp()
    else feed.follow()
    ledger.#timer = system.clock.every(options.everyMs ?? EVERY_MS, () => void ledger.#tick())
    return ledger
  }

  /** The book that a source writes now. Where the log is shared it must have been claimed; else it is opened on first use. */
  book(source: string): Book {
    const book = this.#current.get(source)
    if (book !== undefined) return book
    assert.equal(this.#options.holder, undefined, `the book of "${source}" was not claimed`)
    return this.#begin(emptyBook(source))
  }

  /**
   * Takes the next epoch of each source for this hub: resolves, with a new book for each, when all who read the ledger
   * agree that it is ours. Books of former epochs are not touched: `closeOrphans` does that, or their holder.
   * @throws LogError where the log refuses. Where this hub has the log for itself, the books are those of `book`.
   */
  async claim(sources: readonly string[]): Promise<Book[]> {
    const { system, holder } = this.#options
    if (holder === undefined) return sources.map((source) => this.book(source))
    const claimed = new Map<string, Book>()
    while (claimed.size < sources.length) {
      const positions = await this.#positions()
      const books = sources
        .filter((source) => !claimed.has(source))
        .map((source): BookState => ({ ...emptyBook(source, this.#feed.known.highest(source) + 1), holder }))
      const { nextOffset } = await this.#state({ at: system.clock.now(), positions, books })
      await this.#feed.reached(nextOffset)
      for (const book of books) {
        if (this.#feed.known.holder(book.source, book.epoch)?.run === holder.run) {
          claimed.set(book.source, this.#begin(book))
        }
      }
    }
    return sources.map((source) => claimed.get(source)!)
  }

  /** Closes a book: resolves when everything that was handed over is settled, and that is written down. */
  async release(book: Book): Promise<void> {
    book.end()
    if (this.#current.get(book.source) === book) this.#current.delete(book.source)
    await this.#running?.catch(() => {})
    await this.checkpoint()
  }

  /**
   * Closes the books of holders that are gone: what the log holds of each is counted, and the numbers below its highest
   * that are not there become gaps. Harmless where two hubs do it at once. `lives` is asked about each holder, with the
   * wall time of the last it wrote about the book.
   * @throws LogError where the log cannot be read or refuses.
   */
  async closeOrphans(lives: (holder: Holder, at: number) => boolean): Promise<void> {
    const { log, site, system } = this.#options
    const orphans = this.#feed.known.all().filter(({ state, at: seen }) => {
      if (state.closed === true || this.#books.has(bookId(state))) return false
      return state.holder === undefined || !lives(state.holder, seen)
    })
    if (orphans.length === 0) return
    const positions = await this.#positions()
    const tail = await readTail({ log, site, kinds: this.#kinds, base: orphans, takes: () => false })
    this.#judge(tail)
    const at = system.clock.now()
    for (const gap of lostRecords(tail, at)) await log.append(topicName(site, 'gaps'), [gapRecord(gap)])
    const books = [...tail.books.values()].map((book) => ({ ...book.closed(), closed: true as const }))
    await this.#state({ at, positions, books })
    for (const { source, epoch, holder } of books) {
      system.logger.info('Closed the book of a hub that is gone', { source, epoch, hub: holder?.hub })
    }
  }

  /** Calls `listener` with every book of this hub whose source another one has claimed since. */
  onSuperseded(listener: (book: Book) => void): void {
    this.#feed.onMore(() => {
      const newest = this.#feed.known.newest()
      for (const book of this.#current.values()) {
        const claimed = newest.get(book.source)
        if (claimed === undefined || claimed.epoch <= book.epoch) continue
        if (claimed.holder?.run !== this.#options.holder?.run) listener(book)
      }
    })
  }

  /** The accounts of all sources, of all hubs; of others as of their last checkpoints. */
  view(): BookSummary[] {
    const sources = new Map(this.#feed.known.summaries(this.#books).map((summary) => [summary.source, summary]))
    for (const book of this.#books.values()) {
      const before = sources.get(book.source)
      sources.set(book.source, before === undefined ? book.summary() : addSummaries(before, book.summary()))
    }
    return [...sources.values()].sort((a, b) => (a.source < b.source ? -1 : 1))
  }

  /** The account of one source; empty where there is none. */
  summary(source: string): BookSummary {
    return this.view().find((book) => book.source === source) ?? summaryOf(emptyBook(source))
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
    return this.#kinds.includes(kind)
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
    if (this.#options.holder !== undefined) for (const book of this.#current.values()) book.end()
    const last = this.#running ? this.#running.catch(() => {}).then(() => this.checkpoint()) : this.checkpoint()
    const written = last.catch((error: unknown) => {
      logger.warn('Cannot write the last checkpoint of the ledger', { error })
    })
    if (!(await within(CLOSE_MS, written, clock))) {
      logger.warn('The ledger was closed without its last checkpoint; the next start reads it from the log')
    }
    this.#feed.close()
  }

  /** Carries all books on from the log: nobody else can be writing them. */
  async #takeUp(): Promise<void> {
    const { log, site, system } = this.#options
    const { known } = this.#feed
    const base = known.all()
    const takes = (source: string, epoch: number) => !known.isPast(source, epoch)
    const tail = await readTail({ log, site, kinds: this.#kinds, base, takes })
    this.#judge(tail)
    const states = [...tail.books.values()].map((book) => book.closed())
    for (const state of states) {
      const newest = states.every(({ source, epoch }) => source !== state.source || epoch <= state.epoch)
      if (newest) this.#begin(state)
      else if (known.get(bookId(state))?.state.closed !== true) this.#closing.push({ ...state, closed: true })
    }
    this.#written = booksText(base.map(({ state }) => state))
    this.#unwritten = lostRecords(tail, system.clock.now())
    for (const { source, from, to, count } of this.#unwritten) {
      system.logger.warn('Numbers were never durable, so never acknowledged', { source, from, to, count })
    }
    await this.#open()
  }

  /**
   * The first checkpoint, with the gaps of the crash before. A log that cannot store right now (a full disk) keeps it
   * waiting, but nobody from reading: after another crash the same gaps are found again.
   */
  async #open(): Promise<void> {
    await within(OPEN_MS, this.#tick(), this.#options.system.clock)
  }

  #begin(state: BookState): Book {
    const book = new Book(state, this.#options.system.metrics)
    this.#books.set(bookId(book), book)
    this.#current.set(book.source, book)
    return book
  }

  #judge({ beyond }: Tail): void {
    for (const { topic, partition, offset } of beyond) {
      this.#options.system.logger.error('The log ends before a position of the ledger', { topic, partition, offset })
    }
    if (beyond.length > 0) this.#complete = false
  }

  async #tick(): Promise<void> {
    try {
      await this.checkpoint()
    } catch (error) {
      this.#options.system.logger.warn('Cannot write a checkpoint of the ledger; the next one holds it', { error })
    }
  }

  async #write(): Promise<void> {
    const { system } = this.#options
    // First the positions, then the numbers: whatever gets a higher number is appended after this.
    const positions = await this.#positions()
    const at = system.clock.now()
    const marked = await Promise.all([...this.#books.values()].map((book) => book.mark(at)))
    this.#unwritten.push(...marked.flatMap(({ gaps }) => gaps))
    await this.#writeGaps()
    const books = [...marked.map(({ state }) => state), ...this.#closing]
    const text = booksText(books)
    if (text === this.#written) return
    const { checkpoint } = await this.#state({ at, positions, books })
    this.#closing = []
    this.#feed.known.merge(checkpoint)
    for (const state of books) if (state.closed === true) this.#books.delete(bookId(state))
    this.#written = booksText(books.filter((state) => state.closed !== true))
  }

  /** Appends a record of some books; once a minute with all that is known of the others, so that readers need no older. */
  async #state(statement: Statement): Promise<{ readonly checkpoint: Checkpoint; readonly nextOffset: number }> {
    const { log, site, system, holder } = this.#options
    const { known, next } = this.#feed
    const { at } = statement
    const now = system.clock.monotonic()
    const whole = holder === undefined || now - this.#whole.at >= WHOLE_MS
    if (holder !== undefined) known.fold(at)
    const others = known.statements(new Set(statement.books.map(bookId)))
    const past = known.past()
    const checkpoint: Checkpoint = {
      ...statement,
      ...(whole && others.length > 0 && { others }),
      ...(whole && past.length > 0 && { past }),
      ...(holder !== undefined && { upTo: whole ? next : this.#whole.from }),
    }
    const record = { key: null, value: encodeCheckpoint(checkpoint), timestamp: at }
    const [appended] = await log.append(topicName(site, 'ledger'), [record])
    if (whole) this.#whole = { at: now, from: next }
    return { checkpoint, nextOffset: appended!.nextOffset }
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
    for (const topic of [...(await dataTopics(log, site, this.#kinds)), topicName(site, 'gaps')]) {
      for (const { partition, end } of await log.ends(topic)) positions.push({ topic, partition, offset: end })
    }
    return positions
  }

  get #kinds(): readonly string[] {
    return this.#options.kinds ?? DATA_KINDS
  }
}

/** What tells one state of the books from another: positions move with every reading of them, books only with data. */
function booksText(books: readonly BookState[]): string {
  const texts = books.map((book) => [bookId(book), book.seq, book.duplicates, book.closed === true] as const)
  return JSON.stringify(texts.sort(([a], [b]) => (a < b ? -1 : 1)))
}
