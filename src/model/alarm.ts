import type { Json } from './json-value.ts'

/** Priorities of ISA-18.2-2016 clause 9, lowest first; `critical` is for the few that need an answer within minutes. */
export const ALARM_PRIORITIES = ['low', 'medium', 'high', 'critical'] as const
export type AlarmPriority = (typeof ALARM_PRIORITIES)[number]

/**
 * What moves an alarm through its life cycle (ISA-18.2-2016 clause 5, figure 3). Processors raise, update and clear; people
 * do the rest.
 */
export const ALARM_ACTIONS = [
  'raise',
  'update',
  'clear',
  'acknowledge',
  'reset',
  'shelve',
  'unshelve',
  'suppress',
  'unsuppress',
  'remove-from-service',
  'return-to-service',
  'comment',
] as const
export type AlarmAction = (typeof ALARM_ACTIONS)[number]

/** One step of an alarm; the topic `alarms` holds nothing else, and the state of an alarm is the fold of its steps. */
export interface AlarmTransition {
  /** Full path of the asset. */
  readonly asset: string
  /** Name within the asset: that of the processor, with a part of its own where it has several: `overheating`. */
  readonly alarm: string
  readonly action: AlarmAction
  /** When it happened, by the clock of the machine for what a processor says; ms since the epoch. */
  readonly time: number
  /** On `raise` and `update`. */
  readonly priority?: AlarmPriority
  /** For the operator: what is wrong, what is wanted. On `raise` and `update`. */
  readonly message?: string
  /** What led to it: values, limits, contributions; shown on the page as it is. */
  readonly detail?: Json
  /** On `raise`: the alarm latches, so once its condition is gone it stays until somebody resets it. */
  readonly latch?: boolean
  /** Who did it, for what people do. */
  readonly by?: string
  /** Why, in the words of whoever did it. */
  readonly comment?: string
  /** When a shelved alarm comes back by itself, ms since the epoch. */
  readonly until?: number
}
