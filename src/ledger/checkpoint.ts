import type { Log, Position } from '../log/log.ts'
import type { BookState } from './book.ts'

/**
 * Books at one moment, and where to go on reading to extend them.
 *
 * `positions` were noted before the numbers of `books`: every record with a higher number lies at or beyond them, and
 * every record with a number up to its book's was durable before this one was written.
 */
export interface Statement {
  /** Wall time, ms since the epoch. */
  readonly at: number
  readonly positions: readonly Position[]
  readonly books: readonly BookState[]
}

/**
 * The value of one record of `<site>.ledger`: what its writer says of its own books, and, where several hubs share the
 * log, what it has read of the others', so that the newest records are enough to know all.
 */
export interface Checkpoint extends Statement {
  readonly others?: readonly Statement[]
  /** The sums of each source's books up to an epoch, all of them closed long ago; `seq` is how many numbers they had. */
  readonly past?: readonly BookState[]
  /** Who reads the topic from this offset on knows all; absent: this record is all there is to know. */
  readonly upTo?: number
}

const VERSION = 1

interface StatementJson {
  readonly at: number
  readonly positions: readonly { readonly topic: string; readonly offsets: readonly number[] }[]
  readonly books: readonly BookJson[]
}

type BookJson = Omit<BookState, 'droppedBy' | 'epoch'> & {
  /** Absent: 1. */
  readonly epoch?: number
  readonly droppedBy: { readonly [policy: string]: number }
}

interface CheckpointJson extends StatementJson {
  readonly version: number
  readonly others?: readonly StatementJson[]
  readonly past?: readonly BookJson[]
  readonly upTo?: number
}

export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const { others, past, upTo } = checkpoint
  const json: CheckpointJson = {
    version: VERSION,
    ...statementJson(checkpoint),
    ...(others && { others: others.map(statementJson) }),
    ...(past && { past: past.map(bookJson) }),
    ...(upTo !== undefined && { upTo }),
  }
  return JSON.stringify(json)
}

function statementJson({ at, positions, books }: Statement): StatementJson {
  const offsets = new Map<string, number[]>()
  for (const { topic, partition, offset } of positions) {
    const list = offsets.get(topic) ?? []
    list[partition] = offset
    offsets.set(topic, list)
  }
  return { at, positions: [...offsets].map(([topic, list]) => ({ topic, offsets: list })), books: books.map(bookJson) }
}

function bookJson({ epoch, ...book }: BookState): BookJson {
  return { ...book, ...(epoch > 1 && { epoch }), droppedBy: Object.fromEntries(book.droppedBy) }
}

/** The checkpoint of a record's value, or undefined where it is none that this version can read. */
export function decodeCheckpoint(value: Uint8Array | null): Checkpoint | undefined {
  try {
    const json = JSON.parse(Buffer.from(value ?? []).toString()) as CheckpointJson
    if (json.version !== VERSION) return undefined
    const { others, past, upTo } = json
    return {
      ...readStatement(json),
      ...(others && { others: others.map(readStatement) }),
      ...(past && { past: past.map(readBook) }),
      ...(upTo !== undefined && { upTo }),
    }
  } catch {
    return undefined
  }
}

function readStatement({ at, positions, books }: StatementJson): Statement {
  return {
    at,
    positions: positions.flatMap(({ topic, offsets }) =>
      offsets.map((offset, partition) => ({ topic, partition, offset })),
    ),
    books: books.map(readBook),
  }
}

function readBook(book: BookJson): BookState {
  return { ...book, epoch: book.epoch ?? 1, droppedBy: new Map(Object.entries(book.droppedBy)) }
}

/** A checkpoint and the offset of its record. */
export interface CheckpointRecord {
  readonly offset: number
  readonly checkpoint: Checkpoint
}

/** How many of the newest records are looked at for one that can be read. */
const LAST_RECORDS = 100

/** The newest checkpoints of a topic, in order: enough of them to know everything that the topic says. */
export async function lastCheckpoints(
  log: Log,
  topic: string,
): Promise<{ readonly records: readonly CheckpointRecord[]; readonly next: number }> {
  const [ends] = await log.ends(topic)
  if (ends === undefined) return { records: [], next: 0 }
  const { start, end } = ends
  const window = Math.max(start, end - LAST_RECORDS)
  const newest = await Array.fromAsync(checkpoints(log, topic, window, end))
  const last = newest.at(-1)
  const from = Math.max(start, Math.min(last?.checkpoint.upTo ?? last?.offset ?? window, window))
  if (from >= window) return { records: newest, next: end }
  return { records: await Array.fromAsync(checkpoints(log, topic, from, end)), next: end }
}

/** The checkpoints of a topic from an offset up to another, oldest first. */
export async function* checkpoints(
  log: Log,
  topic: string,
  offset: number,
  end = Infinity,
): AsyncGenerator<CheckpointRecord> {
  if (offset >= end) return
  const { signal } = new AbortController()
  for await (const batch of log.read([{ topic, partition: 0, offset }], { signal, untilEnd: true })) {
    for (const record of batch.records) {
      const checkpoint = record.offset < end ? decodeCheckpoint(record.value) : undefined
      if (checkpoint !== undefined) yield { offset: record.offset, checkpoint }
    }
  }
}
