import type { RawValue } from '../aggregates/raw-value.ts'
import type { HistoryReader, HistorySamples } from '../history-reader.ts'
import type { HistoryTag } from './history-tag.ts'
import { gridColumn } from './grid-column.ts'
import { AsOf, youngEnough } from './join-as-of.ts'
import type { ReadBudget } from './read-budget.ts'
import { justAfter, valuesWithin } from './stored-values.ts'

export interface JoinQuery {
  /** The first one gives the times, unless `everyMs` does. */
  readonly tags: readonly HistoryTag[]
  readonly from: number
  readonly to: number
  /** How old a value may be to count at a time; Infinity: as old as can be. */
  readonly toleranceMs: number
  /** Times at whole multiples of this since `from`, instead of those of the first tag. */
  readonly everyMs?: number
  /** Most rows. */
  readonly limit: number
}

export interface JoinRow {
  readonly time: number
  /** In the order of the tags. */
  readonly cells: readonly (RawValue | undefined)[]
}

export interface JoinPage {
  readonly rows: readonly JoinRow[]
  /** From where the next page goes on; absent: there are no more rows. */
  readonly next?: number
}

/**
 * Values of several tags, of any assets, on the times of one: of each the newest at or before the time, if it is not too old.
 * Only what was known then is used, so that a model trained on such rows learns nothing of the future.
 * @throws HistoryError, see `HistoryReader` and `ReadBudget`
 */
export async function joinHistory(
  reader: HistoryReader,
  query: JoinQuery,
  budget: ReadBudget,
  signal: AbortSignal,
): Promise<JoinPage> {
  const { times, next } = query.everyMs === undefined ? await timesOfFirst(reader, query, signal) : grid(query)
  const older = await newestOf(reader, query.tags, times[0], signal)
  const columns: (RawValue | undefined)[][] = []
  for (const tag of query.tags) {
    const { everyMs, toleranceMs } = query
    const first = older.get(tag.asset)?.get(tag.tag)
    const grid = everyMs === undefined ? undefined : await gridColumn(reader, tag, times, everyMs, first, signal)
    const column = grid ?? (await columnOf(reader, tag, times, first, budget, signal))
    columns.push(column.map((value, nth) => youngEnough(value, times[nth]!, toleranceMs)))
  }
  const rows = times.map((time, nth) => ({ time, cells: columns.map((column) => column[nth]) }))
  return { rows, ...(next !== undefined && { next }) }
}

/** What was known of the tags at the first of the times. */
async function newestOf(
  reader: HistoryReader,
  tags: readonly HistoryTag[],
  first: number | undefined,
  signal: AbortSignal,
): Promise<HistorySamples> {
  if (first === undefined) return new Map()
  const byAsset = Map.groupBy(tags, ({ asset }) => asset)
  const names = [...byAsset].map(([asset, own]) => [asset, own.map(({ tag }) => tag)] as const)
  return reader.before({ tags: new Map(names), time: first }, signal)
}

async function timesOfFirst(reader: HistoryReader, { tags, from, to, limit }: JoinQuery, signal: AbortSignal) {
  const { asset, tag } = tags[0]!
  const series = (await reader.read({ asset, tags: [tag], from, to, limit }, signal)).get(tag)
  const times = series?.samples.map(({ time }) => time) ?? []
  return { times, next: series?.more && times.length > 0 ? justAfter(times.at(-1)!) : undefined }
}

function grid({ from, to, everyMs, limit }: JoinQuery) {
  const all = Math.ceil((to - from) / everyMs!)
  const times = Array.from({ length: Math.min(all, limit) }, (_, nth) => from + nth * everyMs!)
  return { times, next: all > limit ? from + limit * everyMs! : undefined }
}

/** What was known of a tag at each of the times; `older`: at the first of them. */
async function columnOf(
  reader: HistoryReader,
  tag: HistoryTag,
  times: readonly number[],
  older: RawValue | undefined,
  budget: ReadBudget,
  signal: AbortSignal,
): Promise<(RawValue | undefined)[]> {
  const [first, last] = [times[0], times.at(-1)]
  if (first === undefined || last === undefined) return []
  const asOf = new AsOf()
  if (older !== undefined) asOf.push([older])
  const span = { ...tag, from: justAfter(first), to: justAfter(last) }
  const found: (RawValue | undefined)[] = []
  for await (const page of valuesWithin(reader, span, budget, signal)) {
    asOf.push(page)
    while (found.length < times.length && asOf.knows(times[found.length]!)) found.push(asOf.at(times[found.length]!))
  }
  while (found.length < times.length) found.push(asOf.at(times[found.length]!))
  return found
}
