import type { Log, Position } from '../log/log.ts'
import type { BookState } from './book.ts'

/**
 * All books at once, and where to go on reading to extend them: the value of one record of `<site>.ledger`.
 *
 * `positions` were noted before the numbers of `books`: every record with a higher number lies at or beyond them, and
 * every record with a number up to its book's was durable before this one was written.
 */
export interface Checkpoint {
  /** Wall time, ms since the epoch. */
  readonly at: number
  readonly positions: readonly Position[]
  readonly books: readonly BookState[]
}

const VERSION = 1

interface CheckpointJson {
  readonly version: number
  readonly at: number
  readonly positions: readonly { readonly topic: string; readonly offsets: readonly number[] }[]
  readonly books: readonly (Omit<BookState, 'droppedBy'> & {
    readonly droppedBy: { readonly [policy: string]: number }
  })[]
}

export function encodeCheckpoint({ at, positions, books }: Checkpoint): string {
  const offsets = new Map<string, number[]>()
  for (const { topic, partition, offset } of positions) {
    const list = offsets.get(topic) ?? []
    list[partition] = offset
    offsets.set(topic, list)
  }
  const json: CheckpointJson = {
    version: VERSION,
    at,
    positions: [...offsets].map(([topic, list]) => ({ topic, offsets: list })),
    books: books.map((book) => ({ ...book, droppedBy: Object.fromEntries(book.droppedBy) })),
  }
  return JSON.stringify(json)
}

/** The checkpoint of a record's value, or undefined where it is none that this version can read. */
export function decodeCheckpoint(value: Uint8Array | null): Checkpoint | undefined {
  try {
    const json = JSON.parse(Buffer.from(value ?? []).toString()) as CheckpointJson
    if (json.version !== VERSION) return undefined
    return {
      at: json.at,
      positions: json.positions.flatMap(({ topic, offsets }) =>
        offsets.map((offset, partition) => ({ topic, partition, offset })),
      ),
      books: json.books.map((book) => ({ ...book, droppedBy: new Map(Object.entries(book.droppedBy)) })),
    }
  } catch {
    return undefined
  }
}

/** How many of the newest records are looked at for one that can be read. */
const LAST_RECORDS = 100

/** The newest checkpoint of a topic. */
export async function lastCheckpoint(log: Log, topic: string): Promise<Checkpoint | undefined> {
  const [ends] = await log.ends(topic)
  let last: Checkpoint | undefined
  if (ends === undefined) return undefined
  for await (const checkpoint of checkpoints(log, topic, Math.max(ends.start, ends.end - LAST_RECORDS)))
    last = checkpoint
  return last
}

/** The checkpoints of a topic, oldest first. */
export async function* checkpoints(log: Log, topic: string, offset: number): AsyncGenerator<Checkpoint> {
  const { signal } = new AbortController()
  for await (const batch of log.read([{ topic, partition: 0, offset }], { signal, untilEnd: true })) {
    for (const { value } of batch.records) {
      const checkpoint = decodeCheckpoint(value)
      if (checkpoint !== undefined) yield checkpoint
    }
  }
}
