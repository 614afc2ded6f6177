import type { AlarmPriorityName, AlarmStateName, AlarmSummary } from '../../src/api/contract.ts'
import { isCalling, PRIORITIES, STATE_TEXTS } from './alarm-words.ts'
import { numberText } from './format.ts'
import { pageHref } from './route.ts'

/** Each priority has its own shape; full: nobody has answered, outline: somebody has (ISA-101, ISA-18.2 clause 11). */
export function PriorityMark({ priority, full }: { readonly priority: AlarmPriorityName; readonly full: boolean }) {
  return (
    <svg
      class="priority-mark"
      data-priority={priority}
      data-full={full}
      viewBox="0 0 14 14"
      width="14"
      height="14"
      aria-hidden="true"
    >
      <path d={SHAPES[priority]} />
    </svg>
  )
}

/** A square on its corner, a triangle up, one down, a ring. */
const SHAPES: { readonly [priority in AlarmPriorityName]: string } = {
  critical: 'M7 1 13 7 7 13 1 7Z',
  high: 'M7 2 13 12.5H1Z',
  medium: 'M1 2.5H13L7 12.5Z',
  low: 'M12 7A5 5 0 1 1 2 7A5 5 0 1 1 12 7',
}

interface AlarmWordProps {
  readonly priority: AlarmPriorityName
  readonly state: AlarmStateName
}

/** Priority and state as shape, colour and words. */
export function AlarmWord({ priority, state }: AlarmWordProps) {
  return (
    <span class="alarm-word" data-priority={priority} data-calling={isCalling(state)}>
      <PriorityMark priority={priority} full={isCalling(state)} /> <span class="alarm-priority">{priority}</span>
      <span class="alarm-state">{STATE_TEXTS[state]}</span>
    </span>
  )
}

/** For the header: how many nobody has answered, by priority, and whether it is a flood. */
export function AlarmCounts({ alarms }: { readonly alarms: AlarmSummary | undefined }) {
  if (alarms === undefined) return <>–</>
  const calling = PRIORITIES.filter((priority) => alarms.unacknowledged[priority] > 0)
  return (
    <a class="alarm-counts" href={pageHref('alarms')} data-flood={alarms.isFlood}>
      {calling.map((priority) => (
        <span key={priority} class="alarm-count" data-priority={priority} title={`${priority}, unacknowledged`}>
          <PriorityMark priority={priority} full />
          <span class="num">{numberText(alarms.unacknowledged[priority], 0)}</span>
          <span class="sr">{priority}</span>
        </span>
      ))}
      {calling.length === 0 && <span class="muted">none new</span>}
      {alarms.isFlood && <span class="flood-word">flood</span>}
    </a>
  )
}
