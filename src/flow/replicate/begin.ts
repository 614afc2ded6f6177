import type { Log, PartitionEnds } from '../../log/log.ts'
import type { SavedPosition } from './positions.ts'
import type { Found } from './recover.ts'
import type { Progress } from './track.ts'

/** Why a partition does not begin where its position says. */
export type Detour = 'source-differs' | 'target-lost-end'

/**
 * Where to begin with a partition of the source, by what was written down of it:
 * - nothing: at its first record
 * - a position of this very log: there
 * - a position beyond the end, or of another log (the record before it is another one): at the first record that is
 *   younger than the last one carried. A log that has lost its end, or was restored from yesterday, has only what came
 *   since then to carry; a new log has everything.
 */
export async function beginning(
  source: Log,
  topic: string,
  ends: PartitionEnds,
  saved: SavedPosition | undefined,
): Promise<{ from: Progress; detour?: Detour }> {
  const { start, end, partition } = ends
  if (saved === undefined) return { from: { ranges: [], next: start, stamp: undefined } }
  const { ranges, next, stamp } = saved
  const there = next <= end && next > start ? await timestampAt(source, topic, partition, next - 1) : undefined
  const isOther = stamp !== undefined && there !== undefined && there !== stamp
  if (next <= end && !isOther) return { from: { ranges, next, stamp } }
  const younger = stamp === undefined ? [] : await source.offsetsAt(topic, stamp + 1)
  const from = younger.find((one) => one.partition === partition)?.offset ?? start
  return { from: { ranges: [], next: from, stamp: undefined }, detour: 'source-differs' }
}

/** Timestamp of the record at an offset; undefined where there is none (any more). */
async function timestampAt(source: Log, topic: string, partition: number, offset: number): Promise<number | undefined> {
  const options = { signal: new AbortController().signal, untilEnd: true, maxBytes: 4096 }
  for await (const { records } of source.read([{ topic, partition, offset }], options)) {
    return records[0]?.offset === offset ? records[0].timestamp : undefined
  }
  return undefined
}

/**
 * Where to begin when the target has lost records: at the first one that it still holds of this partition, for what is
 * older was taken by its retention; at the start, where it holds none.
 */
export function again({ known }: Found, { partition, start }: PartitionEnds): Progress {
  const whole = known.get(partition)?.whole
  const [missing] = whole?.missing(1, whole.max) ?? []
  const first = whole === undefined ? start : missing?.[0] === 1 ? missing[1] : 0
  return { ranges: [], next: Math.max(first, start), stamp: undefined }
}
