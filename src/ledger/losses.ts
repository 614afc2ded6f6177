import type { NewRecord } from '../log/log.ts'
import type { GapRecord } from './gaps.ts'
import { countOf } from './seq-set.ts'
import type { Tail } from './tail.ts'

/** Most runs of numbers in one record. */
const MOST_RANGES = 10_000

/** The numbers below the highest one of each book that nothing accounts for: never durable, so never acknowledged. */
export function lostRecords(tail: Tail, at: number): GapRecord[] {
  const reason =
    tail.skipped > 0
      ? 'not in the log: never durable, or removed by retention while the hub was off'
      : 'not durable when the hub stopped, so never acknowledged'
  return [...tail.books.values()].flatMap((book) => {
    const ranges = book.missing(1, book.lastSeq)
    return chunks(ranges, MOST_RANGES).map((part): GapRecord => ({
      source: book.source,
      ...(book.epoch > 1 && { epoch: book.epoch }),
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

export function gapRecord(gap: GapRecord): NewRecord {
  const headers = [['content-type', 'application/json']] as const
  return { key: gap.source, value: JSON.stringify(gap), headers, timestamp: gap.at }
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}
