import type { Log } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import { sum, type BookState, type BookSummary } from './book.ts'
import { checkpoints, lastCheckpoint, type Checkpoint } from './checkpoint.ts'
import { dataTopics } from './data-topics.ts'
import { DATA_KINDS } from './ledger.ts'
import { countOf, type SeqRange } from './seq-set.ts'
import { readTail, type Tail, type TailBook } from './tail.ts'

export interface AuditOptions {
  /** Read the topics from their start (from the first checkpoint that retention left provable); else only the tails. */
  readonly full: boolean
  /** Kinds of topics that hold numbered data, besides telemetry, quarantine and the raw ones. */
  readonly kinds?: readonly string[]
  /** Called after every batch with the number of records read so far. */
  readonly onProgress?: (records: number) => void
}

/** A book as the log alone proves it. */
export interface AuditedBook extends BookSummary {
  /** Numbers up to the last checkpoint that nothing accounts for, at most 100 runs. */
  readonly missing: readonly SeqRange[]
  readonly duplicates: number
  /** Records whose number is below the one before them in the same partition. */
  readonly disorder: number
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
}

/**
 * Proves the books from the log alone, which may be in use: numbers beyond the last checkpoint that are not there yet
 * count as in flight. Every number up to the last checkpoint must be in the log exactly once, in order, or in a gap.
 * @throws LogError where the log cannot be read.
 */
export async function auditLedger(log: Log, site: string, options: AuditOptions): Promise<Audit> {
  const topic = topicName(site, 'ledger')
  const kinds = options.kinds ?? DATA_KINDS
  // The checkpoint first: everything that it counts is durable, so it is found by whoever begins to read now.
  const there = (await log.topics()).some(({ name }) => name === topic)
  const proved = there ? await lastCheckpoint(log, topic) : undefined
  const base = options.full ? await provableBase(log, site, kinds) : proved
  const tail = await readTail({
    log,
    site,
    kinds,
    base,
    ...(proved && { proved }),
    ...(options.onProgress && { onProgress: options.onProgress }),
  })
  const claims = new Map(proved?.books.map((book) => [book.source, book]))
  const audited = [...tail.books.values()].map((book) => auditBook(book, claims.get(book.source)))
  const books = audited.map(({ book }) => book).sort((a, b) => (a.source < b.source ? -1 : 1))
  const reasons = [...tailReasons(tail), ...audited.flatMap(({ reasons }) => reasons)]
  return { balanced: reasons.length === 0, reasons, books, records: tail.records, ...(base && { since: base.at }) }
}

/**
 * Where a full proof can begin: at the first record, or, where retention has removed some, at the oldest checkpoint
 * whose positions are all still there.
 */
async function provableBase(log: Log, site: string, kinds: readonly string[]): Promise<Checkpoint | undefined> {
  const starts = await startsOf(log, site, kinds)
  if ([...starts.values()].every((start) => start === 0)) return undefined
  let newest: Checkpoint | undefined
  for await (const checkpoint of checkpoints(log, topicName(site, 'ledger'), 0)) {
    newest = checkpoint
    const reached = new Map(
      checkpoint.positions.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]),
    )
    if ([...starts].every(([place, start]) => (reached.get(place) ?? 0) >= start)) return checkpoint
  }
  return newest
}

async function startsOf(log: Log, site: string, kinds: readonly string[]): Promise<Map<string, number>> {
  const starts = new Map<string, number>()
  const there = new Set((await log.topics()).map(({ name }) => name))
  for (const topic of [...(await dataTopics(log, site, kinds)), topicName(site, 'gaps')]) {
    if (!there.has(topic)) continue
    for (const { partition, start } of await log.ends(topic)) starts.set(`${topic}/${partition}`, start)
  }
  return starts
}

function tailReasons({ beyond, skipped }: Tail): string[] {
  const reasons = beyond.map(
    ({ topic, partition, offset }) =>
      `Topic "${topic}" partition ${partition} ends before offset ${offset}, which the last checkpoint has seen`,
  )
  if (skipped > 0) reasons.push(`Retention removed ${skipped} records that no checkpoint had counted`)
  return reasons
}

function auditBook(tail: TailBook, claim: BookState | undefined): { book: AuditedBook; reasons: string[] } {
  const proved = claim?.seq ?? 0
  const missing = tail.missing(1, proved)
  const inFlight = countOf(tail.missing(proved + 1, tail.lastSeq))
  const closed = tail.closed()
  const reasons = [
    ...missing
      .slice(0, 10)
      .map(([from, to]) => `Source "${tail.source}": numbers ${from} to ${to} are nowhere in the log`),
    ...(tail.duplicates > 0 ? [`Source "${tail.source}": ${tail.duplicates} numbers are in the log twice`] : []),
    ...(tail.disorder > 0 ? [`Source "${tail.source}": ${tail.disorder} records lie before an older one`] : []),
    ...(claim === undefined ? [] : differences(tail, claim)),
  ]
  const book = {
    source: tail.source,
    received: closed.seq,
    stored: closed.stored,
    quarantined: closed.quarantined,
    dropped: sum(closed.droppedBy),
    droppedBy: Object.fromEntries(closed.droppedBy),
    unacknowledged: closed.unacknowledged - inFlight - countOf(missing),
    inFlight,
    lastSeq: closed.seq,
    balanced: reasons.length === 0,
    missing: missing.slice(0, 100),
    duplicates: closed.duplicates,
    disorder: tail.disorder,
  }
  return { book, reasons }
}

/** Where the last checkpoint says something else than the records that it counted. */
function differences({ source, base, early, doubtful }: TailBook, claim: BookState): string[] {
  const compare = (fate: string, found: number, claimed: number) =>
    found === claimed ? [] : [`Source "${source}": ${found} ${fate} are in the log, the books say ${claimed}`]
  return [
    ...compare(
      'stored and quarantined',
      base.stored + base.quarantined + early.stored + early.quarantined - doubtful,
      claim.stored + claim.quarantined,
    ),
    ...compare('dropped', sum(base.droppedBy) + sum(early.droppedBy), sum(claim.droppedBy)),
    ...compare('unacknowledged', base.unacknowledged + early.unacknowledged + doubtful, claim.unacknowledged),
    ...(claim.duplicates > 0 ? [`Source "${source}": ${claim.duplicates} numbers were in the log twice`] : []),
  ]
}
