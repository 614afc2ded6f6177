import type { Json } from '../../model/json-value.ts'
import type { Operator } from '../topology.ts'
import { heldAt, hold, type Held, type HeldValue } from './held.ts'
import { expectOrder } from './order.ts'
import { readingOf } from './derived-reading.ts'
import { rowOf } from './row.ts'

export interface SampleAndHoldOptions {
  readonly tags: readonly string[]
  /** Age beyond which a value is no longer taken along, ms. */
  readonly holdMs: number
  /** Uncertain values are as good as none. */
  readonly strict: boolean
}

interface State {
  time: number
  readonly held: Held
}

/**
 * Makes one row of tags that come one by one: at each reading with one of them, the last usable values of all, with their
 * quality. A tag that has none, or whose last one is too old, is not in it. Wants facts in order (`in-order`). Keeps one value a
 * tag.
 */
export function sampleAndHoldOperator({ tags, holdMs, strict }: SampleAndHoldOptions): Operator<State> {
  return {
    create: () => ({ time: -Infinity, held: new Map() }),
    take(state, fact, context) {
      if (fact.kind !== 'reading') return
      const row = rowOf(fact.reading, context.time, tags)
      if (row === undefined) return
      expectOrder(state, row.time)
      hold(state.held, row, strict)
      const figures = tags.flatMap((tag) => {
        const value = heldAt(state.held, tag, row.time, holdMs)
        return value === undefined ? [] : [{ name: tag, ...value }]
      })
      if (figures.length > 0) context.emit({ kind: 'reading', reading: readingOf(figures, row.time, context) })
    },
    save: ({ time, held }) => [Number.isFinite(time) ? time : null, [...held]] as unknown as Json,
    restore(json) {
      const [time, held] = json as unknown as [number | null, [string, HeldValue][]]
      return { time: time ?? -Infinity, held: new Map(held) }
    },
  }
}
