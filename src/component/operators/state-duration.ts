import { Quality } from '../../model/quality.ts'
import type { Operator, StepContext } from '../topology.ts'
import { readingOf } from './derived-reading.ts'
import { expectOrder } from './order.ts'
import { isUsable, rowOf, type Scalar } from './row.ts'

export interface StateDurationOptions {
  /** The tag that holds the state: a name, a number, true or false. */
  readonly tag: string
  /** The longest that a state holds while no value comes, ms. */
  readonly holdMs: number
  /** How far facts come behind the clock, ms: `lateMs` of the `in-order` before it. */
  readonly lagMs: number
  /** Uncertain values are as good as none. */
  readonly strict: boolean
  /** Names of the two derived tags: what the state was, and for how many seconds. */
  readonly names: { readonly state: string; readonly duration: string }
}

interface State {
  time: number
  current: { readonly state: Scalar; readonly since: number; readonly until: number } | null
}

/**
 * How long each state held, said when it ends: at the value that is another one, and then it is Good; or where nothing
 * more is known, and then it is Uncertain, for it held at least so long. Wants facts in order (`in-order`).
 */
export function stateDurationOperator(options: StateDurationOptions): Operator<State> {
  const { tag, holdMs, lagMs, strict, names } = options
  const end = (state: State, time: number, quality: number, context: StepContext) => {
    const { state: value, since } = state.current!
    state.current = null
    context.clearTimer('hold')
    const figures = [
      { name: names.state, value, quality },
      { name: names.duration, value: (time - since) / 1000, quality },
    ]
    context.emit({ kind: 'reading', reading: readingOf(figures, time, context) })
  }
  const endAtGap = (state: State, time: number, context: StepContext) => {
    if (state.current === null || state.current.until > time) return
    end(state, state.current.until, Quality.UncertainDataSubNormal, context)
  }
  return {
    create: () => ({ time: -Infinity, current: null }),
    take(state, fact, context) {
      const cell = fact.kind === 'reading' ? rowOf(fact.reading, context.time, [tag])?.cells[0] : undefined
      if (cell === undefined) return
      const { time } = context
      expectOrder(state, time)
      endAtGap(state, time, context)
      const value = isUsable(cell, strict) ? cell[1]! : undefined
      if (state.current !== null && state.current.state !== value)
        end(state, time, value === undefined ? Quality.UncertainDataSubNormal : Quality.Good, context)
      if (value === undefined) return
      state.current = { state: value, since: state.current?.since ?? time, until: time + holdMs }
      context.setTimer('hold', time + holdMs + lagMs)
    },
    due: (state, _timer, context) => endAtGap(state, Infinity, context),
    save: ({ time, current }) => [Number.isFinite(time) ? time : null, current && { ...current }],
    restore(json) {
      const [time, current] = json as unknown as [number | null, State['current']]
      return { time: time ?? -Infinity, current: current && { ...current } }
    },
  }
}
