import type { HubView } from '../../src/api/contract.ts'
import { AlarmCounts } from './alarm-marks.tsx'
import { rateText } from './format.ts'
import { Mark } from './marks.tsx'
import { PAGES } from './pages.tsx'
import { pageHref, placeHref, type Route } from './route.ts'
import type { ConnectionState, Store } from './store.ts'

interface HeaderProps {
  readonly store: Store
  readonly route: Route
  readonly drawer: boolean
  /** On a narrow screen: opens and closes the tree. */
  readonly onDrawer: (() => void) | undefined
}

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
        {PAGES.map(({ name, title }) => (
          <a
            key={name}
            href={pageHref(name)}
            aria-current={route.view === 'page' && route.name === name ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
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
    </header>
  )
}

const LOG_ALARMS = { failed: 'cannot store', down: 'no answer' } as const

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
