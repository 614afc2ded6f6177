import { countOf, SeqSet } from '../../ledger/seq-set.ts'
import type { Log, PartitionEnds, Position } from '../../log/log.ts'
import { originOf, type Origin } from './origin.ts'
import type { SavedPosition } from './positions.ts'
import type { Progress } from './track.ts'

/** What of one source partition is in the target already, beyond what its position says. */
export interface Known {
  /** Offsets, plus one. */
  readonly whole: SeqSet
  /** `<offset>/<tag>` of values that thinning has let pass, with their record or on their own. */
  readonly parts: Set<string>
  /** Offsets of both, plus one. */
  readonly offsets: SeqSet
}

/** What the target was found to hold of one topic. */
export interface Found {
  /** By partition of the source. */
  readonly known: ReadonlyMap<number, Known>
  /** Where reading could go on to see what has arrived since; by partition of the target. */
  readonly next: readonly number[]
  readonly records: number
  /**
   * The target ends before a place that was noted: it has lost its end, or its topic was made anew. Everything of the
   * topic was read then, and what it does not hold has to be sent again.
   */
  readonly lost: boolean
}

/** Tags of a record that are to be known one by one. */
export type TagsOf = (value: Uint8Array | null) => readonly string[]

/** Whether something that is in the target already is still to be passed over. */
export function isAhead({ offsets }: Known, { ranges, next }: Progress): boolean {
  if (offsets.max > next) return true
  return ranges.some(({ from, to }) => countOf(offsets.missing(from + 1, to)) < to - from)
}

/**
 * Reads what lies in a topic of the target beyond the places that were noted, and tells what it came from.
 * @param saved by partition of the source
 */
export async function findTail(
  target: Log,
  topic: string,
  line: string,
  saved: ReadonlyMap<number, SavedPosition>,
  tagsOf: TagsOf,
): Promise<Found> {
  const ends = await target.ends(topic)
  const noted = ends.map(({ partition }) => lowest(saved, partition))
  const lost = ends.some(({ partition, end }) => noted[partition]! > end && noted[partition] !== Infinity)
  const next = ends.map((one) => beginning(one, noted[one.partition]!, lost))
  return extend(target, topic, line, saved, tagsOf, { known: new Map(), next, records: 0, lost })
}

/** Reads on to the end of the topic as it is now. */
export async function extend(
  target: Log,
  topic: string,
  line: string,
  saved: ReadonlyMap<number, SavedPosition>,
  tagsOf: TagsOf,
  found: Found,
): Promise<Found> {
  const known = new Map(found.known)
  const next = [...found.next]
  const positions = next.map((offset, partition): Position => ({ topic, partition, offset }))
  let records = 0
  for await (const batch of target.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
    next[batch.partition] = batch.nextOffset
    for (const { headers, offset, value } of batch.records) {
      const origin = originOf(headers, line)
      if (origin === undefined) continue
      // Of another partition's tail: what lies before this one's place may be of a log that is no more.
      if (!found.lost && offset < (saved.get(origin.partition)?.ends[batch.partition] ?? 0)) continue
      records += 1
      note(known, origin, tagsOf(value))
    }
  }
  return { known, next, records, lost: found.lost }
}

function note(known: Map<number, Known>, { partition, offset, tag }: Origin, tags: readonly string[]): void {
  let one = known.get(partition)
  if (one === undefined) known.set(partition, (one = { whole: new SeqSet(), parts: new Set(), offsets: new SeqSet() }))
  one.offsets.add(offset + 1)
  if (tag === undefined) one.whole.add(offset + 1)
  for (const part of tag === undefined ? tags : [tag]) one.parts.add(`${offset}/${part}`)
}

/** Infinity: nothing was ever noted, and then nothing was ever sent (`Session` notes before it sends). */
function lowest(saved: ReadonlyMap<number, SavedPosition>, partition: number): number {
  return [...saved.values()].reduce((least, { ends }) => Math.min(least, ends[partition] ?? 0), Infinity)
}

function beginning({ start, end }: PartitionEnds, noted: number, lost: boolean): number {
  if (lost) return start
  return Math.min(Math.max(noted, start), end)
}
