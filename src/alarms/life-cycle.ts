import { ALARM_PRIORITIES, type AlarmAction, type AlarmPriority, type AlarmTransition } from '../model/alarm.ts'
import type { Json } from '../model/json-value.ts'

/**
 * An alarm between its transitions (ISA-18.2-2016 clause 5.4, figure 3; IEC 62682). What its condition does goes on below
 * shelving, suppression and out of service, and is seen again when those end.
 */
export interface Alarm {
  /** Full path. */
  readonly asset: string
  /** Name within the asset. */
  readonly alarm: string
  /** Its condition is there. */
  readonly isActive: boolean
  /** Somebody has seen the newest occurrence; also true of an alarm that never was. */
  readonly isAcknowledged: boolean
  /** Once its condition is gone it stays until it is reset. */
  readonly latches: boolean
  /** Its condition is gone, and it waits for the reset. */
  readonly isLatched: boolean
  /** Out of sight until then, on the word of a person; ms since the epoch. */
  readonly shelvedUntil?: number
  /** Out of sight by design: the machine is in a state in which it means nothing. */
  readonly isSuppressed: boolean
  /** Out of sight for maintenance. */
  readonly isOutOfService: boolean
  readonly priority: AlarmPriority
  readonly message: string
  readonly detail: Json
  /** When the newest occurrence began and ended; ms since the epoch. */
  readonly raisedAt?: number
  readonly clearedAt?: number
  readonly acknowledgedAt?: number
  readonly acknowledgedBy?: string
  /** When it was put out of sight, and by whom. */
  readonly hiddenAt?: number
  readonly hiddenBy?: string
  /** How often its condition has come. */
  readonly occurrences: number
  /** The newest ones, oldest first. */
  readonly comments: readonly AlarmComment[]
}

interface AlarmComment {
  readonly time: number
  readonly by: string
  readonly comment: string
}

/** States of figure 3, by its letters: A, B, C, D, E, F; then G, H, I, which hide the others. */
export const ALARM_STATES = [
  'normal',
  'unacknowledged',
  'acknowledged',
  'returned-unacknowledged',
  'latched-unacknowledged',
  'latched-acknowledged',
  'shelved',
  'suppressed',
  'out-of-service',
] as const
export type AlarmStateName = (typeof ALARM_STATES)[number]

/** What a person, or the hub on its own, wants of an alarm. */
export interface AlarmCommand {
  readonly action: Exclude<AlarmAction, 'raise' | 'update' | 'clear'>
  readonly by: string
  readonly comment?: string
  /** Of `shelve`: ms since the epoch. */
  readonly until?: number
}

/** Why a command is not done: `it is acknowledged already, want it unacknowledged`. */
export interface Refusal {
  readonly refused: string
}

/** Longest time for which an alarm may be shelved: the standard wants a limit (clause 11.6), so that none is forgotten. */
export const LONGEST_SHELVED_MS = 24 * 3_600_000

/** Comments that are kept with an alarm; all of them are in the log. */
const MOST_COMMENTS = 20

export function newAlarm(asset: string, alarm: string): Alarm {
  return {
    asset,
    alarm,
    isActive: false,
    isAcknowledged: true,
    latches: false,
    isLatched: false,
    isSuppressed: false,
    isOutOfService: false,
    priority: 'medium',
    message: '',
    detail: null,
    occurrences: 0,
    comments: [],
  }
}

export function stateOf(alarm: Alarm): AlarmStateName {
  if (alarm.isOutOfService) return 'out-of-service'
  if (alarm.isSuppressed) return 'suppressed'
  if (alarm.shelvedUntil !== undefined) return 'shelved'
  if (alarm.isActive) return alarm.isAcknowledged ? 'acknowledged' : 'unacknowledged'
  if (alarm.isLatched) return alarm.isAcknowledged ? 'latched-acknowledged' : 'latched-unacknowledged'
  return alarm.isAcknowledged ? 'normal' : 'returned-unacknowledged'
}

/** Whether it is kept out of sight. */
export function isHidden(alarm: Alarm): boolean {
  return alarm.isOutOfService || alarm.isSuppressed || alarm.shelvedUntil !== undefined
}

/** The alarm as it is at a time: shelving ends by itself, though nobody has written that down yet. */
export function atTime(alarm: Alarm, now: number): Alarm {
  if (alarm.shelvedUntil === undefined || alarm.shelvedUntil > now) return alarm
  return evolve(alarm, unshelving(alarm))
}

/** The transition by which the hub ends a shelving whose time is over. */
export function unshelving({ asset, alarm, shelvedUntil }: Alarm): AlarmTransition {
  return { asset, alarm, action: 'unshelve', time: shelvedUntil ?? 0, by: 'hub' }
}

/** What a command leads to at a time, or why it is not done. */
export function decide(alarm: Alarm, command: AlarmCommand, now: number): readonly AlarmTransition[] | Refusal {
  const { action, by, comment, until } = command
  const fault = faultOf(alarm, action) ?? untilFault(command, now)
  if (fault !== undefined) return { refused: fault }
  if (action === 'comment' && !comment) return { refused: 'it has no text, want a comment' }
  return [
    {
      asset: alarm.asset,
      alarm: alarm.alarm,
      action,
      time: now,
      by,
      ...(comment === undefined ? {} : { comment }),
      ...(action === 'shelve' ? { until: until! } : {}),
    },
  ]
}

