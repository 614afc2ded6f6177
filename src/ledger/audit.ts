import type { Log } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import { addSummaries, sum, summaryOf, type BookState, type BookSummary } from './book.ts'
import { checkpoints, lastCheckpoints, type CheckpointRecord } from './checkpoint.ts'
import { copyBase, copyTerms, type CopyTerms } from './copy.ts'
import { dataTopics } from './data-topics.ts'
import { KnownBooks, type KnownBook } from './known-books.ts'
import { DATA_KINDS } from './ledger.ts'
import { countOf, type SeqRange } from './seq-set.ts'
import { lowest, readTail, type Tail, type TailBook } from './tail.ts'

export interface AuditOptions {
  /** Read the topics from their start (from the first checkpoint that retention left provable); else only the tails. */
  readonly full: boolean
  /** Kinds of topics that hold numbered data, besides telemetry, quarantine and the raw ones. */
  readonly kinds?: readonly string[]
  /** Called after every batch with the number of records read so far. */
  readonly onProgress?: (records: number) => void
}

/** The account of a source as the log alone proves it, over all its epochs. */
interface AuditedBook extends BookSummary {
  /** Numbers up to the last checkpoint that nothing accounts for, at most 100 runs of each epoch. */
  readonly missing: readonly SeqRange[]
  readonly duplicates: number
  /** Records whose number is below the one before them in the same partition and epoch. */
  readonly disorder: number
  /** How many holders it has had. */
  readonly epochs: number
  /** Stored by a holder that had lost the source, behind the back of whoever closed its book. */
  readonly late: number
}

export interface Audit {
  readonly balanced: boolean
  /** Why not, in sentences for people. */
  readonly reasons: readonly string[]
  readonly books: readonly AuditedBook[]
  /** Records that were read. */
  readonly records: number
  /** Wall time of the checkpoint the proof began at; undefined: at the first record. */
  readonly since?: number
  /**
   * The log is a copy that a replication has made of another. `partial`: it leaves records out on purpose, so that the
   * books prove only that nothing is there twice and, where it is carried in order, that nothing is out of order.
   */
  readonly copy?: 'whole' | 'partial'
}

/**
 * Proves the books from the log alone, which may be in use: numbers beyond the last checkpoint that are not there yet
 * count as in flight. Every number up to the last checkpoint must be in the log exactly once, in order, or in a gap.
 * @throws LogError where the log cannot be read.
 */
export async function auditLedger(log: Log, site: string, options: AuditOptions): Promise<Audit> {
  const kinds = options.kinds ?? DATA_KINDS
  const copy = await copyTerms(log, site)
  const full = options.full || copy !== undefined
  // The checkpoints first: everything that they count is durable, so it is found by whoever begins to read now.
  const records = await ledgerRecords(log, topicName(site, 'ledger'), full)
  const proved = knowing(records, full)
  const base = copy
    ? await copyBase(log, await booked(log, site, kinds), records)
    : full
      ? await provableBase(log, site, kinds, records)
      : { books: proved.all(), at: latest(proved) }
  const tail = await readTail({
    log,
    site,
    kinds,
    base: base.books,
    proved: proved.all(),
    takes: (source, epoch) => !proved.isPast(source, epoch),
    byKey: copy !== undefined,
    ...(options.onProgress && { onProgress: options.onProgress }),
  })
  const audited = [...tail.books]
    .sort(([, a], [, b]) => a.epoch - b.epoch)
    .map(([id, book]) => auditBook(book, proved.get(id)?.state, copy ?? OWN))
  const books = perSource([...proved.past().map(pastBook), ...audited.map(({ book }) => book)])
  const reasons = [...tailReasons(tail), ...audited.flatMap(({ reasons }) => reasons)]
  const { at } = base
  return {
    balanced: reasons.length === 0,
    reasons,
    books,
    records: tail.records,
    ...(at !== undefined && { since: at }),
    ...(copy && { copy: copy.whole ? ('whole' as const) : ('partial' as const) }),
  }
}

/** What a log's own books demand. */
const OWN: CopyTerms = { whole: true, ordered: true }

/** What the ledger's topic says: of its newest records, or, for a full proof, of all of them. */
async function ledgerRecords(log: Log, topic: string, full: boolean): Promise<readonly CheckpointRecord[]> {
  if (!(await log.topics()).some(({ name }) => name === topic)) return []
  if (!full) return (await lastCheckpoints(log, topic)).records
  const [ends] = await log.ends(topic)
  return Array.fromAsync(checkpoints(log, topic, ends?.start ?? 0, ends?.end))
}

/** Each book by itself where all records of the ledger are there; else its old ones may be known as sums only. */
function knowing(records: readonly CheckpointRecord[], full: boolean): KnownBooks {
  const known = new KnownBooks({ keepAll: full && (records[0]?.checkpoint.past ?? []).length === 0 })
  for (const { checkpoint } of records) known.merge(checkpoint)
  return known
}

function latest(known: KnownBooks): number | undefined {
  const times = known.all().map(({ at }) => at)
  return times.length === 0 ? undefined : Math.max(...times)
}

/**
 * Where a full proof can begin: at the first record, or, where retention has removed some, with the books as of the
 * oldest record of the ledger from whose positions on everything is still there.
 */
