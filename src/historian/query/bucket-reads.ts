import type { AggregateName } from '../aggregates/catalogue.ts'
import type { Bucket, HistoryReader, HistorySample } from '../history-reader.ts'
import type { AggregateQuery } from './aggregate-history.ts'
import { isBucketed, isTimeWeighted, type BucketIntervals } from './bucket-aggregates.ts'
import { isNumeric, type HistoryTag } from './history-tag.ts'
import { justBefore } from './stored-values.ts'

/** The store keeps roll-ups of whole minutes. */
const MINUTE_MS = 60_000

/** Buckets of one tag that are fetched for a question; beyond it samples are read. */
const MOST_BUCKETS = 50_000

/** Longer than any history, in whole minutes. */
const FOREVER_MS = 1_000 * 365 * 1_440 * MINUTE_MS

/**
 * What the store's buckets say of a query, by tag; undefined of all where they cannot be exact: the intervals are not of
 * whole minutes, time runs backwards, or one of the aggregates is not to be had from them.
 */
export async function readBuckets(
  reader: HistoryReader,
  query: AggregateQuery,
  signal: AbortSignal,
): Promise<((tag: HistoryTag) => BucketIntervals | undefined) | undefined> {
  const everyMs = bucketLength(query)
  if (everyMs === undefined) return undefined
  const { start, end, aggregates } = query
  const tags = query.tags.filter((tag) => isExactFor(tag, query))
  if (tags.length === 0) return undefined
  const names = { assets: distinct(tags.map(({ asset }) => asset)), tags: distinct(tags.map(({ tag }) => tag)) }
  // One interval before tells for most tags that there was something before, and with what value the span begins.
  const from = start - query.everyMs
  const buckets = groupedByTag(await reader.buckets({ ...names, from, to: end, everyMs }, signal))
  const edges = aggregates.some((name) => name !== 'Average')
  const later = edges
    ? await reader.buckets({ ...names, from: end, to: end + FOREVER_MS, everyMs: FOREVER_MS }, signal)
    : []
  const goesOn = new Set(later.map(keyOf))
  const older = edges ? await lastBefore(reader, tags, buckets, start, signal) : new Map<string, HistorySample>()
  return (tag) => {
    if (!tags.includes(tag)) return undefined
    const own = buckets.get(keyOf(tag)) ?? []
    const before = own.filter((bucket) => bucket.start < start)
    const previous = before.at(-1)
    return {
      start,
      end,
      everyMs: query.everyMs,
      type: tag.type,
      buckets: own.slice(before.length),
      previous: previous === undefined ? previousOf(older.get(keyOf(tag))) : { edge: previous.last },
      goesOn: goesOn.has(keyOf(tag)),
    }
  }
}

function bucketLength({ start, end, everyMs, aggregates }: AggregateQuery): number | undefined {
  const whole = (ms: number) => ms % MINUTE_MS === 0
  if (end <= start || everyMs <= 0 || everyMs >= end - start || !whole(start) || !whole(everyMs)) return undefined
  if (!aggregates.every(isBucketed)) return undefined
  const length = start % everyMs === 0 ? everyMs : MINUTE_MS
  return (end - start) / length <= MOST_BUCKETS ? length : undefined
}

function isExactFor(tag: HistoryTag, { aggregates, rules }: AggregateQuery): boolean {
  return isNumeric(tag) && (rules(tag).stepped || !aggregates.some((name: AggregateName) => isTimeWeighted(name)))
}

/** The last samples before the span of those tags that have none in the interval before it. */
async function lastBefore(
  reader: HistoryReader,
  tags: readonly HistoryTag[],
  buckets: ReadonlyMap<string, readonly Bucket[]>,
  start: number,
  signal: AbortSignal,
): Promise<Map<string, HistorySample>> {
  const found = new Map<string, HistorySample>()
  const lone = tags.filter(
    (tag) => !(buckets.get(keyOf(tag))?.[0] !== undefined && buckets.get(keyOf(tag))![0]!.start < start),
  )
  for (const [asset, own] of Map.groupBy(lone, ({ asset }) => asset)) {
    const names = own.map(({ tag }) => tag)
    const samples = await reader.before({ asset, tags: names, time: justBefore(start) }, signal)
    for (const [tag, sample] of samples) found.set(keyOf({ asset, tag }), sample)
  }
  return found
}

function previousOf(sample: HistorySample | undefined): BucketIntervals['previous'] {
  if (sample === undefined) return undefined
  const { time, value, quality } = sample
  const number = typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : undefined
  return { edge: { time, quality, ...(number !== undefined && { number }) } }
}

function groupedByTag(buckets: readonly Bucket[]): Map<string, Bucket[]> {
  return Map.groupBy(buckets, keyOf)
}

/** A path has no line break. */
function keyOf({ asset, tag }: { readonly asset: string; readonly tag: string }): string {
  return `${asset}\n${tag}`
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)]
}
