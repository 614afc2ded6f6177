import type { AggregatePoint } from '../aggregates/result.ts'
import type { BucketEdge, BucketSeries, HistoryReader, HistorySample, HistorySamples } from '../history-reader.ts'
import type { AggregateQuery } from './aggregate-history.ts'
import { aggregatesOfBuckets, averagesOfMeans, isBucketed } from './bucket-aggregates.ts'
import { isNumeric, keyOf, type HistoryTag } from './history-tag.ts'
import { justBefore } from './stored-values.ts'

/** The store keeps roll-ups of whole minutes. */
const MINUTE_MS = 60_000

/** Buckets that are fetched for a question, of all its tags; where it takes more, samples are read. */
const MOST_BUCKETS = 300_000

/** How far beyond the span buckets are looked through for the neighbours of all tags; what has none there is asked for. */
const NEAR_MS = 3_600_000

type Edges = ReadonlyMap<string, BucketEdge>

/** A tag, and which of its buckets and neighbours is meant. */
interface Names {
  readonly assets: readonly string[]
  readonly tags: readonly string[]
}

/**
 * What the store's buckets say of a query, by tag; undefined of all where they cannot be exact: the intervals are not of
 * whole minutes, time runs backwards, or one of the aggregates is not to be had from them; of a tag where it has no numbers.
 */
export async function readBuckets(
  reader: HistoryReader,
  query: AggregateQuery,
  signal: AbortSignal,
): Promise<((tag: HistoryTag) => readonly (readonly AggregatePoint[] | undefined)[] | undefined) | undefined> {
  const tags = query.tags.filter(isNumeric)
  const everyMs = bucketLength(query, tags.length)
  if (everyMs === undefined) return undefined
  const { start, end } = query
  const names = { assets: distinct(tags.map(({ asset }) => asset)), tags: distinct(tags.map(({ tag }) => tag)) }
  const range = { ...names, from: start, to: end, everyMs }
  // The mean of samples does not care what is around.
  if (query.aggregates.every((name) => name === 'Average')) {
    const means = new Map((await reader.means(range, signal)).map((series) => [keyOf(series), series]))
    return (tag) => (isNumeric(tag) ? averagesOfMeans(query, means.get(keyOf(tag)), query.aggregates) : undefined)
  }
  const found = new Map((await reader.buckets(range, signal)).map((series) => [keyOf(series), series.buckets]))
  const previous = await edgesBefore(reader, tags, names, start, signal)
  const following = await edgesAfter(reader, tags, names, end, signal)
  return (tag) => {
    if (!isNumeric(tag)) return undefined
    const key = keyOf(tag)
    const intervals = {
      start,
      end,
      everyMs: query.everyMs,
      type: tag.type,
      stepped: query.rules(tag).stepped,
      extrapolates: query.rules(tag).slopedExtrapolation,
      buckets: [...(found.get(key) ?? [])],
      previous: previous.get(key),
      following: following.get(key),
    }
    return aggregatesOfBuckets(intervals, query.aggregates)
  }
}

/** Buckets begin at whole multiples of their length, intervals where the query does: so long that both fit. */
function bucketLength({ start, end, everyMs, aggregates }: AggregateQuery, tags: number): number | undefined {
  const whole = (ms: number) => ms % MINUTE_MS === 0
  if (end <= start || everyMs <= 0 || everyMs >= end - start || !whole(start) || !whole(everyMs)) return undefined
  if (!aggregates.every(isBucketed)) return undefined
  const length = commonDivisor(Math.abs(start), everyMs)
  const buckets = tags * Math.ceil((end - start) / length)
  return buckets > 0 && buckets <= MOST_BUCKETS ? length : undefined
}

/** The greatest one (Euclid). */
function commonDivisor(one: number, other: number): number {
  return other === 0 ? one : commonDivisor(other, one % other)
}

/** The last sample of each tag before a time: of most it lies near. */
async function edgesBefore(
  reader: HistoryReader,
  tags: readonly HistoryTag[],
  names: Names,
  start: number,
  signal: AbortSignal,
): Promise<Edges> {
  const near = await reader.buckets({ ...names, from: start - NEAR_MS, to: start, everyMs: MINUTE_MS }, signal)
  const found = new Map(near.map((series) => [keyOf(series), series.buckets.at(-1)!.last]))
  const lone = tagsWithout(tags, found)
  if (lone.size === 0) return found
  const further = await reader.before({ tags: lone, time: justBefore(start) }, signal)
  return new Map([...found, ...edgesOf(further)])
}

/** The first sample of each tag at or after a time: there is none of most, where the time is now. */
async function edgesAfter(
  reader: HistoryReader,
  tags: readonly HistoryTag[],
  names: Names,
  end: number,
  signal: AbortSignal,
): Promise<Edges> {
  const near = await reader.buckets({ ...names, from: end, to: end + NEAR_MS, everyMs: MINUTE_MS }, signal)
  const found = firstEdges(near)
  const lone = tagsWithout(tags, found)
  if (lone.size === 0) return found
  const further = await reader.after({ tags: lone, time: end }, signal)
  return new Map([...found, ...edgesOf(further)])
}

/** The first sample of each tag. */
function firstEdges(found: readonly BucketSeries[]): Map<string, BucketEdge> {
  return new Map(found.map((series) => [keyOf(series), series.buckets.at(0)!.first]))
}

/** The names of tags that have no edge yet, by asset. */
function tagsWithout(tags: readonly HistoryTag[], found: Edges): Map<string, string[]> {
  const lone = tags.filter((tag) => !found.has(keyOf(tag)))
  const byAsset = Map.groupBy(lone, ({ asset }) => asset)
  return new Map([...byAsset].map(([asset, own]) => [asset, own.map(({ tag }) => tag)]))
}

function edgesOf(samples: HistorySamples): [string, BucketEdge][] {
  return [...samples].flatMap(([asset, own]) =>
    [...own].map(([tag, sample]): [string, BucketEdge] => [keyOf({ asset, tag }), edgeOf(sample)]),
  )
}

function edgeOf({ time, value, quality }: HistorySample): BucketEdge {
  const number = typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : undefined
  return { time, quality, ...(number !== undefined && { number }) }
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)]
}
