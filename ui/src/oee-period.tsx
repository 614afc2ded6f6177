import type { OeePeriodView } from '../../src/api/contract-oee.ts'
import { localText } from './local-text.ts'
import { pageHref, type RouteQuery } from './route.ts'

const KINDS = [
  ['now', 'Last hour'],
  ['hour', 'Hour'],
  ['shift', 'Shift'],
  ['day', 'Day'],
] as const

/** What of the URL says which time is shown, in the words of the API. */
export function periodQuery({ period, at, from, to }: RouteQuery): RouteQuery {
  if (from !== undefined && to !== undefined) return { from, to }
  return { period: period ?? 'now', ...(at !== undefined && { at }) }
}

interface OeePeriodProps {
  readonly path: string
  readonly query: RouteQuery
  readonly shown: OeePeriodView | undefined
}

/** Which time is shown: the running one of a kind, those before it, or any. */
export function OeePeriod({ path, query, shown }: OeePeriodProps) {
  const asked = periodQuery(query)
  const href = (to: RouteQuery) => pageHref('oee', path, to)
  const kind = asked['period']
  const steps = shown !== undefined && kind !== undefined && kind !== 'now'
  return (
    <div class="oee-period">
      <nav class="nav" aria-label="Period">
        {KINDS.map(([name, title]) => (
          <a key={name} href={href({ period: name })} aria-current={kind === name ? 'true' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <p class="oee-span num">
        {steps && (
          <a class="oee-step" href={href({ period: kind, at: String(shown.from - 1) })} aria-label="Before">
            ‹
          </a>
        )}
        <strong>{shown === undefined ? '…' : nameOf(shown)}</strong>
        {steps && shown.knownTo >= shown.to && (
          <a class="oee-step" href={href({ period: kind, at: String(shown.to) })} aria-label="After">
            ›
          </a>
        )}
      </p>
      {shown && <Span path={path} shown={shown} />}
    </div>
  )
}

/** Any time: from, to. */
function Span({ path, shown }: { readonly path: string; readonly shown: OeePeriodView }) {
  const go = (from: string, to: string) => {
    const [begin, end] = [Date.parse(from), Date.parse(to)]
    if (!(end > begin)) return
    location.hash = pageHref('oee', path, { from: String(begin), to: String(end) })
  }
  const [from, to] = [localText(shown.from, 'minute'), localText(Math.min(shown.to, shown.knownTo), 'minute')]
  return (
    <div class="travel-fields oee-fields">
      <label>
        From
        <input type="datetime-local" value={from} onChange={({ currentTarget }) => go(currentTarget.value, to)} />
      </label>
      <label>
        To
        <input type="datetime-local" value={to} onChange={({ currentTarget }) => go(from, currentTarget.value)} />
      </label>
    </div>
  )
}

function nameOf({ kind, name, from, to, knownTo }: OeePeriodView): string {
  const what = kind === 'shift' ? `${name}, ` : ''
  const end = knownTo < to ? `${clockText(knownTo, from)} so far` : clockText(to, from)
  return `${what}${new Date(from).toLocaleDateString()} ${clockText(from, from)} to ${end}`
}

/** The time, with its day where that is another than that of `beside`. */
export function clockText(time: number, beside: number, seconds = false): string {
  const date = new Date(time)
  const clock = date.toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds && { second: '2-digit' }),
  })
  return date.toDateString() === new Date(beside).toDateString() ? clock : `${date.toLocaleDateString()} ${clock}`
}
