import { partitionOf } from './partitioner.ts'
import type { Log, Position, StoredRecord } from './log.ts'

export interface UpToQuery {
  readonly topic: string
  /** Timestamp of the last records that are wanted, ms since the epoch. */
  readonly time: number
  /** Only the partition of this key. */
  readonly key?: string
  /** Most records that are read: the newest of them, evenly of all partitions. */
  readonly most: number
}

/** What to do with records, and with what is not read. */
export interface UpToReader {
  /** Records with timestamps at or before the time, of a partition in order. */
  take(record: StoredRecord): void
  /** Older records than this one are not there any more, or were too many; told once a partition. */
  begins(record: StoredRecord): void
}

const LOT = 500

/**
 * Reads what a topic held at a moment, by the timestamps of its records, partition by partition.
 * @throws as `Log.ends` and `Log.read`; the signal's reason
 */
export async function readUpTo(
  log: Pick<Log, 'ends' | 'offsetsAt' | 'read'>,
  query: UpToQuery,
  reader: UpToReader,
  signal: AbortSignal,
): Promise<void> {
  const { topic, time } = query
  const reach = new Map((await log.offsetsAt(topic, Math.floor(time) + 1)).map((at) => [at.partition, at.offset]))
  for (const position of await beginnings(log, query, reach)) {
    const end = reach.get(position.partition)!
    let isCut = position.offset > 0
    for await (const { records, nextOffset } of log.read([position], { signal, untilEnd: true, lotRecords: LOT })) {
      for (const record of records) {
        if (record.offset >= end || record.timestamp > time) continue
        if (isCut) reader.begins(record)
        isCut = false
        reader.take(record)
      }
      if (nextOffset >= end) break
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    signal.throwIfAborted()
  }
}

/** Where to read from; partitions without a record up to then are left out. */
async function beginnings(
  log: Pick<Log, 'ends'>,
  { topic, key, most }: UpToQuery,
  reach: ReadonlyMap<number, number>,
): Promise<Position[]> {
  const ends = await log.ends(topic)
  const only = key === undefined ? undefined : partitionOf(key, ends.length)
  const wanted = ends.filter(({ partition }) => only === undefined || partition === only)
  const each = Math.floor(most / Math.max(1, wanted.length))
  return wanted.flatMap(({ partition, start }) => {
    const end = reach.get(partition) ?? 0
    const offset = Math.max(start, end - each)
    return offset < end ? [{ topic, partition, offset }] : []
  })
}
