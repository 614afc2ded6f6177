import { csvCell } from '../system/csv-cell.ts'
import { qualityName } from '../model/quality.ts'
import type { JsonValue } from './contract.ts'
import type { AggregatesView, ChartView, HistoryView, JoinView } from './contract-history.ts'

type Cell = JsonValue | undefined

/** How far from the epoch dates go (ECMA-262 clause 21.4.1.1). */
const LAST_DATE_MS = 8.64e15

/** Samples: a line for each. */
export function samplesCsv({ series }: HistoryView): string {
  const lines = series.flatMap(({ asset, tag, samples }) =>
    samples.map(([time, value, quality]) => [timeText(time), asset, tag, value, ...qualityCells(quality)]),
  )
  return csvOf(['time', 'asset', 'tag', 'value', 'quality', 'qualityName'], lines)
}

/** Aggregates: a line for each interval, tag and aggregate. */
export function aggregatesCsv({ series }: AggregatesView): string {
  const lines = series.flatMap(({ asset, tag, aggregate, points }) =>
    points.map(([time, value, quality]) => [timeText(time), asset, tag, aggregate, value, ...qualityCells(quality)]),
  )
  return csvOf(['time', 'asset', 'tag', 'aggregate', 'value', 'quality', 'qualityName'], lines)
}

/** Buckets or points of a chart. */
export function chartCsv(view: ChartView): string {
  if (view.method === 'lttb')
    return samplesCsv({ ...view, series: view.series.map((one) => ({ ...one, samples: one.points })) })
  const lines = view.series.flatMap(({ asset, tag, points }) =>
    points.map(([time, ...rest]) => [timeText(time), asset, tag, ...rest.slice(0, 4), ...qualityCells(rest[4])]),
  )
  return csvOf(['time', 'asset', 'tag', 'min', 'max', 'first', 'last', 'quality', 'qualityName'], lines)
}

/** A join: a line for each time, two columns for each tag. */
export function joinCsv({ columns, rows }: JoinView): string {
  const names = columns.map(({ asset, tag }) => `${asset}:${tag}`)
  const lines = rows.map(([time, ...cells]): Cell[] => [
    timeText(time),
    ...cells.flatMap((cell): Cell[] => (cell === null ? [null, null] : [cell[0], cell[1]])),
  ])
  return csvOf(['time', ...names.flatMap((name) => [name, `${name} quality`])], lines)
}

function qualityCells(quality: number): [number, string] {
  return [quality, qualityName(quality)]
}

function csvOf(head: readonly string[], lines: readonly (readonly Cell[])[]): string {
  return [head, ...lines].map((cells) => `${cells.map(cell).join(',')}\r\n`).join('')
}

function cell(value: Cell): string {
  if (value === null || value === undefined) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return csvCell(text, typeof value === 'number')
}

/** ISO 8601 in UTC, with the microseconds where there are any; a number where no calendar has the time. */
function timeText(time: number): string {
  if (Math.abs(time) > LAST_DATE_MS) return String(time)
  const micros = Math.round(time * 1_000)
  const text = new Date(Math.floor(micros / 1_000)).toISOString()
  const rest = micros - Math.floor(micros / 1_000) * 1_000
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`
}
