import { useEffect, useRef } from 'preact/hooks'
import type { HubView } from '../../src/api/contract.ts'
import { AlarmCounts } from './alarm-marks.tsx'
import { rateText } from './format.ts'
import { Mark } from './marks.tsx'
import { PAGES } from './pages.tsx'
import { pageHref, placeHref, type Route } from './route.ts'
import type { ConnectionState, Store } from './store.ts'
import { goTo } from './time-bar.tsx'

interface HeaderProps {
  readonly store: Store
  readonly route: Route
  readonly drawer: boolean
  /** On a narrow screen: opens and closes the tree. */
  readonly onDrawer: (() => void) | undefined
}

/** Where a look back begins. */
const LOOK_BACK_MS = 60_000

const LOGS = { embedded: 'Embedded log', kafka: 'Kafka', memory: 'Memory log' } as const

export function Header({ store, route, drawer, onDrawer }: HeaderProps) {
  const { hub } = store
  return (
    <header class="header">
      {onDrawer && (
        <button class="menu" type="button" aria-label="Plant tree" aria-expanded={drawer} onClick={onDrawer}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d={drawer ? 'M3 3 13 13M13 3 3 13' : 'M2 3.5H14M5 8H14M8 12.5H14'} />
          </svg>
        </button>
      )}
      <a class="brand" href={placeHref('')}>
        <img src="/icon.svg" alt="" width="24" height="24" />
        <span class="brand-name">Millrace</span>
        <span class="brand-site">{hub?.site ?? ''}</span>
      </a>
      <nav class="nav" aria-label="Views">
        <a href={placeHref('')} aria-current={route.view === 'place' ? 'page' : undefined}>
          Plant
        </a>
        {PAGES.filter(({ isSystem }) => !isSystem).map((page) => (
          <PageLink key={page.name} page={page} route={route} />
        ))}
      </nav>
      <SystemMenu route={route} />
      <dl class="facts" data-live={store.isLive}>
        <div class="fact fact-alarms">
          <dt>Alarms</dt>
          <dd>
            <AlarmCounts alarms={store.alarms} />
          </dd>
        </div>
        <div class="fact">
          <dt>Records/s</dt>
          <dd class="num fact-rate">{hub ? rateText(hub.recordsPerSecond) : '–'}</dd>
        </div>
        <div class="fact" title={hub?.log.address}>
          <dt>{hub ? LOGS[hub.log.kind] : 'Log'}</dt>
          <dd>{hub ? <LogMark log={hub.log} /> : '–'}</dd>
        </div>
        <div class="fact">
          <dt>Page</dt>
          <dd>
            <ConnectionMark state={store.connection} />
          </dd>
        </div>
      </dl>
      {!store.travel && <LookBack store={store} />}
    </header>
  )
}

const LOG_ALARMS = { failed: 'cannot store', down: 'no answer' } as const

/** Leads to the past: to a minute ago, from where the time bar goes on. */
function LookBack({ store }: { readonly store: Store }) {
  return (
    <button
      class="button look-back"
      type="button"
      aria-label="Look back"
      title="Look back: shows the plant, and every page, as it was at a moment in the past"
      onClick={() => goTo(store, store.hubNow() - LOOK_BACK_MS)}
    >
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <path d="M4 4V8H8M4.4 8A6.5 6.5 0 1 1 3.6 11M10.2 6.5V10.4L13 12" />
      </svg>
    </button>
  )
}

interface PageLinkProps {
  readonly page: (typeof PAGES)[number]
  readonly route: Route
}

function PageLink({ page: { name, title }, route }: PageLinkProps) {
  const isHere = route.view === 'page' && route.name === name
  return (
    <a href={pageHref(name)} aria-current={isHere ? 'page' : undefined}>
      {title}
    </a>
  )
}

/** The pages about Millrace itself. */
function SystemMenu({ route }: { readonly route: Route }) {
  const menu = useRef<HTMLDetailsElement>(null)
  const pages = PAGES.filter(({ isSystem }) => isSystem)
  const close = () => menu.current?.removeAttribute('open')
  useEffect(close, [route.view === 'page' && route.name])
  const here = pages.find(({ name }) => route.view === 'page' && route.name === name)
  return (
    <details ref={menu} class="nav-menu" onKeyDown={({ key }) => key === 'Escape' && close()}>
      <summary aria-current={here ? 'page' : undefined}>{here?.title ?? 'System'}</summary>
      <nav aria-label="System">
        {pages.map((page) => (
          <PageLink key={page.name} page={page} route={route} />
        ))}
      </nav>
    </details>
  )
}

/** How durable the log is; an alarm with colour, shape and words while it does not store. */
function LogMark({ log }: { readonly log: HubView['log'] }) {
  if (log.state === 'live') return log.durability
  return (
    <span class="log-alarm" role="alert" title={log.reason}>
      <Mark state="bad" /> {LOG_ALARMS[log.state]}
    </span>
  )
}

const WORDS = { connecting: 'connecting', live: 'live', lost: 'no connection', login: 'log in' } as const

function ConnectionMark({ state }: { readonly state: ConnectionState }) {
  return (
    <span class="connection" data-state={state} role="status">
      {WORDS[state]}
    </span>
  )
}
