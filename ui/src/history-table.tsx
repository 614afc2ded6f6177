import { useMemo, useState } from 'preact/hooks'
import type { HistoryView } from '../../src/api/contract-history.ts'
import { useAnswers } from './answer.ts'
import { digitsFor, unitText, valueText } from './format.ts'
import { historyUrls, type SeriesName, type Summary } from './history-series.ts'
import { Problem } from './log-page.tsx'

/** Values of each tag that are listed. */
const SHOWN = 200
/** The newest ones: the times the other way round. */
const NEWEST: Summary = { limit: SHOWN }

interface HistoryTableProps {
  readonly series: readonly SeriesName[]
  readonly span: { readonly from: number; readonly to: number }
}

/** The newest values of the span as they came, with quality. */
export function HistoryTable({ series, span }: HistoryTableProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="card history-table" open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Values as they came</summary>
      {isOpen && <Rows series={series} span={span} />}
    </details>
  )
}

function Rows({ series, span }: HistoryTableProps) {
  const urls = useMemo(() => historyUrls(series, { from: span.to, to: span.from }, NEWEST), [series])
  const { value, problem } = useAnswers<HistoryView>(urls, 0)
  const all = value?.flatMap((answer) => answer.series) ?? []
  return (
    <>
      <Problem text={problem} />
      <div class="history-columns">
        {all.map(({ asset, tag, unit, samples }) => (
          <table key={`${asset}:${tag}`}>
            <caption>
              {asset.split('/').at(-1)} <strong>{tag}</strong> {unitText(unit)}
            </caption>
            <tbody>
              {samples.map(([time, sample, quality], at) => (
                <tr key={`${time} ${at}`} data-bad={quality >= 0x80000000}>
                  <td class="num muted">{timeText(time)}</td>
                  <td class="num">{valueText(sample, typeof sample === 'number' ? digitsFor({}, [sample]) : 0)}</td>
                  <td class="muted">{quality === 0 ? '' : `0x${quality.toString(16).padStart(8, '0')}`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ))}
      </div>
    </>
  )
}

function timeText(time: number): string {
  const date = new Date(time)
  return `${date.toLocaleDateString()} ${date.toLocaleTimeString()}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