function untilFault({ action, until }: AlarmCommand, now: number): string | undefined {
  if (action !== 'shelve') return undefined
  if (until === undefined) return 'it is not said until when, want a time'
  if (!(until > now)) return `the time ${until} is over, want one after ${now}`
  if (until > now + LONGEST_SHELVED_MS) return `the time is ${until - now} ms ahead, want at most ${LONGEST_SHELVED_MS}`
  return undefined
}

/**
 * The alarm after a transition. It takes any transition at any time, for the log may hold what was decided on an older
 * state: one that the state does not allow changes nothing.
 */
export function evolve(alarm: Alarm, transition: AlarmTransition): Alarm {
  const { action, time, by = '', comment, until } = transition
  const noted = comment === undefined ? alarm : withComment(alarm, { time, by, comment })
  if (faultOf(alarm, action) !== undefined) return noted
  switch (action) {
    case 'raise':
      return raised(noted, transition)
    case 'update':
      return updated(noted, transition)
    case 'clear':
      return { ...noted, isActive: false, isLatched: alarm.latches, clearedAt: time, ...aboutOf(alarm, transition) }
    case 'acknowledge':
      return { ...noted, isAcknowledged: true, acknowledgedAt: time, acknowledgedBy: by }
    case 'reset':
      return { ...noted, isLatched: false }
    case 'shelve':
      return until === undefined ? noted : { ...noted, shelvedUntil: until, hiddenAt: time, hiddenBy: by }
    case 'suppress':
      return { ...noted, isSuppressed: true, hiddenAt: time, hiddenBy: by }
    case 'remove-from-service':
      return { ...noted, isOutOfService: true, hiddenAt: time, hiddenBy: by }
    case 'unshelve':
      return seenAgain(without(noted, 'shelvedUntil'))
    case 'unsuppress':
      return seenAgain({ ...noted, isSuppressed: false })
    case 'return-to-service':
      return seenAgain({ ...noted, isOutOfService: false })
    default:
      return noted
  }
}

/** Why an alarm does not allow an action; undefined: it does. */
function faultOf(alarm: Alarm, action: AlarmAction): string | undefined {
  const state = stateOf(alarm)
  switch (action) {
    case 'update':
    case 'clear':
      return alarm.isActive ? undefined : 'it is not active, want an active one'
    case 'acknowledge':
      if (isHidden(alarm)) return `it is ${state}, want one in sight`
      return alarm.isAcknowledged ? `it is ${state}, want it unacknowledged` : undefined
    case 'reset':
      return state === 'latched-acknowledged' ? undefined : `it is ${state}, want it latched and acknowledged`
    case 'shelve':
      return state === 'suppressed' || state === 'out-of-service' ? `it is ${state} already` : undefined
    case 'unshelve':
      return alarm.shelvedUntil === undefined ? 'it is not shelved' : undefined
    case 'suppress':
      return alarm.isSuppressed ? 'it is suppressed already' : undefined
    case 'unsuppress':
      return alarm.isSuppressed ? undefined : 'it is not suppressed'
    case 'remove-from-service':
      return alarm.isOutOfService ? 'it is out of service already' : undefined
    case 'return-to-service':
      return alarm.isOutOfService ? undefined : 'it is not out of service'
    default:
      return undefined
  }
}

/** A new occurrence; of an alarm that is active already, an update: its processor began anew and says so again. */
function raised(alarm: Alarm, transition: AlarmTransition): Alarm {
  if (alarm.isActive) return updated({ ...alarm, latches: transition.latch === true }, transition)
  const { clearedAt: _, acknowledgedAt: __, acknowledgedBy: ___, ...rest } = alarm
  return {
    ...rest,
    isActive: true,
    isAcknowledged: false,
    isLatched: false,
    latches: transition.latch === true,
    raisedAt: transition.time,
    occurrences: alarm.occurrences + 1,
    ...aboutOf(alarm, transition),
  }
}

/** What has become worse wants to be seen again. */
function updated(alarm: Alarm, transition: AlarmTransition): Alarm {
  const about = aboutOf(alarm, transition)
  const isWorse = ALARM_PRIORITIES.indexOf(about.priority) > ALARM_PRIORITIES.indexOf(alarm.priority)
  return { ...alarm, ...about, isAcknowledged: alarm.isAcknowledged && !isWorse }
}

/** Back in sight: what is active has to be seen, and what is over is over. */
function seenAgain(alarm: Alarm): Alarm {
  if (isHidden(alarm)) return alarm
  const shown = without(without(alarm, 'hiddenAt'), 'hiddenBy')
  return { ...shown, isAcknowledged: !alarm.isActive && !alarm.isLatched }
}

function aboutOf(alarm: Alarm, { priority, message, detail }: AlarmTransition) {
  return {
    priority: priority ?? alarm.priority,
    message: message ?? alarm.message,
    detail: detail === undefined ? alarm.detail : detail,
  }
}

function withComment(alarm: Alarm, comment: AlarmComment): Alarm {
  return { ...alarm, comments: [...alarm.comments, comment].slice(-MOST_COMMENTS) }
}

function without(alarm: Alarm, name: 'shelvedUntil' | 'hiddenAt' | 'hiddenBy'): Alarm {
  const { [name]: _, ...rest } = alarm
  return rest
}
