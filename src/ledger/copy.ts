import type { Log, PartitionEnds, Position } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import { jsonOf } from '../system/json-bytes.ts'
import type { CheckpointRecord } from './checkpoint.ts'
import { KnownBooks, type KnownBook } from './known-books.ts'

/**
 * A log may be a copy: a replication has carried the topics of a site here, books and all. The numbers in it are the
 * site's; the offsets are not, so the positions of its checkpoints mean nothing.
 */
export interface CopyTerms {
  /** Everything is carried; else records are left out on purpose, and what is not here may well be there. */
  readonly whole: boolean
  /** In order; else what is fresh comes first. */
  readonly ordered: boolean
}

/** What a replication says of itself, besides what only it needs; the value of a record of `replicationTopic`. */
export interface CopyClaim extends CopyTerms {
  /** The books are among what is carried. */
  readonly books: boolean
}

/** Where replications into a log keep how far they are, and on what terms they carry; keys are their names. */
export function replicationTopic(site: string): string {
  return topicName(site, 'replication')
}

/** On what terms the books of a site were carried into this log; undefined: they are its own. */
export async function copyTerms(log: Log, site: string): Promise<CopyTerms | undefined> {
  const topic = replicationTopic(site)
  if (!(await log.topics()).some(({ name }) => name === topic)) return undefined
  const positions = (await log.ends(topic)).map(({ partition, start }): Position => ({
    topic,
    partition,
    offset: start,
  }))
  let terms: CopyTerms | undefined
  for await (const batch of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
    for (const { key, value } of batch.records) {
      const claim = key?.includes(SPACE) ? undefined : (jsonOf(value) as CopyClaim | null | undefined)
      if (claim?.books !== true) continue
      // Filters may have changed on the way: what was left out once stays out.
      terms = { whole: claim.whole && terms?.whole !== false, ordered: claim.ordered && terms?.ordered !== false }
    }
  }
  return terms
}

/** Keys with a space are positions. */
const SPACE = 0x20

/** A record is at most this much older, by its own time, than the moment it was numbered. */
const SLACK_MS = 60_000

/**
 * The books to begin a proof with where retention has removed some of a copy: as of the first checkpoint that is younger
 * than all that was removed.
 */
export async function copyBase(
  log: Log,
  topics: readonly string[],
  records: readonly CheckpointRecord[],
): Promise<{ readonly books: readonly KnownBook[]; readonly at?: number | undefined }> {
  const removed = await youngestRemoved(log, topics)
  if (removed === undefined) return { books: [] }
  const known = new KnownBooks({ keepAll: true })
  let at: number | undefined
  for (const { checkpoint } of records) {
    known.merge(checkpoint)
    at = checkpoint.at
    if (at >= removed + SLACK_MS) break
  }
  return { books: known.all().map((book) => ({ ...book, positions: [] })), at }
}

/** Time of the oldest record that is still there, of the partition where that is youngest; undefined: all are there. */
async function youngestRemoved(log: Log, topics: readonly string[]): Promise<number | undefined> {
  let youngest: number | undefined
  for (const topic of topics) {
    for (const ends of await log.ends(topic)) {
      if (ends.start === 0) continue
      youngest = Math.max(youngest ?? 0, await firstTimestamp(log, topic, ends))
    }
  }
  return youngest
}

async function firstTimestamp(log: Log, topic: string, { partition, start }: PartitionEnds): Promise<number> {
  const options = { signal: new AbortController().signal, untilEnd: true, maxBytes: 4096 }
  for await (const { records } of log.read([{ topic, partition, offset: start }], options)) {
    if (records[0]) return records[0].timestamp
  }
  return 0
}
