import { isBad, type RawValue } from '../aggregates/raw-value.ts'
import type { BucketEdge, HistoryReader } from '../history-reader.ts'
import { isNumeric, type HistoryTag } from './history-tag.ts'

/** The store keeps roll-ups of whole minutes. */
const MINUTE_MS = 60_000

/** Buckets that are fetched for a column at most. */
const MOST_BUCKETS = 100_000

/**
 * The newest value of a tag at or before each time of a grid of whole minutes, from the first and last samples of buckets, so
 * that what lies between the times is not read; `older` is the one at the first time. Undefined where buckets do not have
 * it: the times are no whole minutes, or a value is no number.
 */
export async function gridColumn(
  reader: HistoryReader,
  tag: HistoryTag,
  times: readonly number[],
  everyMs: number,
  older: RawValue | undefined,
  signal: AbortSignal,
): Promise<(RawValue | undefined)[] | undefined> {
  const [first, last] = [times[0]!, times.at(-1)!]
  if (!isNumeric(tag) || first % MINUTE_MS !== 0 || everyMs % MINUTE_MS !== 0) return undefined
  const length = first % everyMs === 0 ? everyMs : MINUTE_MS
  if ((last - first) / length > MOST_BUCKETS) return undefined
  const names = { assets: [tag.asset], tags: [tag.tag] }
  const [series] = await reader.buckets({ ...names, from: first, to: last + MINUTE_MS, everyMs: length }, signal)
  const buckets = [...(series?.buckets ?? [])]
  let newest = older
  const column: (RawValue | undefined)[] = []
  let next = 0
  for (const time of times) {
    for (; next < buckets.length && buckets[next]!.start < time; next++) newest = valueOf(buckets[next]!.last, tag)
    const { first: at, start } = buckets[next] ?? {}
    const found = start === time && at?.time === time ? valueOf(at, tag) : newest
    if (found !== undefined && found.value === null && !isBad(found)) return undefined
    column.push(found)
  }
  return column
}

function valueOf({ time, number, quality }: BucketEdge, { type }: HistoryTag): RawValue {
  const value = number === undefined ? null : type === 'boolean' ? number !== 0 : number
  return { time, value, quality }
}
