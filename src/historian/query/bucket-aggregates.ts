import { Quality } from '../../model/quality.ts'
import type { TagType } from '../../model/definition.ts'
import type { AggregateName } from '../aggregates/catalogue.ts'
import { CALCULATED, withCode, withInfo } from '../aggregates/info-bits.ts'
import { intervalsOf, type Span } from '../aggregates/intervals.ts'
import type { AggregatePoint } from '../aggregates/result.ts'
import type { Bucket, BucketEdge, MeanSeries } from '../history-reader.ts'

/** The buckets of one tag over the intervals of a query that runs forward; each bucket lies within one interval. */
export interface BucketIntervals extends Span {
  readonly type: TagType
  /** In order of time. */
  readonly buckets: readonly Bucket[]
  /** Between two samples the earlier one holds; else they lie on a line. */
  readonly stepped: boolean
  /** Beyond the last sample the line of the last two goes on: buckets do not know it. */
  readonly extrapolates: boolean
  /** The last sample before the span, and the first one after it; undefined: there is none. */
  readonly previous: BucketEdge | undefined
  readonly following: BucketEdge | undefined
}

/** An interval whose every sample is Good and a number. */
interface Clean {
  readonly early: number
  readonly late: number
  readonly buckets: readonly Bucket[]
  readonly stepped: boolean
  readonly extrapolates: boolean
  /** The last sample before it, and the first one after it. */
  readonly previous: BucketEdge | undefined
  readonly following: BucketEdge | undefined
  readonly partial: boolean
  readonly outside: boolean
}

/**
 * What buckets say exactly: rows of points in the order of the intervals; undefined of those where they do not, because a
 * sample is not Good, or, of what is weighted by time, a neighbour is not.
 *
 * Exact but for two things: sums are added up in another order, so their last digits may differ, and Minimum and Maximum
 * do not say MultipleValues.
 */
export function aggregatesOfBuckets(
  given: BucketIntervals,
  aggregates: readonly AggregateName[],
): (readonly AggregatePoint[] | undefined)[] {
  const { buckets } = given
  const dataFrom = given.previous === undefined ? (buckets[0]?.first.time ?? Infinity) : -Infinity
  const dataTo =
    given.following === undefined ? ((buckets.at(-1)?.last ?? given.previous)?.time ?? -Infinity) : Infinity
  const rows: (readonly AggregatePoint[] | undefined)[] = []
  let { previous } = given
  let next = 0
  for (const { early, late } of intervalsOf(given)) {
    const first = next
    while (next < buckets.length && buckets[next]!.start < late) next++
    const own = buckets.slice(first, next)
    const interval: Clean = {
      early,
      late,
      buckets: own,
      stepped: given.stepped,
      extrapolates: given.extrapolates,
      previous,
      following: buckets[next]?.first ?? given.following,
      partial: (dataFrom > early && dataFrom < late) || (dataTo >= early && dataTo < late),
      outside: early > dataTo || late <= dataFrom,
    }
    rows.push(own.every(isClean) ? rowOf(interval, aggregates, given.type) : undefined)
    previous = own.at(-1)?.last ?? previous
  }
  return rows
}

/** The same where averages are all that is asked for; undefined for a tag without any samples. */
export function averagesOfMeans(
  span: Span,
  means: MeanSeries | undefined,
  aggregates: readonly AggregateName[],
): (readonly AggregatePoint[] | undefined)[] {
  const rows: (readonly AggregatePoint[] | undefined)[] = []
  const starts = means?.start ?? []
  let next = 0
  for (const { early, late } of intervalsOf(span)) {
    let [count, sum, clean] = [0, 0, true]
    for (; next < starts.length && starts[next]! < late; next++) {
      clean &&= means!.count[next] === means!.usable[next] && means!.worstQuality[next] === Quality.Good
      count += means!.count[next]!
      sum += means!.sum[next]!
    }
    const point = count === 0 ? noData({ early }) : { time: early, value: sum / count, quality: CALCULATED }
    rows.push(clean ? aggregates.map(() => point) : undefined)
  }
  return rows
}

function isClean({ count, usable, worstQuality }: Bucket): boolean {
  return count === usable && worstQuality === Quality.Good
}

type Exact = (interval: Clean, type: TagType) => AggregatePoint | undefined

function rowOf(interval: Clean, aggregates: readonly AggregateName[], type: TagType): AggregatePoint[] | undefined {
  const row: AggregatePoint[] = []
  for (const name of aggregates) {
    const point = interval.outside ? noData(interval) : EXACT[name]!(interval, type)
    if (point === undefined) return undefined
    const partial = interval.partial && name !== 'Average' && !interval.outside
    row.push(partial ? { ...point, quality: withInfo(point.quality, 'Partial') } : point)
  }
  return row
}

/** What buckets can say, by the name of the aggregate. */
const EXACT: { readonly [name in AggregateName]?: Exact } = {
  Average: average,
  Count: ({ early, buckets }) => ({ time: early, value: sumOf(buckets, ({ good }) => good), quality: CALCULATED }),
  Minimum: (interval, type) => extreme(interval, type, least(interval)),
  Maximum: (interval, type) => extreme(interval, type, most(interval)),
  Range: range,
  Start: (interval, type) => edge(interval, interval.buckets[0]?.first, type),
  End: (interval, type) => edge(interval, interval.buckets.at(-1)?.last, type),
  Delta: delta,
  TimeAverage: (interval) => weighted(interval, perTime),
  TimeAverage2: (interval) => (interval.partial ? undefined : weighted(interval, perTime)),
  Total: (interval) => weighted(interval, asItIs),
  Total2: (interval) => (interval.partial ? undefined : weighted(interval, asItIs)),
}

