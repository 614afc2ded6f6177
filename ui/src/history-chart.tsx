import { useMemo, useRef } from 'preact/hooks'
import type { AggregatesView, ChartView } from '../../src/api/contract-history.ts'
import { useAnswers } from './answer.ts'
import type { ChartLine } from './chart-data.ts'
import { Chart } from './chart.tsx'
import { historyUrls, linesOf, type SeriesName, type Summary } from './history-series.ts'
import { useMedia } from './hooks.ts'
import { Problem } from './log-page.tsx'
import { ends, type Span } from './span.ts'

/** How often a span that moves with the time is asked for, ms. */
const EVERY_MS = 5_000
/** Buckets of a chart: about one for each two pixels of a wide screen. */
const POINTS = { wide: 700, narrow: 250 } as const

/** What is on the page, and the question that it answers. */
interface Drawn {
  readonly of: readonly SeriesName[]
  readonly from: number
  readonly to: number
  readonly lines: readonly ChartLine[]
}

interface HistoryChartProps {
  readonly series: readonly SeriesName[]
  readonly span: Span
  readonly now: number
  readonly summary?: Summary
  readonly onSpan: (span: Span) => void
}

/** Tags over time; a part of it that is drawn over is looked at closer. */
export function HistoryChart({ series, span, now, summary, onSpan }: HistoryChartProps) {
  const narrow = useMedia('(max-width: 760px)')
  const isMoving = 'lastMs' in span
  // A moving span is asked for anew now and then, not with every drawing.
  const { from, to } = ends(span, isMoving ? Math.floor(now / EVERY_MS) * EVERY_MS : now)
  const how = summary ?? { points: narrow ? POINTS.narrow : POINTS.wide }
  const urls = useMemo(() => historyUrls(series, { from, to }, how), [series, from, to, JSON.stringify(how)])
  const { value, problem } = useAnswers<ChartView | AggregatesView>(urls, 0)
  const drawn = useRef<Drawn | undefined>(undefined)
  const next = useMemo(() => value && { of: series, from, to, lines: linesOf(value, series) }, [value])
  // What was drawn stays until the answer to the next question is here.
  if (next) drawn.current = next
  else if (drawn.current?.of !== series) drawn.current = undefined
  const shown = drawn.current
  const isEmpty = shown !== undefined && shown.lines.every(({ points }) => points.length === 0)
  return (
    <div class="history-chart" data-loading={value === undefined} data-lines={shown?.lines.length ?? 0}>
      <Problem text={problem} />
      {shown && (
        <Chart
          lines={shown.lines}
          from={shown.from}
          to={shown.to}
          height={narrow ? 240 : 340}
          onZoom={(begin, end) => onSpan({ from: begin, to: end })}
        />
      )}
      {isEmpty && <p class="hint">Nothing was stored of this in that time.</p>}
    </div>
  )
}
