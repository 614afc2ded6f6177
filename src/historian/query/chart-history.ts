import type { Bucket, HistoryReader } from '../history-reader.ts'
import type { RawValue } from '../aggregates/raw-value.ts'
import { keyOf, type HistoryTag } from './history-tag.ts'
import { lttb, type ChartPoint } from './lttb.ts'
import type { ReadBudget } from './read-budget.ts'
import { valuesWithin } from './stored-values.ts'

const MINUTE_MS = 60_000

export interface ChartQuery {
  readonly tags: readonly HistoryTag[]
  readonly from: number
  readonly to: number
  /** Most points of a tag: columns of pixels, as a rule. */
  readonly points: number
}

/**
 * Length of the buckets of a chart: as short as so many points allow, whole minutes where it is longer than one, so that
 * roll-ups can answer. Buckets begin at whole multiples of it, so there may be one more than points.
 */
export function chartEvery({ from, to, points }: ChartQuery): number {
  const every = Math.max(1, Math.ceil((to - from) / points))
  return every <= MINUTE_MS ? every : Math.ceil(every / MINUTE_MS) * MINUTE_MS
}

/** What every tag did in each bucket that holds samples, in order of time; an empty bucket is a gap. */
export async function bucketsOfChart(
  reader: HistoryReader,
  query: ChartQuery,
  signal: AbortSignal,
): Promise<(tag: HistoryTag) => readonly Bucket[]> {
  const { tags, from, to } = query
  const names = { assets: [...new Set(tags.map(({ asset }) => asset))], tags: [...new Set(tags.map(({ tag }) => tag))] }
  const buckets = await reader.buckets({ ...names, from, to, everyMs: chartEvery(query) }, signal)
  const byTag = new Map(buckets.map((series) => [keyOf(series), series.buckets]))
  return (tag) => [...(byTag.get(keyOf(tag)) ?? [])]
}

/**
 * The samples of a tag thinned out by `lttb`.
 * @throws HistoryError `HISTORY_TOO_LARGE` where there are more samples than the budget has
 */
export async function lineOfChart(
  reader: HistoryReader,
  { from, to, points }: ChartQuery,
  tag: HistoryTag,
  budget: ReadBudget,
  signal: AbortSignal,
): Promise<ChartPoint[]> {
  const values: RawValue[] = []
  for await (const page of valuesWithin(reader, { ...tag, from, to }, budget, signal))
    for (const raw of page) values.push(raw)
  return lttb(values, points)
}
