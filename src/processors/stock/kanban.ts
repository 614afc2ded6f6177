import { tidy } from './lots.ts'
import type { ReorderConfig } from './config.ts'

/** Called, and not there yet. */
export interface Call {
  /** Counts the calls of the account. */
  readonly number: number
  readonly time: number
  readonly quantity: number
  /** What of it has not come. */
  open: number
}

/** The calls of an account that are open, oldest first. */
export interface Calls {
  open: Call[]
  /** How many there have been. */
  count: number
}

export function newCalls(): Calls {
  return { open: [], count: 0 }
}

/**
 * Calls what is missing: the stock and what is on its way must not be below the reorder point. As many cards as it takes
 * are one call, and because they count as on their way, one need is called once.
 */
export function callMissing(calls: Calls, rule: ReorderConfig, stock: number, time: number): Call | undefined {
  const missing = tidy(rule.below - stock - onOrder(calls))
  if (missing <= 0) return undefined
  const quantity = tidy(Math.ceil(missing / rule.quantity) * rule.quantity)
  const call = { number: ++calls.count, time, quantity, open: quantity }
  calls.open.push(call)
  return call
}

/** Something has come: it is what was called first. */
export function deliver(calls: Calls, quantity: number): void {
  let left = quantity
  for (const call of calls.open) {
    const taken = Math.min(call.open, left)
    call.open = tidy(call.open - taken)
    left = tidy(left - taken)
  }
  calls.open = calls.open.filter(({ open }) => open > 0)
}

export function onOrder({ open }: Calls): number {
  return tidy(open.reduce((sum, call) => sum + call.open, 0))
}
