import { useMemo } from 'preact/hooks'
import { Chips } from './history-chips.tsx'
import { HistoryChart } from './history-chart.tsx'
import { HistoryTable } from './history-table.tsx'
import { MOST_LINES } from './chart.tsx'
import { historyUrls, seriesIn, seriesText, type SeriesName, type Summary } from './history-series.ts'
import type { PageProps } from './pages.tsx'
import { pageHref, type RouteQuery } from './route.ts'
import { SpanControls } from './span-controls.tsx'
import { ends, spanIn, spanQuery } from './span.ts'

/** Aggregates of OPC UA Part 13 that people ask for; the API has all. */
const AGGREGATES = [
  'TimeAverage',
  'Average',
  'Minimum',
  'Maximum',
  'Range',
  'Delta',
  'Total',
  'Count',
  'StandardDeviationSample',
  'PercentGood',
  'DurationInStateNonZero',
  'NumberOfTransitions',
] as const

const INTERVALS = ['1s', '10s', '1m', '10m', '1h', '8h', '1d'] as const

/** Several tags over any time, as they came or summed up, as a chart, a table and a file. */
export function HistoryPage({ store, path, query }: PageProps) {
  const text = query['series'] ?? ''
  const series = useMemo(() => seriesIn(text), [text])
  const span = spanIn(query)
  const now = store.now()
  const summary = summaryIn(query)
  const go = (change: RouteQuery) => (location.hash = pageHref('history', path, { ...query, ...change }))
  const select = (chosen: readonly SeriesName[]) => go({ series: seriesText(chosen) })
  const onSpan = (chosen: Parameters<typeof spanQuery>[0]) => {
    const { last: _last, from: _from, to: _to, ...rest } = query
    location.hash = pageHref('history', path, { ...rest, ...spanQuery(chosen) })
  }
  const spanShown = ends(span, now)
  return (
    <section class="history" aria-labelledby="history-title">
      <h1 id="history-title">History</h1>
      <SpanControls span={span} now={now} onSpan={onSpan} />
      <Chips store={store} path={path} series={series} most={MOST_LINES} onSeries={select} />
      {series.length === 0 ? (
        <p class="hint">
          Choose an asset in the tree, then tags of it. Tags of several assets can be looked at together.
        </p>
      ) : (
        <>
          <SummaryFields query={query} onChange={go} />
          <div class="card history-card">
            <HistoryChart series={series} span={span} now={now} onSpan={onSpan} {...(summary && { summary })} />
            <p class="hint">Draw over the chart to look closer. Hatched: the quality was bad.</p>
          </div>
          <Exports urls={historyUrls(series, spanShown, summary ?? SAMPLES, { format: 'csv' })} series={series} />
          {summary === undefined && <HistoryTable series={series} span={spanShown} />}
        </>
      )}
    </section>
  )
}

/** Values as they came. */
const SAMPLES: Summary = { limit: 10_000 }

function summaryIn({ aggregate, every }: RouteQuery): Summary | undefined {
  return aggregate === undefined || aggregate === '' ? undefined : { aggregate, every: every ?? '1m' }
}

interface SummaryFieldsProps {
  readonly query: RouteQuery
  readonly onChange: (change: RouteQuery) => void
}

function SummaryFields({ query, onChange }: SummaryFieldsProps) {
  const aggregate = query['aggregate'] ?? ''
  return (
    <div class="travel-fields">
      <label>
        Summed up by
        <select value={aggregate} onChange={({ currentTarget }) => onChange({ aggregate: currentTarget.value })}>
          <option value="">least and most</option>
          {AGGREGATES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      {aggregate !== '' && (
        <label>
          Each
          <select
            value={query['every'] ?? '1m'}
            onChange={({ currentTarget }) => onChange({ every: currentTarget.value })}
          >
            {INTERVALS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      )}
    </div>
  )
}

/** The same as files, one for each asset. */
function Exports({ urls, series }: { readonly urls: readonly string[]; readonly series: readonly SeriesName[] }) {
  const assets = [...new Set(series.map(({ asset }) => asset))]
  return (
    <p class="history-exports">
      {urls.map((url, at) => (
        <a key={assets[at]} href={url} download={`${assets[at]!.split('/').at(-1)}.csv`}>
          {assets[at]!.split('/').at(-1)} as CSV
        </a>
      ))}
    </p>
  )
}
