import type { Json } from '../../model/json-value.ts'
import { timeOf, type Fact, type Operator, type StepContext } from '../topology.ts'
import { factJson, parseFact } from './fact-json.ts'
import { afterNow, horizonAt, insertInTime, takeUpTo } from './in-time.ts'
import { lateEvent, tooLate, type TooLate } from './too-late.ts'

export interface InOrderOptions {
  /** Name of the processor: the source of the late facts. */
  readonly name: string
  /** How far behind the clock of its key a fact may come, ms; so long every fact waits. 0: none waits. */
  readonly lateMs: number
  /** What happens with readings that are later; facts of other kinds are dropped then. */
  readonly onLate: TooLate
}

interface Waiting {
  readonly time: number
  readonly fact: Fact
}

interface State {
  horizon: number
  readonly waiting: Waiting[]
}

/** Facts of a key that wait; when there are more, the oldest no longer does. */
const MOST_WAITING = 10_000

/**
 * Hands facts on in order of event time, of equal times in order of arrival: what the operators behind it rely on. A fact
 * waits until nothing that is still in time can come before it. One whose clock is wrong goes on with the time that stands for
 * it, for what is behind could take nothing after it.
 */
export function inOrderOperator({ name, lateMs, onLate }: InOrderOptions): Operator<State> {
  /** Hands on what need not wait any longer; answers when the next one need not. */
  const release = (state: State, horizon: number, context: StepContext) => {
    state.horizon = Math.max(state.horizon, horizon)
    for (const { time, fact } of takeUpTo(state.waiting, state.horizon)) context.emit(at(time, fact))
    return state.waiting[0] && state.waiting[0].time + lateMs
  }
  return {
    create: () => ({ horizon: -Infinity, waiting: [] }),
    take(state, fact, context) {
      const horizon = horizonAt(state.horizon, context, lateMs)
      const behind = horizon - context.time
      if (behind <= 0) insertInTime(state.waiting, { time: context.time, fact })
      else if (onLate === 'drop' || fact.kind !== 'reading') throw tooLate(behind)
      else context.emitAside({ kind: 'event', event: lateEvent(fact, name, behind, context) })
      const over = state.waiting.length - MOST_WAITING
      const next = release(state, over > 0 ? Math.max(horizon, state.waiting[over - 1]!.time) : horizon, context)
      if (next === undefined) context.clearTimer('release')
      else context.setTimer('release', next)
    },
    due(state, _timer, context) {
      const next = release(state, context.now - lateMs, context)
      if (next !== undefined) context.setTimer('release', afterNow(next, context))
    },
    save: ({ horizon, waiting }) => [
      Number.isFinite(horizon) ? horizon : null,
      waiting.map(({ time, fact }): Json => [time, factJson(fact)]),
    ],
    restore(json) {
      const [horizon, waiting] = json as [number | null, readonly [number, Json][]]
      return {
        horizon: horizon ?? -Infinity,
        waiting: waiting.map(([time, fact]) => ({ time, fact: parseFact(fact) })),
      }
    },
  }
}

function at(time: number, fact: Fact): Fact {
  if (timeOf(fact) === time) return fact
  switch (fact.kind) {
    case 'reading':
      return { kind: 'reading', reading: { ...fact.reading, sourceTime: time } }
    case 'event':
      return { kind: 'event', event: { ...fact.event, time } }
    case 'alarm':
      return { kind: 'alarm', alarm: { ...fact.alarm, time } }
    default:
      return { ...fact, time }
  }
}
