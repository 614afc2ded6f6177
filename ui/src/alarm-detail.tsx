import { useState } from 'preact/hooks'
import type { AlarmCommandName, AlarmView } from '../../src/api/contract.ts'
import { commandAlarms } from './alarm-command.ts'
import { ACTION_TEXTS, actionsOf, momentText } from './alarm-words.ts'
import { Explanation } from './explanation.tsx'
import { Problem } from './log-page.tsx'
import { placeHref } from './route.ts'
import { ShelveDialog } from './shelve-dialog.tsx'
import type { Store } from './store.ts'

interface AlarmProps {
  readonly store: Store
  readonly alarm: AlarmView
}

/** Everything that is known of an alarm, and what may be done. */
export function AlarmDetail({ store, alarm }: AlarmProps) {
  const now = store.now()
  return (
    <div class="alarm-detail">
      <p class="alarm-message">{alarm.message}</p>
      <Explanation detail={alarm.detail} now={now} />
      <Past alarm={alarm} now={now} />
      {alarm.comments.length > 0 && (
        <ul class="alarm-comments" aria-label="Comments">
          {alarm.comments.toReversed().map(({ time, by, comment }) => (
            <li key={`${time} ${comment}`}>
              <span class="muted num">
                {momentText(time, now)} {by}
              </span>{' '}
              {comment}
            </li>
          ))}
        </ul>
      )}
      <p class="alarm-goto">
        <a href={placeHref(alarm.asset)}>Go to {alarm.asset.split('/').at(-1)}</a>
      </p>
      <Actions store={store} alarm={alarm} />
    </div>
  )
}

/** What happened to it, in one line of facts. */
function Past({ alarm, now }: { readonly alarm: AlarmView; readonly now: number }) {
  const facts = [
    alarm.raisedAt !== undefined && `began ${momentText(alarm.raisedAt, now)}`,
    alarm.clearedAt !== undefined && `over ${momentText(alarm.clearedAt, now)}`,
    alarm.acknowledgedAt !== undefined &&
      `acknowledged ${momentText(alarm.acknowledgedAt, now)} by ${alarm.acknowledgedBy ?? 'nobody named'}`,
    alarm.hiddenAt !== undefined &&
      `put away ${momentText(alarm.hiddenAt, now)} by ${alarm.hiddenBy ?? 'nobody named'}`,
    alarm.shelvedUntil !== undefined && `back ${momentText(alarm.shelvedUntil, now)}`,
    `${alarm.occurrences} ${alarm.occurrences === 1 ? 'time' : 'times'}`,
    alarm.latches && 'latches',
    alarm.isChattering && 'chattering',
    alarm.isStale && 'stale: active for more than a day',
  ]
  return <p class="hint num">{facts.filter((fact) => fact !== false).join(' · ')}</p>
}

/** The steps that its state allows, with one reason for whichever is taken. */
function Actions({ store, alarm }: AlarmProps) {
  const [reason, setReason] = useState('')
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)
  const [shelving, setShelving] = useState(false)
  const act = async (action: AlarmCommandName, why: string, more: { readonly until?: number } = {}) => {
    setBusy(true)
    const names = [{ asset: alarm.asset, alarm: alarm.alarm }]
    const fault = await commandAlarms({ action, alarms: names, ...(why !== '' && { comment: why }), ...more })
    setBusy(false)
    setProblem(fault)
    if (fault === undefined) setReason('')
  }
  return (
    <>
      <label class="reason">
        Reason or comment
        <input value={reason} maxLength={2000} onInput={({ currentTarget }) => setReason(currentTarget.value)} />
      </label>
      <div class="alarm-actions">
        {actionsOf(alarm.state).map((action, index) => (
          <button
            key={action}
            class={index === 0 ? 'button primary' : 'button'}
            type="button"
            disabled={busy || !store.canAct || (action === 'comment' && reason === '')}
            onClick={() => (action === 'shelve' ? setShelving(true) : void act(action, reason))}
          >
            {ACTION_TEXTS[action]}
          </button>
        ))}
      </div>
      <Problem text={problem} />
      {shelving && (
        <ShelveDialog
          what={`${alarm.alarm} of ${alarm.asset.split('/').at(-1)}`}
          reason={reason}
          onEnd={(wanted) => {
            setShelving(false)
            if (wanted) void act('shelve', wanted.reason, { until: Math.floor(store.hubNow() + wanted.ms) })
          }}
        />
      )}
    </>
  )
}
