/**
 * The words of `GET /api/v1/assets/{path}/history`, `GET /api/v1/history` and `GET /api/v1/history/join`
 * (docs/history-queries.md). Times are ms since the epoch, with fractions down to the microsecond; a quality is an OPC UA
 * StatusCode.
 */
import type { JsonValue } from './contract.ts'

/** Body of `POST /api/v1/query`. */
export interface SqlRequest {
  /** One SELECT. */
  readonly sql: string
  /** Rows that are answered at most; default 10,000. */
  readonly limit?: number
}

/** What a question in SQL is answered. Times are ISO 8601; integers beyond 2^53 are texts. */
export interface SqlView {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly JsonValue[])[]
  /** There are more rows than were asked for. */
  readonly more: boolean
}

/** A tag that a series is of. */
export interface HistoryTagView {
  readonly asset: string
  readonly tag: string
  readonly type: string
  readonly unit?: string
  readonly range?: readonly [number, number]
}

/** A stored sample, or what an aggregate says of an interval; null: there is no value, and the quality says why. */
export type HistoryPointView = readonly [time: number, value: JsonValue, quality: number]

interface HistoryHead {
  /** Of questions of one asset. */
  readonly asset?: string
  readonly from: number
  readonly to: number
}

/** Samples as they came, in order of time; newest first where `from` is after `to`. */
export interface HistoryView extends HistoryHead {
  readonly series: readonly (HistoryTagView & { readonly samples: readonly HistoryPointView[] })[]
  /** What `from` has to be for the page after this one; every series ends there. Absent: this is all. */
  readonly next?: number
}

/** Aggregates of OPC UA Part 13, one series for each tag and aggregate. */
export interface AggregatesView extends HistoryHead {
  /** Length of an interval, ms. */
  readonly everyMs: number
  readonly series: readonly (HistoryTagView & {
    readonly aggregate: string
    readonly stepped: boolean
    readonly points: readonly HistoryPointView[]
  })[]
  /** Intervals that came from the store's buckets and not from samples, over all tags: these never say MultipleValues. */
  readonly fromBuckets: number
}

/** A bucket of a chart; null: it holds no number that can be used. */
export type ChartBucketView = readonly [
  time: number,
  min: number | null,
  max: number | null,
  first: number | null,
  last: number | null,
  worstQuality: number,
]

/** Few enough points to draw. */
export type ChartView = HistoryHead &
  (
    | {
        readonly method: 'min-max'
        /** Length of a bucket; buckets without samples are absent. */
        readonly everyMs: number
        readonly series: readonly (HistoryTagView & { readonly points: readonly ChartBucketView[] })[]
      }
    | {
        readonly method: 'lttb'
        /** Samples that stand for those around them, with the worst quality of those; null breaks the line. */
        readonly series: readonly (HistoryTagView & { readonly points: readonly HistoryPointView[] })[]
      }
  )

/** What was known of a tag at a time, and since when; null: nothing young enough. */
export type JoinCellView = readonly [value: JsonValue, quality: number, sourceTime: number] | null

/** Values of several tags at the times of one. */
export interface JoinView {
  readonly from: number
  readonly to: number
  readonly columns: readonly HistoryTagView[]
  /** A time, then a cell for each column. */
  readonly rows: readonly (readonly [time: number, ...cells: JoinCellView[]])[]
  /** What `from` has to be for the page after this one; absent: this is all. */
  readonly next?: number
}
