import { useState } from 'preact/hooks'
import type { AlarmJournalEntry, AlarmJournalView } from '../../src/api/contract.ts'
import { PriorityMark } from './alarm-marks.tsx'
import { EVERY_MS } from './alarm-rows.tsx'
import { isCalling, momentText, STATE_TEXTS } from './alarm-words.ts'
import { useAnswer } from './answer.ts'
import { Problem } from './log-page.tsx'
import { Pager } from './pager.tsx'
import { placeHref } from './route.ts'
import type { Store } from './store.ts'

const PAGE = 50

const ACTIONS = ['raise', 'clear', 'acknowledge', 'shelve', 'suppress', 'remove-from-service', 'comment'] as const

/** Every step of alarms, the newest first. */
export function AlarmJournal({ store }: { readonly store: Store }) {
  const [action, setAction] = useState('')
  /** Where the pages before this one began: the way back. */
  const [pages, setPages] = useState<readonly string[]>([])
  const after = pages.at(-1)
  const url = `/api/v1/alarms/journal?limit=${PAGE}${action && `&action=${action}`}${after ? `&after=${after}` : ''}`
  const { value, problem } = useAnswer<AlarmJournalView>(
    url,
    after === undefined ? EVERY_MS : 0,
    after === undefined ? store.alarms?.revision : undefined,
  )
  return (
    <section class="card alarm-section" aria-labelledby="journal-title">
      <h2 id="journal-title">Journal</h2>
      <div class="travel-fields">
        <label>
          Step
          <select
            value={action}
            onChange={({ currentTarget }) => {
              setPages([])
              setAction(currentTarget.value)
            }}
          >
            <option value="">all</option>
            {ACTIONS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      <Problem text={problem} />
      {value?.entries.length === 0 && <p class="hint">No step of an alarm here.</p>}
      <ol class="journal">
        {value?.entries.map((entry, index) => (
          <li key={`${entry.receivedTime} ${index}`}>
            <Entry entry={entry} now={store.now()} />
          </li>
        ))}
      </ol>
      <div class="alarm-actions">
        <Pager pages={pages} next={value?.next} onPages={setPages} />
        {value?.heldFrom !== undefined && (
          <span class="hint">Steps before {momentText(value.heldFrom, store.now())} are in the log.</span>
        )}
      </div>
    </section>
  )
}

function Entry({ entry, now }: { readonly entry: AlarmJournalEntry; readonly now: number }) {
  const { asset, alarm, action, time, state, priority, message, by, comment, until } = entry
  return (
    <div class="journal-row" data-action={action}>
      <time class="num muted" dateTime={new Date(time).toISOString()}>
        {momentText(time, now)}
      </time>
      <span class="journal-action">
        <PriorityMark priority={priority} full={isCalling(state)} /> {action}
      </span>
      <span class="alarm-name">
        <strong>{alarm}</strong> <a href={placeHref(asset)}>{asset.split('/').slice(2).join(' / ')}</a>
      </span>
      <span class="alarm-says">
        {by !== undefined && <span class="alarm-note">{by}</span>}
        {until !== undefined && (
          <span class="num">
            until {momentText(until, now)}
            {comment && ': '}
          </span>
        )}
        {comment ?? message ?? ''}
      </span>
      <span class="muted journal-state">{STATE_TEXTS[state]}</span>
    </div>
  )
}
