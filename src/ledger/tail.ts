import type { Log, Position, ReadBatch, StoredRecord } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import { jsonOf } from '../system/json-bytes.ts'
import { textOf } from '../system/text.ts'
import { bookId, emptyBook, type BookState } from './book.ts'
import { dataTopics } from './data-topics.ts'
import { gapRanges, type GapRecord } from './gaps.ts'
import type { KnownBook } from './known-books.ts'
import { SeqSet, countOf, type SeqRange } from './seq-set.ts'

/** What the log itself says of a source beyond a checkpoint: the checkpoint's book carried on, record by record. */
export class TailBook {
  readonly source: string
  readonly epoch: number
  readonly base: BookState
  /** Counts up to here are told apart, to be compared with the books of a later checkpoint; 0: none. */
  readonly until: number
  /** Numbers found as records of data, and numbers that a gap record speaks of. */
  readonly #seen = new SeqSet()
  readonly #explained = new SeqSet()
  readonly #dropped = new SeqSet()
  /** Found beyond the base: of all numbers, and of those up to `until`. */
  readonly all = emptyCounts()
  readonly early = emptyCounts()
  /** Refused by the log, as far as its answer went, and in the log all the same; those up to `until`. */
  doubtful = 0
  /** Given up by who closed the book, and dropped by a policy according to its holder; those up to `until`. */
  corrected = 0
  duplicates = 0
  /** Records whose number is below the one before them in the same partition. */
  disorder = 0

  constructor(base: BookState, until: number) {
    this.source = base.source
    this.epoch = base.epoch
    this.base = base
    this.until = until
  }

  /** A record of data with this number. */
  found(seq: number, fate: 'stored' | 'quarantined'): void {
    if (seq <= this.base.seq) return
    if (!this.#seen.add(seq)) {
      this.duplicates += 1
      return
    }
    this.all[fate] += 1
    if (seq <= this.until) this.early[fate] += 1
  }

  /** A gap record; only after all data was read, because what is in the log counts as stored whatever a gap says. */
  explain(gap: GapRecord, ranges: readonly SeqRange[]): void {
    for (const [from, to] of ranges) {
      for (let seq = Math.max(from, this.base.seq + 1); seq <= to; seq++) this.#explain(seq, gap)
    }
  }

  #explain(seq: number, { kind, policy = '' }: GapRecord): void {
    // A gap record may be there twice: its first append failed, as far as the answer went.
    const isNew = this.#explained.add(seq)
    const early = seq <= this.until
    if (kind === 'dropped' ? !this.#dropped.add(seq) : !isNew) return
    if (this.#seen.has(seq)) {
      if (kind === 'dropped') this.duplicates += 1
      else if (early) this.doubtful += 1
      return
    }
    if (!isNew && early) this.corrected += 1
    for (const counts of early ? [this.all, this.early] : [this.all]) {
      if (kind !== 'dropped') {
        counts.unacknowledged += 1
        continue
      }
      counts.droppedBy.set(policy, (counts.droppedBy.get(policy) ?? 0) + 1)
      // Who closed the book could not know what its holder had not written yet.
      if (!isNew) counts.unacknowledged -= 1
    }
  }

