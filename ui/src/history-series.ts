import type { AggregatesView, ChartView, HistoryPointView, HistoryTagView } from '../../src/api/contract-history.ts'
import type { JsonValue } from '../../src/api/contract.ts'
import type { ChartLine, ChartPoint } from './chart-data.ts'
import { urlPath } from './route.ts'

/** A tag of an asset that is looked at over time. */
export interface SeriesName {
  readonly asset: string
  readonly tag: string
}

/** `acme/berlin/press1:temperature`: the last colon counts, as in the API. */
export function seriesIn(text: string | undefined): readonly SeriesName[] {
  const found = (text ?? '').split(',').map((one): SeriesName => {
    const colon = one.lastIndexOf(':')
    return { asset: one.slice(0, colon), tag: one.slice(colon + 1) }
  })
  return found.filter(({ asset, tag }) => asset !== '' && tag !== '')
}

export function seriesText(series: readonly SeriesName[]): string {
  return series.map(({ asset, tag }) => `${asset}:${tag}`).join(',')
}

/** How values are summed up. */
export type Summary =
  | { readonly points: number }
  | { readonly aggregate: string; readonly every: string }
  /** Not at all: the first so many of each tag. */
  | { readonly limit: number }

/** What to ask, one question an asset. */
export function historyUrls(
  series: readonly SeriesName[],
  { from, to }: { readonly from: number; readonly to: number },
  summary: Summary,
  more: { readonly [name: string]: string } = {},
): readonly string[] {
  const byAsset = Map.groupBy(series, ({ asset }) => asset)
  return [...byAsset].map(([asset, names]) => {
    const asked = { tags: names.map(({ tag }) => tag).join(','), from: String(from), to: String(to), ...more }
    const how = Object.fromEntries(Object.entries(summary).map(([name, value]) => [name, String(value)]))
    const place = urlPath(asset)
    return `/api/v1/assets/${place}/history?${new URLSearchParams({ ...asked, ...how })}`
  })
}

const BAD = 0x80000000

/** The lines of answers, in the order of the series. */
export function linesOf(answers: readonly (ChartView | AggregatesView)[], series: readonly SeriesName[]): ChartLine[] {
  const isOne = new Set(series.map(({ asset }) => asset)).size < 2
  const lines = answers.flatMap((answer) => answer.series.map((one) => lineOf(answer, one, isOne)))
  const place = new Map(series.map(({ asset, tag }, at) => [`${asset}:${tag}`, at]))
  return lines
    .toSorted((a, b) => (place.get(a.key) ?? 0) - (place.get(b.key) ?? 0))
    .map(({ key: _key, ...line }) => line)
}

type AnySeries = (ChartView | AggregatesView)['series'][number]

function lineOf(answer: ChartView | AggregatesView, series: AnySeries, isOne: boolean): ChartLine & { key: string } {
  const { asset, tag, unit, type } = series
  const aggregate = 'aggregate' in series ? ` ${series.aggregate}` : ''
  const name = `${isOne ? '' : `${asset.split('/').at(-1)} `}${tag}${aggregate}`
  const isStepped = 'stepped' in series ? series.stepped : type === 'boolean'
  const isMinMax = 'method' in answer && answer.method === 'min-max'
  const points = isMinMax
    ? (series.points as ChartPoints).map(([time, least, most, , last, quality]): ChartPoint => {
        return { time, least, most, last, isBad: quality >= BAD }
      })
    : (series.points as readonly HistoryPointView[]).map(([time, value, quality]): ChartPoint => {
        const number = numberOf(value)
        return { time, least: number, most: number, last: number, isBad: quality >= BAD }
      })
  return {
    key: `${asset}:${tag}`,
    name,
    isStepped,
    points,
    ...(unit !== undefined && aggregate !== ' Count' && { unit }),
  }
}

type ChartPoints = Extract<ChartView, { method: 'min-max' }>['series'][number]['points']

function numberOf(value: JsonValue): number | null {
  if (typeof value === 'boolean') return Number(value)
  return typeof value === 'number' ? value : null
}

/** Whether a tag is drawn as a line. */
export function isDrawn({ type }: Pick<HistoryTagView, 'type'>): boolean {
  return type === 'number' || type === 'boolean' || type === 'int64'
}
