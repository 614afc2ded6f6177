import type { AlarmPriority } from '../../model/alarm.ts'
import type { Json } from '../../model/json-value.ts'
import type { LatchTimes } from './latch.ts'
import type { RowView } from './row.ts'

/**
 * What is wrong with a machine, as a function of its values and of what the rule remembers of earlier ones: limits, a rate,
 * an expression, a control chart, a zone of vibration. When that becomes an alarm is the operator's business.
 */
export interface Rule<S = unknown> {
  /** Tags that it looks at. */
  readonly tags: readonly string[]
  readonly alarms: readonly RuleAlarm[]
  create(): S
  /**
   * Whether each alarm's condition holds; undefined: nobody knows. Called once for each reading that has one of its tags, with
   * `isNew`, and again without where only time has passed. `active`: which alarms are, for hysteresis.
   * @throws ExpressionError before the state is changed
   */
  judge(state: S, row: RowView, isNew: boolean, active: readonly boolean[]): readonly Verdict[]
  /** What is there and what is wanted, for the message and the detail of an alarm. Called right after `judge`. */
  tell(state: S, row: RowView, alarm: number): Telling
  /** The alarm's priority by what was judged last; absent: always its own. */
  priority?(state: S, row: RowView, alarm: number, now: AlarmPriority | undefined): AlarmPriority
  save(state: S): Json
  restore(json: Json): S
}

export type Verdict = boolean | undefined

/** One alarm that a rule may raise. */
export interface RuleAlarm extends LatchTimes {
  /** Told apart by it where a rule has several: `hihi`; '' where it has one. */
  readonly part: string
  readonly priority: AlarmPriority
}

interface Telling {
  /** `temperature is 96.3, want at most 95`. */
  readonly says: string
  readonly detail: { readonly [name: string]: Json }
}
