import type { AggregateName } from '../historian/aggregates/catalogue.ts'
import type { AggregateRules } from '../historian/aggregates/rules.ts'
import type { SqlQuestion } from '../historian/history-sql.ts'
import type { AggregatesView, ChartView, HistoryView, JoinView, SqlView } from './contract-history.ts'

/** Whose history is asked for. */
export type HistoryOf =
  /** Of one asset; without tags all of it. */
  | { readonly asset: string; readonly tags?: readonly string[] }
  /** Of every asset that matches a pattern, those of these tags that it has. */
  | { readonly on: string; readonly tags: readonly string[] }

interface HistorySpan {
  readonly of: HistoryOf
  readonly from: number
  /** Before `from`: time runs backwards. */
  readonly to: number
}

export interface SamplesQuery extends HistorySpan {
  readonly kind: 'samples'
  /** Most samples of a tag. */
  readonly limit: number
}

export interface AggregatesQuery extends HistorySpan {
  readonly kind: 'aggregates'
  readonly aggregates: readonly AggregateName[]
  /** 0: one interval. */
  readonly everyMs: number
  /** What is not said is as the standard has it; `stepped` as the tag is. */
  readonly rules: Partial<AggregateRules>
}

export interface ChartQuery extends HistorySpan {
  readonly kind: 'chart'
  readonly points: number
  readonly method: 'min-max' | 'lttb'
}

export type HistoryQuery = SamplesQuery | AggregatesQuery | ChartQuery

export interface HistoryJoinQuery {
  /** The first one gives the times, unless `everyMs` does. */
  readonly tags: readonly { readonly asset: string; readonly tag: string }[]
  readonly from: number
  readonly to: number
  readonly toleranceMs: number
  readonly everyMs?: number
  readonly limit: number
}

/**
 * History, as the API shows it: JSON already. It asks the store, so it takes as long as that does; an aborted signal ends
 * it, and rejects with the signal's reason.
 * @throws ApiError what is wrong with the question; HistoryError why the store does not answer
 */
export interface HistoryPort {
  samples(query: SamplesQuery, signal: AbortSignal): Promise<HistoryView>
  aggregates(query: AggregatesQuery, signal: AbortSignal): Promise<AggregatesView>
  chart(query: ChartQuery, signal: AbortSignal): Promise<ChartView>
  join(query: HistoryJoinQuery, signal: AbortSignal): Promise<JoinView>
  /** A question in SQL, in a process of its own (docs/sql.md). */
  sql(question: SqlQuestion, signal: AbortSignal): Promise<SqlView>
}
