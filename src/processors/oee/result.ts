import type { PeriodKind } from './calendar.ts'
import type { Interval } from './judge.ts'
import { reportOf, type Report } from './report.ts'
import type { Counter } from './settings.ts'
import { readGroupKey, sumOf, type Groups } from './totals.ts'

/** What is told of a period or an order. */
export interface OeeResult {
  readonly type: 'result'
  readonly kind: PeriodKind | 'order'
  /** Name of the shift, of the order; local time of an hour or a day. */
  readonly name: string
  readonly from: number
  /** The period is [from, to). */
  readonly to: number
  /** 0 when the period closes; one more with every correction, which takes the place of those before. */
  readonly revision: number
  readonly report: Report
  readonly products: readonly { readonly product: string; readonly report: Report }[]
  readonly orders: readonly { readonly order: string; readonly product: string | null; readonly report: Report }[]
  /** Of an hour: where every ms of it went and why. Those of any longer time are those of its hours. */
  readonly intervals?: readonly Interval[]
}

/** Time of which no results are made: the machine was silent for longer than anybody wants to read hours of. */
export interface Skipped {
  readonly type: 'skipped'
  readonly from: number
  readonly to: number
}

/** Why an input was not taken. */
export interface Refusal {
  readonly why: 'too-late' | 'empty' | 'too-many'
  readonly cause: string
  /** Action, subject, colon, what is there, what is wanted. */
  readonly message: string
}

/** The parts of a result that are made of its groups. */
export function reportsOf(
  groups: Groups,
  counters: ReadonlySet<Counter>,
): Pick<OeeResult, 'report' | 'products' | 'orders'> {
  const keys = Object.keys(groups).sort().map(readGroupKey)
  const products = [...new Set(keys.flatMap(({ product }) => product ?? []))]
  return {
    report: reportOf(sumOf(groups), counters),
    products: products.map((product) => ({
      product,
      report: reportOf(
        sumOf(groups, (key) => key.product === product),
        counters,
      ),
    })),
    orders: keys.flatMap(({ order, product }) => {
      if (order === null) return []
      const own = sumOf(groups, (key) => key.order === order && key.product === product)
      return [{ order, product, report: reportOf(own, counters) }]
    }),
  }
}
