import type { AggregatePoint } from '../historian/aggregates/result.ts'
import { STANDARD_RULES } from '../historian/aggregates/rules.ts'
import type { Bucket, HistorySeries } from '../historian/history-reader.ts'
import type { HistorySql, SqlQuestion } from '../historian/history-sql.ts'
import { aggregateHistory } from '../historian/query/aggregate-history.ts'
import { bucketsOfChart, chartEvery, lineOfChart } from '../historian/query/chart-history.ts'
import type { HistoryTag } from '../historian/query/history-tag.ts'
import { joinHistory } from '../historian/query/join-history.ts'
import { ReadBudget } from '../historian/query/read-budget.ts'
import { justAfter, justBefore } from '../historian/query/stored-values.ts'
import { jsonValue } from '../model/json-value.ts'
import type { Value } from '../model/reading.ts'
import type { JsonValue } from './contract.ts'
import type {
  AggregatesView,
  ChartBucketView,
  ChartView,
  HistoryPointView,
  HistoryTagView,
  HistoryView,
  JoinCellView,
  JoinView,
  SqlView,
} from './contract-history.ts'
import { HISTORY } from './history-limits.ts'
import type {
  AggregatesQuery,
  ChartQuery,
  HistoryJoinQuery,
  HistoryOf,
  HistoryPort,
  SamplesQuery,
} from './history-port.ts'
import { pageOf } from './history-page.ts'
import { refuseTexts, tagOf, tagsOf, type HistoryTagsSource } from './history-tags.ts'
import { badQuery } from './query.ts'
import { historyOff } from './questions.ts'

/** History out of the store, as JSON, within the limits of one answer. */
export class HistoryViews implements HistoryPort {
  readonly #source: HistoryTagsSource
  readonly #sql: Pick<HistorySql, 'ask'> | undefined

  /** `sql`: who answers in SQL; absent: nobody. */
  constructor(source: HistoryTagsSource, sql?: Pick<HistorySql, 'ask'>) {
    this.#source = source
    this.#sql = sql
  }

  sql(question: SqlQuestion, signal: AbortSignal): Promise<SqlView> {
    if (this.#sql === undefined) throw historyOff()
    return this.#sql.ask(question, signal)
  }

  async samples({ of, from, to, limit }: SamplesQuery, signal: AbortSignal): Promise<HistoryView> {
    const tags = await tagsOf(this.#source, of, signal)
    const most = Math.max(1, Math.min(limit, Math.floor(HISTORY.pageSamples / Math.max(1, tags.length))))
    const backwards = to < from
    // Backwards what is at `from` is in, and what is at `to` is not.
    const range = backwards ? { from: justAfter(to), to: justAfter(from), backwards } : { from, to }
    const series: HistorySeries[] = []
    for (const [asset, own] of Map.groupBy(tags, (tag) => tag.asset)) {
      const names = own.map(({ tag }) => tag)
      const found = await this.#source.reader.read({ asset, tags: names, ...range, limit: most }, signal)
      for (const name of names) series.push(found.get(name) ?? { samples: [], more: false })
    }
    const { pages, last } = pageOf(series, backwards)
    const shown = tags.map((tag, nth) => ({ ...tagView(tag), samples: pages[nth]! }))
    const next = last === undefined ? undefined : backwards ? justBefore(last) : justAfter(last)
    return { ...headOf(of, from, to), series: shown, ...(next !== undefined && { next }) }
  }

  async aggregates(query: AggregatesQuery, signal: AbortSignal): Promise<AggregatesView> {
    const { of, from, to, aggregates, everyMs, rules } = query
    const tags = await tagsOf(this.#source, of, signal)
    refuseTexts(tags, aggregates)
    const intervals = everyMs === 0 ? 1 : Math.ceil(Math.abs(to - from) / everyMs)
    bounded('every', intervals * tags.length * aggregates.length)
    const found = await aggregateHistory(
      this.#source.reader,
      {
        tags,
        start: from,
        end: to,
        everyMs,
        aggregates,
        rules: ({ stepped }) => ({ ...STANDARD_RULES, stepped, ...rules }),
      },
      new ReadBudget(HISTORY.samplesRead),
      signal,
    )
    const series = found.flatMap(({ tag, points }) =>
      aggregates.map((aggregate, nth) => ({
        ...tagView(tag),
        aggregate,
        stepped: rules.stepped ?? tag.stepped,
        points: points[nth]!.map(pointView),
      })),
    )
    const fromBuckets = found.reduce((sum, one) => sum + one.fromBuckets, 0)
    return { ...headOf(of, from, to), everyMs: everyMs === 0 ? Math.abs(to - from) : everyMs, series, fromBuckets }
  }

  async chart({ of, from, to, points, method }: ChartQuery, signal: AbortSignal): Promise<ChartView> {
    const tags = await tagsOf(this.#source, of, signal)
    bounded('points', points * tags.length)
    const query = { tags, from, to, points }
    const head = headOf(of, from, to)
    const { reader } = this.#source
    if (method === 'min-max') {
      const bucketsOf = await bucketsOfChart(reader, query, signal)
      const series = tags.map((tag) => ({ ...tagView(tag), points: bucketsOf(tag).map(bucketView) }))
      return { ...head, method, everyMs: chartEvery(query), series }
    }
    const budget = new ReadBudget(HISTORY.lineSamples)
    const series: (HistoryTagView & { points: HistoryPointView[] })[] = []
    for (const tag of tags) {
      const line = await lineOfChart(reader, query, tag, budget, signal)
      series.push({ ...tagView(tag), points: line.map(pointView) })
    }
    return { ...head, method, series }
  }

  async join(query: HistoryJoinQuery, signal: AbortSignal): Promise<JoinView> {
    const tags: HistoryTag[] = []
    for (const column of query.tags) tags.push(await tagOf(this.#source, column, signal))
    const limit = Math.max(1, Math.min(query.limit, Math.floor(HISTORY.pageSamples / tags.length)))
    const budget = new ReadBudget(HISTORY.samplesRead)
    const { rows, next } = await joinHistory(this.#source.reader, { ...query, tags, limit }, budget, signal)
    return {
      from: query.from,
      to: query.to,
      columns: tags.map(tagView),
      rows: rows.map(({ time, cells }) => [time, ...cells.map(cellView)] as const),
      ...(next !== undefined && { next }),
    }
  }
}

function headOf(of: HistoryOf, from: number, to: number) {
  return { ...('asset' in of && { asset: of.asset }), from, to }
}

/** @throws ApiError `BAD_QUERY` where the answer would have too many points */
function bounded(parameter: string, points: number): void {
  if (points <= HISTORY.points) return
  throw badQuery(parameter, `it comes to ${points} points`, `at most ${HISTORY.points} in one answer`)
}

function tagView({ asset, tag, type, unit, range }: HistoryTag): HistoryTagView {
  return { asset, tag, type, ...(unit !== undefined && { unit }), ...(range !== undefined && { range }) }
}

function pointView({ time, value, quality }: AggregatePoint): HistoryPointView {
  return [time, json(value), quality]
}

function bucketView({ start, minimum, maximum, first, last, worstQuality }: Bucket): ChartBucketView {
  return [start, minimum ?? null, maximum ?? null, first.number ?? null, last.number ?? null, worstQuality]
}

function cellView(cell: AggregatePoint | undefined): JoinCellView {
  return cell === undefined ? null : [json(cell.value), cell.quality, cell.time]
}

function json(value: Value | null): JsonValue {
  return jsonValue(value)
}
