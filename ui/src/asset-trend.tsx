import { useMemo, useState } from 'preact/hooks'
import type { TwinView } from '../../src/api/contract.ts'
import { HistoryChart } from './history-chart.tsx'
import { isDrawn, seriesText, type SeriesName } from './history-series.ts'
import { pageHref } from './route.ts'
import { SpanControls } from './span-controls.tsx'
import { spanQuery, USUAL_SPAN, type Span } from './span.ts'
import type { Store } from './store.ts'

interface AssetTrendProps {
  readonly store: Store
  readonly twin: TwinView
  /** The tag that is looked at. */
  readonly tag: string
  readonly onTag: (tag: string | undefined) => void
}

/** One tag of the asset over any time. */
export function AssetTrend({ store, twin, tag, onTag }: AssetTrendProps) {
  const [span, setSpan] = useState<Span>(USUAL_SPAN)
  const series = useMemo((): readonly SeriesName[] => [{ asset: twin.path, tag }], [twin.path, tag])
  const drawn = twin.tags.filter(isDrawn)
  return (
    <section class="card asset-trend" aria-labelledby="trend-title" data-trend={tag}>
      <header>
        <h2 id="trend-title">Trend</h2>
        <select aria-label="Tag" value={tag} onChange={({ currentTarget }) => onTag(currentTarget.value)}>
          {drawn.map((one) => (
            <option key={one.tag}>{one.tag}</option>
          ))}
        </select>
        <a href={pageHref('history', twin.path, { series: seriesText(series), ...spanQuery(span) })}>
          with others, in History
        </a>
        <button class="button" type="button" onClick={() => onTag(undefined)}>
          Close
        </button>
      </header>
      <SpanControls span={span} now={store.now()} onSpan={setSpan} />
      <HistoryChart series={series} span={span} now={store.now()} onSpan={setSpan} />
    </section>
  )
}