  /** Highest number anybody knows of. */
  get lastSeq(): number {
    return Math.max(this.base.seq, this.until, this.#seen.max, this.#explained.max)
  }

  /** Runs of numbers from `from` to `to` that neither data nor a gap record accounts for. */
  missing(from: number, to: number): SeqRange[] {
    const missing: SeqRange[] = []
    for (const [first, last] of this.#seen.missing(Math.max(from, this.base.seq + 1), to)) {
      missing.push(...this.#explained.missing(first, last))
    }
    return missing
  }

  /** The book as of the highest number, with the numbers that nothing accounts for written off. */
  closed(): BookState {
    const { base, all, epoch } = this
    const droppedBy = new Map(base.droppedBy)
    for (const [policy, count] of all.droppedBy) droppedBy.set(policy, (droppedBy.get(policy) ?? 0) + count)
    return {
      source: this.source,
      epoch,
      ...(base.holder && { holder: base.holder }),
      seq: this.lastSeq,
      stored: base.stored + all.stored,
      quarantined: base.quarantined + all.quarantined,
      droppedBy,
      unacknowledged: base.unacknowledged + all.unacknowledged + countOf(this.missing(1, this.lastSeq)),
      duplicates: base.duplicates + this.duplicates,
    }
  }
}

export interface TailCounts {
  stored: number
  quarantined: number
  readonly droppedBy: Map<string, number>
  unacknowledged: number
}

function emptyCounts(): TailCounts {
  return { stored: 0, quarantined: 0, droppedBy: new Map(), unacknowledged: 0 }
}

export interface TailOptions {
  readonly log: Log
  readonly site: string
  /** Kinds of topics that hold numbered data, besides telemetry, quarantine and the raw ones. */
  readonly kinds: readonly string[]
  /** The books to be carried on, from their positions; none: everything is read from the first record. */
  readonly base: readonly KnownBook[]
  /** Books whose counts are to be proved: how far each is to be told apart. */
  readonly proved?: readonly KnownBook[]
  /** Whether to take a book that is not in `base`; default: every one. */
  readonly takes?: (source: string, epoch: number) => boolean
  /** The order to be kept is that of each key alone: the log is a copy, and may have other partitions. */
  readonly byKey?: boolean
  /** Called after every batch with the number of records read so far. */
  readonly onProgress?: (records: number) => void
}

export interface Tail {
  /** By `bookId`. */
  readonly books: ReadonlyMap<string, TailBook>
  readonly records: number
  /** Records that retention removed before they could be read here. */
  readonly skipped: number
  /** Positions that lie beyond the end of the log they name: it is not the log, or not all of it. */
  readonly beyond: readonly Position[]
}

/** Reads everything beyond a base, data first and the gaps last, and carries its books on. */
export async function readTail(options: TailOptions): Promise<Tail> {
  const { log, site } = options
  const books = new TailBooks(options)
  const data = await dataTopics(log, site, options.kinds)
  const total = { records: 0, skipped: 0, beyond: [] as Position[] }
  const quarantine = topicName(site, 'quarantine')
  for (const topics of [data, [topicName(site, 'gaps')]]) {
    const { positions, beyond } = await startPositions(log, topics, options.base)
    total.beyond.push(...beyond)
    const order = new Order(options.byKey === true)
    for await (const batch of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
      if (topics === data) takeData(batch, batch.topic === quarantine ? 'quarantined' : 'stored', books, order)
      else takeGaps(batch, books)
      total.records += batch.records.length
      total.skipped += batch.skipped
      options.onProgress?.(total.records)
    }
  }
  return { books: books.all, ...total }
}

/** The books that are carried on; one that no base names begins with its first record. */
class TailBooks {
  readonly all = new Map<string, TailBook>()
  readonly #until: ReadonlyMap<string, number>
  readonly #takes: (source: string, epoch: number) => boolean

  constructor({ base, proved = [], takes = () => true }: TailOptions) {
    this.#until = new Map(proved.map(({ state }) => [bookId(state), state.seq]))
    this.#takes = takes
    for (const { state } of base) this.#open(bookId(state), state)
    for (const { state } of proved) this.get(state.source, state.epoch)
  }

  get(source: string, epoch: number): TailBook | undefined {
    const id = bookId({ source, epoch })
    const book = this.all.get(id)
    if (book !== undefined || !this.#takes(source, epoch)) return book
    return this.#open(id, emptyBook(source, epoch))
  }

  #open(id: string, state: BookState): TailBook {
    const book = new TailBook(state, this.#until.get(id) ?? 0)
    this.all.set(id, book)
    return book
  }
}

/**
 * Where the topics are to be read from: the lowest of the positions, or the start where a book's names none. Nobody
 * writes to closed books, so they hold nothing up.
 */
async function startPositions(log: Log, topics: readonly string[], base: readonly KnownBook[]) {
  const there = new Set((await log.topics()).map(({ name }) => name))
  const known = lowest(base)
  const positions: Position[] = []
  const beyond: Position[] = []
  for (const topic of topics) {
    if (!there.has(topic)) continue
    for (const { partition, start, end } of await log.ends(topic)) {
      const offset = known.get(`${topic}/${partition}`) ?? start
      if (offset > end) beyond.push({ topic, partition, offset })
      positions.push({ topic, partition, offset: Math.min(offset, end) })
    }
  }
  return { positions, beyond }
}

/** The lowest position of each partition among the open books; a partition is missing where one of them names none. */
export function lowest(books: readonly KnownBook[]): Map<string, number> {
  const open = books.filter(({ state }) => state.closed !== true)
  const statements = [...new Set((open.length > 0 ? open : books).map(({ positions }) => positions))]
  const lows = new Map<string, { offset: number; named: number }>()
  for (const positions of statements) {
    for (const { topic, partition, offset } of positions) {
      const place = `${topic}/${partition}`
      const low = lows.get(place)
      lows.set(place, { offset: Math.min(low?.offset ?? offset, offset), named: (low?.named ?? 0) + 1 })
    }
  }
  const all = [...lows].filter(([, { named }]) => named === statements.length)
  return new Map(all.map(([place, { offset }]) => [place, offset]))
}

function takeData(batch: ReadBatch, fate: 'stored' | 'quarantined', books: TailBooks, order: Order): void {
  for (const record of batch.records) {
    const number = numberOf(record)
    const book = number && books.get(number.source, number.epoch)
    if (number === undefined || book === undefined) continue
    book.found(number.seq, fate)
    if (!order.rises(batch, record, number)) book.disorder += 1
  }
}

function takeGaps(batch: ReadBatch, books: TailBooks): void {
  for (const { value } of batch.records) {
    const gap = parseGap(value)
    const ranges = gap && gapRanges(gap)
    if (gap !== undefined && ranges !== undefined) books.get(gap.source, gap.epoch ?? 1)?.explain(gap, ranges)
  }
}

function parseGap(value: Uint8Array | null): GapRecord | undefined {
  const gap = jsonOf(value) as GapRecord | null | undefined
  const epoch = gap?.epoch ?? 1
  return typeof gap?.source === 'string' && Number.isSafeInteger(epoch) && epoch > 0 ? gap : undefined
}

/** The numbers of a book rise within a partition, or a key: the order of its source, as it was handed over. */
class Order {
  readonly #byKey: boolean
  readonly #last = new Map<string, Map<string, number>>()

  constructor(byKey: boolean) {
    this.#byKey = byKey
  }

  rises({ topic, partition }: ReadBatch, { key }: StoredRecord, number: RecordNumber): boolean {
    // Records without a key have no order.
    if (this.#byKey && key === null) return true
    const place = `${topic}/${this.#byKey ? textOf(key!) : partition}`
    let books = this.#last.get(place)
    if (books === undefined) this.#last.set(place, (books = new Map()))
    const id = bookId(number)
    const last = books.get(id) ?? 0
    if (number.seq > last) books.set(id, number.seq)
    return number.seq >= last
  }
}

interface RecordNumber {
  readonly source: string
  readonly epoch: number
  readonly seq: number
}

/** Source, epoch and number of a record, or undefined where it has none (it came from another producer). */
function numberOf({ headers }: StoredRecord): RecordNumber | undefined {
  let source: string | undefined
  let seq: number | undefined
  let epoch: number | undefined = 1
  for (const [name, value] of headers) {
    if (name === 'source') source = textOf(value)
    else if (name === 'seq') seq = parseSeq(value)
    else if (name === 'epoch') epoch = parseSeq(value)
  }
  return source === undefined || seq === undefined || epoch === undefined ? undefined : { source, epoch, seq }
}

/** ASCII decimal; a number that no source could have given is none. */
function parseSeq(digits: Uint8Array): number | undefined {
  if (digits.length === 0 || digits.length > 15) return undefined
  let seq = 0
  for (const digit of digits) {
    if (digit < 48 || digit > 57) return undefined
    seq = seq * 10 + digit - 48
  }
  return seq > 0 ? seq : undefined
}
