import { ExpressionError } from '../../component/expression/expression.ts'
import type { Fact, Operator, StepContext } from '../../component/topology.ts'
import type { AlarmPriority, AlarmTransition } from '../../model/alarm.ts'
import type { Json } from '../../model/json-value.ts'
import { newLatch, restoreLatch, saveLatch, turn, turnsAt, type Latch } from './latch.ts'
import { fillMessage, type MessageTemplate } from './message.ts'
import { Rows } from './row.ts'
import type { Rule, Verdict } from './rule.ts'

export interface ConditionOptions {
  /** The alarm's name: that of the processor. */
  readonly name: string
  readonly rule: Rule
  /** Tags that only the message shows. */
  readonly shows: readonly string[]
  /** Age at which a value counts as unknown; Infinity: it holds until the next one. */
  readonly staleAfterMs: number
  /** Its alarms stay until they are reset. */
  readonly latch: boolean
  /** In place of what the rule says. */
  readonly message?: MessageTemplate
}

interface ConditionState {
  rows: Rows
  rule: unknown
  readonly alarms: AlarmState[]
}

interface AlarmState {
  readonly latch: Latch
  /** As it was told last. */
  priority: AlarmPriority | undefined
  /** It was told that nobody knows any more whether the alarm still is. */
  isDoubtful: boolean
}

/**
 * Watches one asset: keeps the newest values, lets the rule judge them, and raises, updates and clears alarms. A value
 * that is not usable makes the rule not know, and then nothing is raised and nothing cleared; an alarm that is active says so.
 */
export function conditionOperator(options: ConditionOptions): Operator<ConditionState> {
  const { rule, shows, staleAfterMs } = options
  return {
    create: () => ({
      rows: new Rows(staleAfterMs),
      rule: rule.create(),
      alarms: rule.alarms.map(() => ({ latch: newLatch(), priority: undefined, isDoubtful: false })),
    }),
    take(state, fact, context) {
      if (fact.kind !== 'reading') return
      state.rows.take(fact.reading, context.time, shows)
      if (!state.rows.take(fact.reading, context.time, rule.tags)) return
      look(options, state, true, context)
    },
    due(state, _timer, context) {
      look(options, state, false, context)
    },
    save: ({ rows, rule: own, alarms }) => ({
      rows: rows.save(),
      rule: rule.save(own),
      alarms: alarms.map(({ latch, priority, isDoubtful }): Json => [saveLatch(latch), priority ?? null, isDoubtful]),
    }),
    restore(json) {
      const {
        rows,
        rule: own,
        alarms,
      } = json as { rows: Json; rule: Json; alarms: [Json, AlarmPriority | null, boolean][] }
      return {
        rows: Rows.restore(rows, staleAfterMs),
        rule: rule.restore(own),
        alarms: alarms.map(([latch, priority, isDoubtful]) => {
          return { latch: restoreLatch(latch), priority: priority ?? undefined, isDoubtful }
        }),
      }
    },
  }
}

/** Judges what is there now, turns the alarms that have to, and sets the timers for those that will. */
function look(options: ConditionOptions, state: ConditionState, isNew: boolean, context: StepContext): void {
  const { rule } = options
  const { rows, alarms } = state
  rows.time = Math.max(rows.time, context.time)
  const active = alarms.map(({ latch }) => latch.isActive)
  let verdicts: readonly Verdict[] = []
  let fault: unknown
  try {
    verdicts = rule.judge(state.rule, rows, isNew, active)
  } catch (error) {
    // Values of a type that the expression cannot take: not known, like a Bad one.
    if (!(error instanceof ExpressionError)) throw error
    fault = error
  }
  const stale = rows.staleAt()
  if (stale !== undefined) context.setTimer('stale', stale)
  alarms.forEach((alarm, index) => {
    const times = rule.alarms[index]!
    const before = turnsAt(alarm.latch, times)
    const transition = step(options, state, index, verdicts[index], context)
    if (transition) context.emit({ kind: 'alarm', alarm: transition } satisfies Fact)
    const at = turnsAt(alarm.latch, times)
    if (at !== undefined && at !== before) context.setTimer(`turn.${index}`, at)
    else if (at === undefined && before !== undefined) context.clearTimer(`turn.${index}`)
  })
  if (fault !== undefined && !active.includes(true)) throw fault
}

/** One alarm's next transition; undefined: there is nothing to tell. */
function step(
  options: ConditionOptions,
  state: ConditionState,
  index: number,
  holds: Verdict,
  context: StepContext,
): AlarmTransition | undefined {
  const { rule } = options
  const alarm = state.alarms[index]!
  const onset = alarm.latch.onset
  const turned = turn(alarm.latch, rule.alarms[index]!, holds, state.rows.time)
  const isActive = alarm.latch.isActive
  if (turned && !isActive) {
    alarm.isDoubtful = false
    alarm.priority = undefined
    alarm.latch.onset = undefined
    return transition(options, state, index, 'clear', onset, context)
  }
  if (!isActive) return undefined
  const wasDoubtful = alarm.isDoubtful
  alarm.isDoubtful = holds === undefined
  const priority = priorityOf(rule, state, index)
  const changed = priority !== alarm.priority
  alarm.priority = priority
  if (turned) return transition(options, state, index, 'raise', alarm.latch.onset, context)
  if (!changed && wasDoubtful === alarm.isDoubtful) return undefined
  return transition(options, state, index, 'update', onset, context)
}

function priorityOf(rule: Rule, state: ConditionState, index: number): AlarmPriority {
  const alarm = state.alarms[index]!
  if (alarm.isDoubtful && alarm.priority !== undefined) return alarm.priority
  return rule.priority?.(state.rule, state.rows, index, alarm.priority) ?? rule.alarms[index]!.priority
}

function transition(
  { name, rule, message, latch }: ConditionOptions,
  { rows, rule: own, alarms }: ConditionState,
  index: number,
  action: 'raise' | 'update' | 'clear',
  onset: number | undefined,
  { key }: StepContext,
): AlarmTransition {
  const { part } = rule.alarms[index]!
  const { priority, isDoubtful } = alarms[index]!
  const { says, detail } = rule.tell(own, rows, index)
  const about = {
    asset: key,
    alarm: part === '' ? name : `${name}.${part}`,
    action,
    time: rows.time,
    detail: { values: rows.values(rule.tags), ...detail, ...(onset !== undefined && { since: onset }) },
  }
  if (action === 'clear' || priority === undefined) return about
  const fault = isDoubtful ? (rows.fault(rule.tags) ?? 'its values cannot be compared') : undefined
  return {
    ...about,
    priority,
    ...(action === 'raise' && latch && { latch }),
    message: fillMessage(message, { asset: key, says, fault, rows }),
  }
}
