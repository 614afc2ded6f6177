import type { Log, PartitionEnds, Position, StoredRecord } from './log.ts'

/** Which records of a topic to look at. */
export interface BrowseQuery {
  /** One position for each partition that is looked at. */
  readonly at: readonly Position[]
  /** Forward from the positions, or back from them: the records right below. */
  readonly back: boolean
  /** At most so many records, all partitions together. */
  readonly limit: number
}

export interface BrowsedRecord extends StoredRecord {
  readonly partition: number
}

/** A page of a topic, oldest first. `before` and `after` are the positions for the pages on either side. */
export interface BrowsedPage {
  readonly records: readonly BrowsedRecord[]
  readonly before: readonly Position[]
  readonly after: readonly Position[]
}

/** Most bytes of one partition that one page looks at. */
const PAGE_BYTES = 4 * 1024 * 1024
const FETCH_BYTES = 256 * 1024

/**
 * Reads one page of a topic, a few partitions at once. Partitions are merged by the records' times, but never against
 * the order within a partition. What compaction or retention took is passed over.
 * @throws as `Log.read`
 */
export async function browse(log: Log, query: BrowseQuery, signal: AbortSignal): Promise<BrowsedPage> {
  const topic = query.at[0]?.topic
  if (topic === undefined) return { records: [], before: [], after: [] }
  const ends = new Map((await log.ends(topic)).map((end) => [end.partition, end]))
  const lists = await Promise.all(
    query.at.flatMap((position) => {
      const end = ends.get(position.partition)
      return end
        ? [
            query.back
              ? readBack(log, position, end, query.limit, signal)
              : readOn(log, position, end, query.limit, signal),
          ]
        : []
    }),
  )
  return query.back ? newest(lists, query.limit) : oldest(lists, query.limit)
}

/** What was read of one partition: all records from `before` to `after`. */
interface List {
  readonly topic: string
  readonly partition: number
  readonly before: number
  readonly after: number
  readonly records: readonly BrowsedRecord[]
}

/** Reads on until there are enough records, or bytes. */
async function readOn(log: Log, at: Position, ends: PartitionEnds, limit: number, signal: AbortSignal): Promise<List> {
  const { topic, partition } = at
  const before = Math.min(Math.max(at.offset, ends.start), ends.end)
  const records: BrowsedRecord[] = []
  let bytes = 0
  for await (const record of recordsBetween(log, { ...at, offset: before }, ends.end, signal)) {
    if (records.length === limit || bytes > PAGE_BYTES)
      return { topic, partition, before, after: record.offset, records }
    records.push(record)
    bytes += sizeOf(record)
  }
  return { topic, partition, before, after: ends.end, records }
}

/** Goes back in ever larger steps until there are enough records, or bytes: compaction leaves few of them, far apart. */
async function readBack(
  log: Log,
  at: Position,
  ends: PartitionEnds,
  limit: number,
  signal: AbortSignal,
): Promise<List> {
  const { topic, partition } = at
  const after = Math.min(Math.max(at.offset, ends.start), ends.end)
  let records: BrowsedRecord[] = []
  let before = after
  for (let step = limit; before > ends.start && records.length < limit && !signal.aborted; step *= 4) {
    const upTo = before
    before = Math.max(ends.start, before - step)
    const earlier = await lastBetween(log, { ...at, offset: before }, upTo, signal)
    records = [...earlier.records, ...records]
    if (!earlier.cut) continue
    before = earlier.records[0]?.offset ?? upTo
    break
  }
  return { topic, partition, before, after, records }
}

/** The last records below an offset, as many as a page has room for; `cut`: there were more. */
async function lastBetween(log: Log, from: Position, to: number, signal: AbortSignal) {
  const records: BrowsedRecord[] = []
  let bytes = 0
  let cut = false
  for await (const record of recordsBetween(log, from, to, signal)) {
    records.push(record)
    bytes += sizeOf(record)
    while (bytes > PAGE_BYTES && records.length > 1) {
      bytes -= sizeOf(records.shift()!)
      cut = true
    }
  }
  return { records, cut }
}

async function* recordsBetween(
  log: Log,
  from: Position,
  to: number,
  signal: AbortSignal,
): AsyncGenerator<BrowsedRecord> {
  if (from.offset >= to) return
  for await (const batch of log.read([from], { signal, untilEnd: true, maxBytes: FETCH_BYTES })) {
    for (const record of batch.records) {
      if (record.offset >= to) return
      yield { ...record, partition: batch.partition }
    }
    if (batch.nextOffset >= to) return
  }
}

function sizeOf({ key, value }: StoredRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0)
}

/** The first `limit` of all lists by time; what is left of a list is where its next page begins. */
function oldest(lists: readonly List[], limit: number): BrowsedPage {
  const taken = lists.map(() => 0)
  const records: BrowsedRecord[] = []
  while (records.length < limit) {
    const next = best(
      lists,
      (list, at) => list.records[taken[at]!],
      (a, b) => a < b,
    )
    if (next === undefined) break
    records.push(lists[next]!.records[taken[next]!]!)
    taken[next]! += 1
  }
  return {
    records,
    before: lists.map((list) => positionOf(list, list.before)),
    after: lists.map((list, at) => positionOf(list, list.records[taken[at]!]?.offset ?? list.after)),
  }
}

/** The last `limit` of all lists by time. */
function newest(lists: readonly List[], limit: number): BrowsedPage {
  const left = lists.map((list) => list.records.length)
  const records: BrowsedRecord[] = []
  while (records.length < limit) {
    const next = best(
      lists,
      (list, at) => list.records[left[at]! - 1],
      (a, b) => a > b,
    )
    if (next === undefined) break
    left[next]! -= 1
    records.unshift(lists[next]!.records[left[next]!]!)
  }
  const before = lists.map((list, at) => {
    const offset = left[at] === 0 ? list.before : (list.records[left[at]!]?.offset ?? list.after)
    return positionOf(list, offset)
  })
  return { records, before, after: lists.map((list) => positionOf(list, list.after)) }
}

function positionOf({ topic, partition }: List, offset: number): Position {
  return { topic, partition, offset }
}

function best(
  lists: readonly List[],
  candidate: (list: List, at: number) => BrowsedRecord | undefined,
  wins: (time: number, other: number) => boolean,
): number | undefined {
  let found: number | undefined
  let time = 0
  for (const [at, list] of lists.entries()) {
    const record = candidate(list, at)
    if (record === undefined || (found !== undefined && !wins(record.timestamp, time))) continue
    found = at
    time = record.timestamp
  }
  return found
}
