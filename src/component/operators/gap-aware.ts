import { Quality } from '../../model/quality.ts'
import type { Operator, StepContext } from '../topology.ts'
import { afterNow } from './in-time.ts'
import { readingOf } from './derived-reading.ts'
import { expectOrder } from './order.ts'
import { rowOf } from './row.ts'

export interface GapOptions {
  readonly tags: readonly string[]
  /** Silence of a tag after which nothing is known of it, ms. */
  readonly gapMs: number
  /** How far facts come behind the clock, ms: `lateMs` of the `in-order` before it. */
  readonly lagMs: number
}

interface State {
  time: number
  /** Where the gap of a tag begins if no value comes, by tags that have one now; in order of that time. */
  readonly until: Map<string, number>
}

/**
 * Says where a gap begins: hands every fact on, and when a tag has been silent for too long, a reading in which it has no value
 * and BadNoData, at the time from which nothing is known. So nothing behind it invents a value across a gap. Wants facts in
 * order (`in-order`).
 */
export function gapAwareOperator({ tags, gapMs, lagMs }: GapOptions): Operator<State> {
  const expire = (state: State, time: number, context: StepContext) => {
    for (const [tag, until] of state.until) {
      if (until > time) break
      state.until.delete(tag)
      const nothing = { name: tag, value: null, quality: Quality.BadNoData }
      context.emit({ kind: 'reading', reading: readingOf([nothing], until, context) })
    }
  }
  return {
    create: () => ({ time: -Infinity, until: new Map() }),
    take(state, fact, context) {
      expectOrder(state, context.time)
      expire(state, context.time, context)
      const row = fact.kind === 'reading' ? rowOf(fact.reading, context.time, tags) : undefined
      for (const [tag, value] of row?.cells ?? []) {
        state.until.delete(tag)
        if (value !== null) state.until.set(tag, context.time + gapMs)
      }
      const [next] = state.until.values()
      if (next === undefined) context.clearTimer('gap')
      else context.setTimer('gap', next + lagMs)
      context.emit(fact)
    },
    due(state, _timer, context) {
      expire(state, context.time - lagMs, context)
      const [next] = state.until.values()
      if (next !== undefined) context.setTimer('gap', afterNow(next + lagMs, context))
    },
    save: ({ time, until }) => [Number.isFinite(time) ? time : null, [...until]],
    restore(json) {
      const [time, until] = json as unknown as [number | null, [string, number][]]
      return { time: time ?? -Infinity, until: new Map(until) }
    },
  }
}