/** Whether buckets may be asked for it. */
export function isBucketed(name: AggregateName): boolean {
  return EXACT[name] !== undefined
}

function noData({ early }: Pick<Clean, 'early'>): AggregatePoint {
  return { time: early, value: null, quality: Quality.BadNoData }
}

function average(interval: Clean): AggregatePoint {
  const { early, buckets } = interval
  if (buckets.length === 0) return noData(interval)
  const value = sumOf(buckets, ({ sum }) => sum ?? 0) / sumOf(buckets, ({ count }) => count)
  return { time: early, value, quality: CALCULATED }
}

function least({ buckets }: Clean): number {
  return buckets.reduce((low, { minimum }) => Math.min(low, minimum ?? Infinity), Infinity)
}

function most({ buckets }: Clean): number {
  return buckets.reduce((high, { maximum }) => Math.max(high, maximum ?? -Infinity), -Infinity)
}

/** Calculated, unless it is the value at the very beginning. */
function extreme(interval: Clean, type: TagType, value: number): AggregatePoint {
  const { early, buckets } = interval
  const first = buckets[0]?.first
  if (first === undefined) return noData(interval)
  const raw = first.time === early && first.number === value
  return { time: early, value: typed(value, type), quality: raw ? Quality.Good : CALCULATED }
}

function range(interval: Clean): AggregatePoint {
  if (interval.buckets.length === 0) return noData(interval)
  return { time: interval.early, value: most(interval) - least(interval), quality: CALCULATED }
}

function edge(interval: Clean, found: BucketEdge | undefined, type: TagType): AggregatePoint {
  if (found?.number === undefined) return noData(interval)
  return { time: found.time, value: typed(found.number, type), quality: found.quality }
}

function delta(interval: Clean): AggregatePoint {
  const [first, last] = [interval.buckets[0]?.first.number, interval.buckets.at(-1)?.last.number]
  if (first === undefined || last === undefined) return noData(interval)
  return { time: interval.early, value: last - first, quality: CALCULATED }
}

type Measure = (area: number, seconds: number) => number

const perTime: Measure = (area, seconds) => area / seconds
const asItIs: Measure = (area) => area

/**
 * The area under the value, with Interpolated Bounding Values; undefined where that is not known all through the interval.
 * Where data begin in the interval it is of the time from then on; where they end the last value goes on. Both make it
 * uncertain, but for the end of a value that holds.
 */
function weighted(interval: Clean, measure: Measure): AggregatePoint | undefined {
  const { early, late, buckets, previous, following, stepped } = interval
  const from = previous === undefined ? Math.max(early, buckets[0]?.first.time ?? early) : early
  const area = areaOf(interval, from)
  if (area === undefined) return undefined
  const whole = from === early && (stepped || following !== undefined)
  const code = whole ? Quality.Good : Quality.UncertainDataSubNormal
  return { time: early, value: measure(area / 1000, (late - from) / 1000), quality: withCode(CALCULATED, code) }
}

/** Value times ms: within the buckets as the store has it, between them and up to the edges of the interval from sample to sample. */
function areaOf(interval: Clean, from: number): number | undefined {
  const { buckets, previous, following, stepped } = interval
  const edges = [previous, ...buckets.flatMap(({ first, last }) => [first, last]), following]
  let area = 0
  for (const { integral, trapezoid } of buckets) {
    const within = stepped ? integral : trapezoid
    if (within === undefined) return undefined
    area += within
  }
  for (let nth = 0; nth < edges.length; nth += 2) {
    const between = areaBetween(edges[nth], edges[nth + 1], from, interval)
    if (between === undefined) return undefined
    area += between
  }
  return area
}

/** Between two samples that follow each other, cut to the interval; undefined where one that is needed is not Good. */
function areaBetween(
  first: BucketEdge | undefined,
  second: BucketEdge | undefined,
  from: number,
  { late, stepped, extrapolates }: Clean,
): number | undefined {
  const begin = Math.max(first?.time ?? -Infinity, from)
  const end = Math.min(second?.time ?? Infinity, late)
  if (end <= begin) return 0
  const value = goodNumber(first)
  if (value === undefined) return undefined
  if (second === undefined && extrapolates && !stepped) return undefined
  if (stepped || second === undefined) return value * (end - begin)
  const next = goodNumber(second)
  if (next === undefined) return undefined
  const at = (time: number) => value + ((next - value) * (time - first!.time)) / (second.time - first!.time)
  return ((at(begin) + at(end)) / 2) * (end - begin)
}

function goodNumber(edge: BucketEdge | undefined): number | undefined {
  return edge?.quality === Quality.Good ? edge.number : undefined
}

function sumOf(buckets: readonly Bucket[], part: (bucket: Bucket) => number): number {
  return buckets.reduce((sum, bucket) => sum + part(bucket), 0)
}

/** Buckets know numbers only. */
function typed(value: number, type: TagType): number | boolean {
  return type === 'boolean' ? value !== 0 : value
}
