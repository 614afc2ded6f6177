import { useMemo, useState } from 'preact/hooks'
import type { AlarmsView, EventsView, EventView, ValuesView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { Crumbs } from './crumbs.tsx'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import { Age, Mark } from './marks.tsx'
import type { PageProps } from './pages.tsx'
import { placeHref } from './route.ts'
import { accountsOf, changeText, concerns, ENDINGS, joined, materialsOf, type Account } from './stock.ts'
import type { Store } from './store.ts'

const EVERY_MS = 2_000
/** Rows shown; the search finds the others. */
const SHOWN = 300
/** Changes of an account that are shown. */
const CHANGES = 12
/** Materials of one question, see `GET /api/v1/values`. */
const MATERIALS = 20

/** What is where, and how long it lasts: worst first. */
export function StockPage({ store, path }: PageProps) {
  const { accounts, events, problem, isAsked } = useStock(path)
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  const found = accounts.filter(({ place, material }) => `${place} ${material}`.toLowerCase().includes(wanted))
  return (
    <section class="stock" aria-labelledby="stock-title">
      {path !== '' && <Crumbs path={path} />}
      <h1 id="stock-title">Stock</h1>
      <Problem text={problem} />
      {isAsked && accounts.length === 0 && (
        <p class="hint">
          No stock is known here. A processor <span class="path">stock</span> keeps it from events{' '}
          <span class="path">stock.moved</span>, <span class="path">stock.counted</span> and counters of machines.
        </p>
      )}
      {accounts.length > 0 && (
        <div class="search stock-search">
          <input
            type="search"
            placeholder="Find a material or a place"
            aria-label="Find a material or a place"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </div>
      )}
      <ul class="accounts">
        {found.slice(0, SHOWN).map((account) => (
          <li key={`${account.place}#${account.material}`} class="card account" data-account={accountName(account)}>
            <AccountRow store={store} account={account} events={events} />
          </li>
        ))}
      </ul>
      {found.length > SHOWN && <p class="hint">and {found.length - SHOWN} more; the search finds them</p>}
    </section>
  )
}

function accountName({ place, material }: Account): string {
  return `${material} at ${place}`
}

function useStock(path: string) {
  const on = encodeURIComponent(path === '' ? '**' : `${path}/**`)
  const special = useAnswer<ValuesView>(
    valuesUrl(
      on,
      ENDINGS.map((ending) => `*${ending}`),
    ),
    EVERY_MS,
  )
  const moved = useAnswer<EventsView>('/api/v1/events?type=stock.*&limit=1000', EVERY_MS)
  const called = useAnswer<EventsView>('/api/v1/events?type=kanban.called&limit=300', EVERY_MS)
  const alarms = useAnswer<AlarmsView>('/api/v1/alarms?limit=500', EVERY_MS)
  const events = useMemo(() => joined(moved.value, called.value), [moved.value, called.value])
  const materials = materialsOf(special.value, events).slice(0, MATERIALS)
  const tags = materials.flatMap((material) => [material, ...ENDINGS.map((ending) => material + ending)])
  // Before a material is known there is nothing to ask for, but a question has to be asked.
  const values = useAnswer<ValuesView>(valuesUrl(on, tags.length === 0 ? ['*.cover'] : tags), EVERY_MS)
  return {
    events,
    accounts: accountsOf(materials, values.value, alarms.value, events),
    problem: values.problem ?? moved.problem,
    isAsked: special.value !== undefined && moved.value !== undefined,
  }
}

function valuesUrl(on: string, tags: readonly string[]): string {
  return `/api/v1/values?on=${on}&tags=${tags.map(encodeURIComponent).join(',')}&limit=2000`
}

interface AccountRowProps {
  readonly store: Store
  readonly account: Account
  readonly events: readonly EventView[]
}

function AccountRow({ store, account, events }: AccountRowProps) {
  const { place, material, quantity, ordered, call, alarms } = account
  const isNegative = quantity !== undefined && quantity < 0
  return (
    <>
      <div class="account-row">
        <div class="account-name">
          <h2>{material}</h2>
          <a class="hint" href={placeHref(place)}>
            {place.split('/').slice(2).join(' / ')}
          </a>
        </div>
        <dl class="account-figures">
          <div class="fact">
            <dt>Stock</dt>
            <dd class="num account-quantity">
              {quantity === undefined ? '–' : numberText(quantity, 0)}{' '}
              {isNegative && (
                <span class="count" data-state="bad">
                  <Mark state="bad" /> below zero
                </span>
              )}
            </dd>
          </div>
          <Booked account={account} />
          <div class="fact">
            <dt>On its way</dt>
            <dd class="num">
              {ordered === undefined ? '–' : numberText(ordered, 0)}
              {call !== undefined && (ordered ?? 0) > 0 && (
                <span class="hint">
                  {' '}
                  called {call.from === undefined ? '' : `from ${call.from} `}
                  <Age store={store} at={call.time} /> ago
                </span>
              )}
            </dd>
          </div>
        </dl>
        <Cover account={account} />
      </div>
      {alarms.map((alarm) => (
        <p key={alarm.alarm} class="count account-alarm" data-state={alarm.priority === 'low' ? 'uncertain' : 'bad'}>
          <Mark state={alarm.priority === 'low' ? 'uncertain' : 'bad'} /> {alarm.message}
        </p>
      ))}
      <Changes store={store} account={account} events={events} />
    </>
  )
}

/** The ERP's figure is compared, never believed. */
function Booked({ account: { booked, difference, alarms } }: { readonly account: Account }) {
  const isAlarm = alarms.some(({ alarm }) => alarm.endsWith('.difference'))
  return (
    <div class="fact">
      <dt>ERP, and our difference</dt>
      <dd class="num">
        {booked === undefined ? '–' : numberText(booked, 0)}
        {difference !== undefined && (
          <span class={isAlarm ? 'count' : 'muted'} data-state={isAlarm ? 'uncertain' : undefined}>
            {' '}
            {isAlarm && <Mark state="uncertain" />} {differenceText(difference)}
          </span>
        )}
      </dd>
    </div>
  )
}

function differenceText(difference: number): string {
  if (difference === 0) return 'no difference'
  return difference > 0 ? `+${numberText(difference, 0)}` : numberText(difference, 0)
}

/** Ticks of the bar, hours: an hour, a shift, a day, a week; the bar is logarithmic, for what matters is near its left end. */
const TICKS = [
  [1, '1 h'],
  [8, '8 h'],
  [24, '1 d'],
  [168, '7 d'],
] as const
const BAR = { leastHours: 1 / 12, mostHours: 336 } as const

function Cover({ account: { coverHours, wantedHours } }: { readonly account: Account }) {
  const isShort = wantedHours !== undefined
  return (
    <div class="cover" data-short={isShort}>
      <div class="cover-text">
        {coverHours === undefined ? (
          <span class="muted">No use of it is known</span>
        ) : (
          <>
            <span class="muted">Lasts</span> <strong class="num">{hoursText(coverHours)}</strong>
          </>
        )}
        {isShort && (
          <span class="count" data-state="bad">
            <Mark state="bad" /> want {hoursText(wantedHours)}
          </span>
        )}
      </div>
      <svg class="cover-bar" viewBox="0 0 300 22" preserveAspectRatio="none" aria-hidden="true">
        <rect class="cover-track" x="0" y="3" width="300" height="9" />
        {coverHours !== undefined && <rect class="cover-fill" x="0" y="3" width={at(coverHours)} height="9" />}
        {TICKS.map(([hours]) => (
          <path key={hours} class="cover-tick" d={`M${at(hours)} 3V16`} />
        ))}
        {isShort && <path class="cover-limit" d={`M${at(wantedHours)} 0V18`} />}
      </svg>
      <div class="cover-ticks" aria-hidden="true">
        {TICKS.map(([hours, text]) => (
          <span key={hours} style={{ left: `${at(hours) / 3}%` }}>
            {text}
          </span>
        ))}
      </div>
    </div>
  )
}

function at(hours: number): number {
  const { leastHours, mostHours } = BAR
  const share = Math.log(Math.max(hours, leastHours) / leastHours) / Math.log(mostHours / leastHours)
  return Math.round(300 * Math.min(1, share))
}

/** Minutes below two hours, hours below two days, then days. */
function hoursText(hours: number): string {
  if (hours < 2) return `${numberText(hours * 60, 0)} min`
  return hours < 48 ? `${numberText(hours, 1)} h` : `${numberText(hours / 24, 1)} d`
}

function Changes({ store, account, events }: AccountRowProps) {
  const { place, material } = account
  const [isOpen, setOpen] = useState(false)
  const own = isOpen ? events.filter((event) => concerns(event, place, material)).slice(0, CHANGES) : []
  return (
    <details class="changes" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="hint">What has changed it</summary>
      {own.length === 0 && <p class="hint">No event of late; machines count for themselves.</p>}
      <ol>
        {own.map((event) => (
          <li key={`${event.partition}/${event.offset}`} class="change">
            <span class="num">{changeText(event, place)}</span>
            <span class="muted">
              <Age store={store} at={event.time} /> · {event.source}
            </span>
          </li>
        ))}
      </ol>
    </details>
  )
}
