import type { Log, Position, ReadBatch, StoredRecord } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import { emptyBook, type BookState } from './book.ts'
import type { Checkpoint } from './checkpoint.ts'
import { dataTopics } from './data-topics.ts'
import { gapRanges, type GapRecord } from './gaps.ts'
import { SeqSet, countOf, type SeqRange } from './seq-set.ts'

/** What the log itself says of a source beyond a checkpoint: the checkpoint's book carried on, record by record. */
export class TailBook {
  readonly source: string
  readonly base: BookState
  /** Counts up to here are told apart, to be compared with the books of a later checkpoint; 0: none. */
  readonly until: number
  /** Numbers found as records of data, and numbers that a gap record speaks of. */
  readonly #seen = new SeqSet()
  readonly #explained = new SeqSet()
  /** Found beyond the base: of all numbers, and of those up to `until`. */
  readonly all = emptyCounts()
  readonly early = emptyCounts()
  /** Refused by the log, as far as its answer went, and in the log all the same; those up to `until`. */
  doubtful = 0
  duplicates = 0
  /** Records whose number is below the one before them in the same partition. */
  disorder = 0

  constructor(base: BookState, until: number) {
    this.source = base.source
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

  #explain(seq: number, gap: GapRecord): void {
    // A gap record may be there twice: its first append failed, as far as the answer went.
    if (!this.#explained.add(seq)) return
    if (this.#seen.has(seq)) {
      if (gap.kind === 'dropped') this.duplicates += 1
      else if (seq <= this.until) this.doubtful += 1
      return
    }
    for (const counts of seq <= this.until ? [this.all, this.early] : [this.all]) {
      if (gap.kind === 'dropped')
        counts.droppedBy.set(gap.policy ?? '', (counts.droppedBy.get(gap.policy ?? '') ?? 0) + 1)
      else counts.unacknowledged += 1
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
    const { base, all } = this
    const droppedBy = new Map(base.droppedBy)
    for (const [policy, count] of all.droppedBy) droppedBy.set(policy, (droppedBy.get(policy) ?? 0) + count)
    return {
      source: this.source,
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
  /** Where to begin; undefined: with the first record. */
  readonly base: Checkpoint | undefined
  /** The checkpoint whose books are to be proved. */
  readonly proved?: Checkpoint
  /** Called after every batch with the number of records read so far. */
  readonly onProgress?: (records: number) => void
}

export interface Tail {
  readonly books: ReadonlyMap<string, TailBook>
  readonly records: number
  /** Records that retention removed before they could be read here. */
  readonly skipped: number
  /** Positions that lie beyond the end of the log they name: it is not the log, or not all of it. */
  readonly beyond: readonly Position[]
}

/** Reads everything beyond a checkpoint, data first and the gaps last, and carries the books on. */
export async function readTail(options: TailOptions): Promise<Tail> {
  const { log, site, base, proved } = options
  const until = new Map(proved?.books.map((book) => [book.source, book.seq]))
  const books = new Map(
    (base?.books ?? []).map((book) => [book.source, new TailBook(book, until.get(book.source) ?? 0)]),
  )
  const bookOf = (source: string) => {
    const book = books.get(source) ?? new TailBook(emptyBook(source), until.get(source) ?? 0)
    books.set(source, book)
    return book
  }
  for (const source of until.keys()) bookOf(source)
  const data = await dataTopics(log, site, options.kinds)
  const total = { records: 0, skipped: 0, beyond: [] as Position[] }
  const quarantine = topicName(site, 'quarantine')
  for (const topics of [data, [topicName(site, 'gaps')]]) {
    const { positions, beyond } = await startPositions(log, topics, base)
    total.beyond.push(...beyond)
    const order = new Order()
    for await (const batch of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
      if (topics === data) takeData(batch, batch.topic === quarantine ? 'quarantined' : 'stored', bookOf, order)
      else takeGaps(batch, bookOf)
      total.records += batch.records.length
      total.skipped += batch.skipped
      options.onProgress?.(total.records)
    }
  }
  return { books, ...total }
}

/** Where the topics are to be read from: the checkpoint's positions, or the start where it names none. */
async function startPositions(log: Log, topics: readonly string[], base: Checkpoint | undefined) {
  const there = new Set((await log.topics()).map(({ name }) => name))
  const known = new Map(base?.positions.map((position) => [`${position.topic}/${position.partition}`, position.offset]))
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

function takeData(
  batch: ReadBatch,
  fate: 'stored' | 'quarantined',
  bookOf: (source: string) => TailBook,
  order: Order,
): void {
  for (const record of batch.records) {
    const number = numberOf(record)
    if (number === undefined) continue
    const book = bookOf(number.source)
    book.found(number.seq, fate)
    if (!order.rises(batch, number)) book.disorder += 1
  }
}

function takeGaps(batch: ReadBatch, bookOf: (source: string) => TailBook): void {
  for (const { value } of batch.records) {
    const gap = parseGap(value)
    const ranges = gap && gapRanges(gap)
    if (gap !== undefined && ranges !== undefined) bookOf(gap.source).explain(gap, ranges)
  }
}

function parseGap(value: Uint8Array | null): GapRecord | undefined {
  try {
    const gap = JSON.parse(Buffer.from(value ?? []).toString()) as GapRecord | null
    return typeof gap?.source === 'string' ? gap : undefined
  } catch {
    return undefined
  }
}

/** The numbers of a source rise within a partition: its order, as it was handed over. */
class Order {
  readonly #last = new Map<string, Map<string, number>>()

  rises({ topic, partition }: ReadBatch, { source, seq }: RecordNumber): boolean {
    const place = `${topic}/${partition}`
    let sources = this.#last.get(place)
    if (sources === undefined) this.#last.set(place, (sources = new Map()))
    const last = sources.get(source) ?? 0
    if (seq > last) sources.set(source, seq)
    return seq >= last
  }
}

interface RecordNumber {
  readonly source: string
  readonly seq: number
}

/** Source and number of a record, or undefined where it has none (it came from another producer). */
function numberOf({ headers }: StoredRecord): RecordNumber | undefined {
  let source: string | undefined
  let seq: number | undefined
  for (const [name, value] of headers) {
    if (name === 'source') source = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
    else if (name === 'seq') seq = parseSeq(value)
  }
  return source === undefined || seq === undefined ? undefined : { source, seq }
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