async function provableBase(
  log: Log,
  site: string,
  kinds: readonly string[],
  records: readonly CheckpointRecord[],
): Promise<{ readonly books: readonly KnownBook[]; readonly at?: number | undefined }> {
  const starts = await startsOf(log, site, kinds)
  if ([...starts.values()].every((start) => start === 0)) return { books: [] }
  const known = knowing([], true)
  let at: number | undefined
  for (const { checkpoint } of records) {
    known.merge(checkpoint)
    at = checkpoint.at
    const reached = lowest(known.all())
    if ([...starts].every(([place, start]) => (reached.get(place) ?? 0) >= start)) break
  }
  return { books: known.all(), at }
}

async function startsOf(log: Log, site: string, kinds: readonly string[]): Promise<Map<string, number>> {
  const starts = new Map<string, number>()
  for (const topic of await booked(log, site, kinds)) {
    for (const { partition, start } of await log.ends(topic)) starts.set(`${topic}/${partition}`, start)
  }
  return starts
}

/** The topics that are there and that the books speak of. */
async function booked(log: Log, site: string, kinds: readonly string[]): Promise<string[]> {
  const there = new Set((await log.topics()).map(({ name }) => name))
  return [...(await dataTopics(log, site, kinds)), topicName(site, 'gaps')].filter((topic) => there.has(topic))
}

function tailReasons({ beyond, skipped }: Tail): string[] {
  const reasons = beyond.map(
    ({ topic, partition, offset }) =>
      `Topic "${topic}" partition ${partition} ends before offset ${offset}, which the last checkpoint has seen`,
  )
  if (skipped > 0) reasons.push(`Retention removed ${skipped} records that no checkpoint had counted`)
  return reasons
}

function auditBook(
  tail: TailBook,
  claim: BookState | undefined,
  terms: CopyTerms,
): { book: AuditedBook; reasons: string[] } {
  const proved = claim?.seq ?? 0
  const missing = terms.whole ? tail.missing(1, proved) : []
  const beyond = countOf(tail.missing(proved + 1, tail.lastSeq))
  // Nobody waits for what a closed book does not have: its holder has lost the source, and acknowledges what is durable.
  const inFlight = claim?.closed === true ? 0 : beyond
  const closed = tail.closed()
  const name = tail.epoch === 1 ? `Source "${tail.source}"` : `Source "${tail.source}", epoch ${tail.epoch}`
  const reasons = [
    ...missing.slice(0, 10).map(([from, to]) => `${name}: numbers ${from} to ${to} are nowhere in the log`),
    ...(tail.duplicates > 0 ? [`${name}: ${tail.duplicates} numbers are in the log twice`] : []),
    ...(tail.disorder > 0 && terms.ordered ? [`${name}: ${tail.disorder} records lie before an older one`] : []),
    ...(claim === undefined || !terms.whole ? [] : differences(name, tail, claim)),
  ]
  const book = {
    ...summaryOf(closed),
    unacknowledged: closed.unacknowledged - inFlight - countOf(missing),
    inFlight,
    balanced: reasons.length === 0,
    missing: missing.slice(0, 100),
    duplicates: closed.duplicates,
    disorder: tail.disorder,
    epochs: 1,
    late:
      claim?.closed === true
        ? closed.stored +
          closed.quarantined -
          tail.early.stored -
          tail.early.quarantined -
          tail.base.stored -
          tail.base.quarantined
        : 0,
  }
  return { book, reasons }
}

/** The sum of books that nobody proves one by one any more. */
function pastBook(past: BookState): AuditedBook {
  return { ...summaryOf(past), missing: [], duplicates: past.duplicates, disorder: 0, epochs: past.epoch, late: 0 }
}

function perSource(books: readonly AuditedBook[]): AuditedBook[] {
  const sources = new Map<string, AuditedBook>()
  for (const book of books) {
    const before = sources.get(book.source)
    if (before === undefined) {
      sources.set(book.source, book)
      continue
    }
    sources.set(book.source, {
      ...addSummaries(before, book),
      missing: [...before.missing, ...book.missing],
      duplicates: before.duplicates + book.duplicates,
      disorder: before.disorder + book.disorder,
      epochs: before.epochs + book.epochs,
      late: before.late + book.late,
    })
  }
  return [...sources.values()].sort((a, b) => (a.source < b.source ? -1 : 1))
}

/**
 * Where the last checkpoint says something else than the records that it counted. A number that was given up may be in
 * the log all the same, or have been dropped: how it was counted depends on who wrote the checkpoint, and both are true.
 */
function differences(name: string, { base, early, doubtful, corrected }: TailBook, claim: BookState): string[] {
  const compare = (fate: string, low: number, claimed: number, slack = 0) =>
    claimed >= low && claimed <= low + slack ? [] : [`${name}: ${low} ${fate} are in the log, the books say ${claimed}`]
  return [
    ...compare(
      'stored and quarantined',
      base.stored + base.quarantined + early.stored + early.quarantined - doubtful,
      claim.stored + claim.quarantined,
      doubtful,
    ),
    ...compare('dropped', sum(base.droppedBy) + sum(early.droppedBy) - corrected, sum(claim.droppedBy), corrected),
    ...compare(
      'unacknowledged',
      base.unacknowledged + early.unacknowledged,
      claim.unacknowledged,
      doubtful + corrected,
    ),
    ...(claim.duplicates > 0 ? [`${name}: ${claim.duplicates} numbers were in the log twice`] : []),
  ]
}
