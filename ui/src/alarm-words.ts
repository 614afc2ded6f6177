import type { AlarmCommandName, AlarmPriorityName, AlarmStateName } from '../../src/api/contract.ts'

/** Highest first, as they are listed and counted. */
export const PRIORITIES: readonly AlarmPriorityName[] = ['critical', 'high', 'medium', 'low']

/** Alarms that are shown together, by what they want of a person. */
interface AlarmSection {
  readonly name: 'calling' | 'known' | 'hidden'
  readonly title: string
  readonly states: readonly AlarmStateName[]
  /** What is said where there are none. */
  readonly none: string
}

/** The states of ISA-18.2 figure 3, in the order in which they are answered. */
export const SECTIONS: readonly AlarmSection[] = [
  {
    name: 'calling',
    title: 'Unacknowledged',
    states: ['unacknowledged', 'latched-unacknowledged', 'returned-unacknowledged'],
    none: 'Nothing wants an answer.',
  },
  {
    name: 'known',
    title: 'Acknowledged',
    states: ['acknowledged', 'latched-acknowledged'],
    none: 'No acknowledged alarm stands.',
  },
  {
    name: 'hidden',
    title: 'Out of sight',
    states: ['shelved', 'suppressed', 'out-of-service'],
    none: 'Nothing is shelved, suppressed or out of service.',
  },
]

export const STATE_TEXTS: { readonly [state in AlarmStateName]: string } = {
  normal: 'normal',
  unacknowledged: 'unacknowledged',
  acknowledged: 'acknowledged',
  'returned-unacknowledged': 'over, not acknowledged',
  'latched-unacknowledged': 'over, latched, not acknowledged',
  'latched-acknowledged': 'over, waits for reset',
  shelved: 'shelved',
  suppressed: 'suppressed',
  'out-of-service': 'out of service',
}

export const ACTION_TEXTS: { readonly [action in AlarmCommandName]: string } = {
  acknowledge: 'Acknowledge',
  reset: 'Reset',
  shelve: 'Shelve…',
  unshelve: 'Unshelve',
  suppress: 'Suppress',
  unsuppress: 'Unsuppress',
  'remove-from-service': 'Out of service',
  'return-to-service': 'Return to service',
  comment: 'Comment',
}

/** What a state lets people do, what is wanted most first; the hub decides. */
export function actionsOf(state: AlarmStateName): readonly AlarmCommandName[] {
  switch (state) {
    case 'shelved':
      return ['unshelve', 'shelve', 'remove-from-service', 'comment']
    case 'suppressed':
      return ['unsuppress', 'remove-from-service', 'comment']
    case 'out-of-service':
      return ['return-to-service', 'comment']
    case 'latched-acknowledged':
      return ['reset', 'shelve', 'suppress', 'remove-from-service', 'comment']
    case 'acknowledged':
    case 'normal':
      return ['shelve', 'suppress', 'remove-from-service', 'comment']
    default:
      return ['acknowledge', 'shelve', 'suppress', 'remove-from-service', 'comment']
  }
}

/** Whether nobody has answered it yet. */
export function isCalling(state: AlarmStateName): boolean {
  return state.endsWith('unacknowledged')
}

/** For how long an alarm may be shelved; 24 hours are the most that ISA-18.2 clause 11.6 and the hub allow here. */
export const SHELVINGS: readonly { readonly text: string; readonly ms: number }[] = [
  { text: '15 min', ms: 15 * 60_000 },
  { text: '1 h', ms: 3_600_000 },
  { text: '4 h', ms: 4 * 3_600_000 },
  { text: '8 h', ms: 8 * 3_600_000 },
  { text: '24 h', ms: 24 * 3_600_000 },
]

/** A time of day, with the date where it is not that of `now`. */
export function momentText(at: number, now: number): string {
  const date = new Date(at)
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })
  return date.toDateString() === new Date(now).toDateString() ? time : `${date.toLocaleDateString()} ${time}`
}
