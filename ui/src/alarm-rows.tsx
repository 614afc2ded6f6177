import { useState } from 'preact/hooks'
import type { AlarmGroupView, AlarmsView, AlarmView } from '../../src/api/contract.ts'
import { commandAlarms } from './alarm-command.ts'
import { AlarmDetail } from './alarm-detail.tsx'
import { AlarmWord, PriorityMark } from './alarm-marks.tsx'
import { isCalling } from './alarm-words.ts'
import { useAnswer } from './answer.ts'
import { numberText } from './format.ts'
import { Problem } from './log-page.tsx'
import { Age } from './marks.tsx'
import type { Store } from './store.ts'

/** Alarms of a group that are shown at a time: a flood never becomes rows of its own size. */
const PAGE = 25

/** How often is asked again while nothing is told: ages and shelvings change by themselves. */
export const EVERY_MS = 10_000

interface AlarmRowProps {
  readonly store: Store
  readonly alarm: AlarmView
}

/** An alarm in one line; opened, all that is known and may be done. */
export function AlarmRow({ store, alarm }: AlarmRowProps) {
  const [isOpen, setOpen] = useState(false)
  const place = alarm.asset.split('/')
  return (
    <details
      class="alarm"
      data-alarm={`${alarm.asset} ${alarm.alarm}`}
      data-state={alarm.state}
      open={isOpen}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary class="alarm-row">
        <AlarmWord priority={alarm.priority} state={alarm.state} />
        <span class="alarm-name">
          <strong>{alarm.alarm}</strong> {place.at(-1)}{' '}
          <span class="muted alarm-place">{place.slice(2, -1).join(' / ')}</span>
        </span>
        <span class="alarm-says">
          {alarm.isChattering && <span class="alarm-note">chattering</span>}
          {alarm.isStale && <span class="alarm-note">stale</span>}
          {alarm.message}
        </span>
        <Age store={store} at={alarm.raisedAt} />
      </summary>
      {isOpen && <AlarmDetail store={store} alarm={alarm} />}
    </details>
  )
}

interface GroupRowProps {
  readonly store: Store
  readonly group: AlarmGroupView
  /** States of the section that the group is in, as the API takes them. */
  readonly states: string
}

/** Alarms of one name in one place as one line: how a flood is read. */
export function GroupRow({ store, group, states }: GroupRowProps) {
  const [isOpen, setOpen] = useState(false)
  if (group.count === 1) return <AlarmRow store={store} alarm={group.newest} />
  const isNew = isCalling(group.newest.state)
  return (
    <details
      class="alarm"
      data-group={`${group.place} ${group.alarm}`}
      open={isOpen}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary class="alarm-row">
        <span class="alarm-word" data-priority={group.priority} data-calling={isNew}>
          <PriorityMark priority={group.priority} full={isNew} /> <span class="alarm-priority">{group.priority}</span>
          <span class="alarm-state num">{numberText(group.count, 0)} alarms</span>
        </span>
        <span class="alarm-name">
          <strong>{group.alarm}</strong> <span class="alarm-place">{group.place.split('/').slice(2).join(' / ')}</span>
        </span>
        <span class="alarm-says">{group.newest.message}</span>
        <Age store={store} at={group.newest.raisedAt} />
      </summary>
      {isOpen && <Members store={store} group={group} states={states} />}
    </details>
  )
}

/** The alarms of a group, page by page. */
function Members({ store, group, states }: GroupRowProps) {
  const [skip, setSkip] = useState(0)
  const [problem, setProblem] = useState<string>()
  const query = new URLSearchParams({ on: `${group.place}/*`, alarm: group.alarm, state: states })
  const url = `/api/v1/alarms?${query}&limit=${PAGE}&skip=${skip}`
  const { value, problem: fault } = useAnswer<AlarmsView>(url, EVERY_MS, store.alarms?.revision)
  const alarms = value?.alarms ?? []
  const calling = alarms.filter(({ state }) => isCalling(state))
  const total = value?.total ?? group.count
  const acknowledge = async () => {
    const names = calling.map(({ asset, alarm }) => ({ asset, alarm }))
    setProblem(await commandAlarms({ action: 'acknowledge', alarms: names }))
  }
  return (
    <div class="alarm-members">
      <Problem text={problem ?? fault} />
      {alarms.map((alarm) => (
        <AlarmRow key={alarm.asset} store={store} alarm={alarm} />
      ))}
      <div class="alarm-actions">
        {calling.length > 0 && (
          <button class="button" type="button" disabled={!store.canAct} onClick={() => void acknowledge()}>
            Acknowledge these {calling.length}
          </button>
        )}
        <button class="button" type="button" disabled={skip === 0} onClick={() => setSkip(Math.max(0, skip - PAGE))}>
          Before
        </button>
        <button class="button" type="button" disabled={skip + PAGE >= total} onClick={() => setSkip(skip + PAGE)}>
          Next
        </button>
        <span class="hint num">
          {numberText(Math.min(total, skip + 1), 0)} to {numberText(Math.min(total, skip + PAGE), 0)} of{' '}
          {numberText(total, 0)}
        </span>
      </div>
    </div>
  )
}
