import type { Json } from '../../model/json-value.ts'
import { Quality } from '../../model/quality.ts'
import { ExpressionError, type Expression } from '../expression/expression.ts'
import type { Operator } from '../topology.ts'
import type { Figure } from './aggregates.ts'
import { readingOf } from './derived-reading.ts'
import { heldAt, hold, type Held, type HeldValue } from './held.ts'
import { expectOrder } from './order.ts'
import { rowOf, scalarOf, worse } from './row.ts'

export interface DeriveOptions {
  /** Expressions by the name of the derived tag. */
  readonly tags: ReadonlyMap<string, Expression>
  /** Age beyond which an input is no longer known, ms. */
  readonly holdMs: number
  /** Uncertain values are as good as none. */
  readonly strict: boolean
}

interface State {
  time: number
  readonly held: Held
}

/**
 * Tags worked out of tags. At each reading every expression that looks at one of its tags is evaluated over the last usable
 * values; its quality is the worst of those it looks at. Where one of them is not known the value is null and BadNoData;
 * where values have types that it cannot take, BadTypeMismatch. Wants facts in order (`in-order`). Keeps one value an input.
 */
export function deriveOperator({ tags, holdMs, strict }: DeriveOptions): Operator<State> {
  const inputs = [...new Set([...tags.values()].flatMap((expression) => expression.tags))]
  return {
    create: () => ({ time: -Infinity, held: new Map() }),
    take(state, fact, context) {
      if (fact.kind !== 'reading') return
      const row = rowOf(fact.reading, context.time, inputs)
      if (row === undefined) return
      expectOrder(state, row.time)
      hold(state.held, row, strict)
      const given = new Set(row.cells.map(([tag]) => tag))
      const at = (tag: string) => heldAt(state.held, tag, row.time, holdMs)
      const figures = [...tags].flatMap(([name, expression]): Figure[] => {
        return expression.tags.some((tag) => given.has(tag)) ? [evaluate(name, expression, at)] : []
      })
      context.emit({ kind: 'reading', reading: readingOf(figures, row.time, context) })
    },
    save: ({ time, held }) => [Number.isFinite(time) ? time : null, [...held]] as unknown as Json,
    restore(json) {
      const [time, held] = json as unknown as [number | null, [string, HeldValue][]]
      return { time: time ?? -Infinity, held: new Map(held) }
    },
  }
}

function evaluate(name: string, expression: Expression, at: (tag: string) => HeldValue | undefined): Figure {
  try {
    const value = expression.evaluate({ get: (tag) => at(tag)?.value })
    if (value === undefined) return { name, value: null, quality: Quality.BadNoData }
    const [, scalar, fault] = scalarOf(name, value, Quality.Good)
    const quality = expression.tags.map((tag) => at(tag)?.quality ?? Quality.Good).reduce(worse, fault)
    return { name, value: scalar, quality }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return { name, value: null, quality: Quality.BadTypeMismatch }
  }
}
