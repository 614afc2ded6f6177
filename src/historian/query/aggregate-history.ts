import { AggregateStream } from '../aggregates/aggregate.ts'
import type { AggregateName } from '../aggregates/catalogue.ts'
import type { Span } from '../aggregates/intervals.ts'
import type { AggregatePoint } from '../aggregates/result.ts'
import type { AggregateRules } from '../aggregates/rules.ts'
import type { HistoryReader } from '../history-reader.ts'
import { readBuckets } from './bucket-reads.ts'
import type { HistoryTag } from './history-tag.ts'
import type { ReadBudget } from './read-budget.ts'
import { justAfter, storedValues } from './stored-values.ts'

export interface AggregateQuery extends Span {
  readonly tags: readonly HistoryTag[]
  readonly aggregates: readonly AggregateName[]
  /** The rules of a tag: what is stepped differs from tag to tag. */
  readonly rules: (tag: HistoryTag) => AggregateRules
}

export interface AggregateSeries {
  readonly tag: HistoryTag
  /** In the order of the aggregates, each in the order of the request. */
  readonly points: readonly (readonly AggregatePoint[])[]
  /** How many intervals came from buckets of the store; the others were calculated from samples. */
  readonly fromBuckets: number
}

/**
 * Aggregates of many tags. What the store's buckets say exactly is taken from them (`bucket-aggregates.ts`), so that a day of
 * a thousand tags does not pass through this thread; every other interval is calculated from its samples.
 * @throws HistoryError, see `HistoryReader` and `ReadBudget`
 */
export async function aggregateHistory(
  reader: HistoryReader,
  query: AggregateQuery,
  budget: ReadBudget,
  signal: AbortSignal,
): Promise<AggregateSeries[]> {
  const bucketed = await readBuckets(reader, query, signal)
  const series: AggregateSeries[] = []
  for (const tag of query.tags) {
    series.push(await seriesOf(reader, query, tag, bucketed?.(tag), budget, signal))
  }
  return series
}

/** A row has one point of each aggregate. */
type Row = readonly AggregatePoint[]

async function seriesOf(
  reader: HistoryReader,
  query: AggregateQuery,
  tag: HistoryTag,
  given: readonly (Row | undefined)[] | undefined,
  budget: ReadBudget,
  signal: AbortSignal,
): Promise<AggregateSeries> {
  const points = query.aggregates.map((): AggregatePoint[] => [])
  const keep = (rows: readonly Row[]) => {
    for (const row of rows) row.forEach((point, nth) => points[nth]!.push(point))
  }
  if (given === undefined) {
    await fromSamples(reader, query, tag, keep, budget, signal)
    if (query.end < query.start) for (const list of points) list.reverse()
    return { tag, points, fromBuckets: 0 }
  }
  let fromBuckets = 0
  for (const [row, first, count] of runs(given)) {
    if (row !== undefined) {
      keep([row])
      fromBuckets++
    } else await fromSamples(reader, partOf(query, first, count), tag, keep, budget, signal)
  }
  return { tag, points, fromBuckets }
}

/** Calculates every interval of a query from the samples, the oldest first. */
async function fromSamples(
  reader: HistoryReader,
  query: AggregateQuery,
  tag: HistoryTag,
  keep: (rows: readonly Row[]) => void,
  budget: ReadBudget,
  signal: AbortSignal,
): Promise<void> {
  const { start, end, everyMs, aggregates } = query
  const rules = query.rules(tag)
  const stream = new AggregateStream({ start, end, everyMs, aggregates, rules })
  // Backwards an interval has what is at its late edge, and not what is at its early one.
  const backwards = end < start
  const span = backwards ? { from: justAfter(end), to: justAfter(start) } : { from: start, to: end }
  for await (const page of storedValues(reader, { ...tag, ...span }, rules, budget, signal)) {
    for (const value of page) keep(stream.push(value))
  }
  keep(stream.end())
}

/** Intervals that are read with those around them: asking once more costs more than they do. */
const WORTH_READING = 10

/** Rows one by one, and stretches without one together, with short stretches of rows between them: the row, the number of the first interval, how many. */
function* runs(rows: readonly (Row | undefined)[]): Generator<[row: Row | undefined, first: number, count: number]> {
  for (let nth = 0; nth < rows.length;) {
    const row = rows[nth]
    let end = nth + 1
    if (row === undefined) {
      for (let at = end; at < Math.min(rows.length, end + WORTH_READING); at++) if (rows[at] === undefined) end = at + 1
    }
    yield [row, nth, end - nth]
    nth = end
  }
}

/** The query of some of its intervals. */
function partOf(query: AggregateQuery, first: number, count: number): AggregateQuery {
  const { start, end, everyMs } = query
  const every = everyMs > 0 ? everyMs : end - start
  return { ...query, start: start + first * every, end: Math.min(start + (first + count) * every, end), everyMs: every }
}
