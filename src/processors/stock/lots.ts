/** Quantities by lot, oldest first; '' is what has no lot. Their sum is the stock. */
export type Lots = Map<string, number>

/** Most lots of one account; beyond, the oldest become one without a name. */
const MOST_LOTS = 500

/** Quantities are decimal numbers with a few digits; what is below is noise of the sum. */
export function tidy(quantity: number): number {
  const rounded = Math.round(quantity * 1e9) / 1e9
  // Beyond that the product itself is noise.
  return Math.abs(quantity) < 1e6 ? rounded + 0 : quantity
}

/**
 * Puts a quantity in, or takes one out. What goes out without a lot is taken from what has none, then from the oldest lot
 * on (first in, first out); what is not there is owed by what has no lot, so that a stock below zero shows.
 */
export function moveLot(lots: Lots, lot: string | undefined, quantity: number): void {
  if (quantity >= 0 || lot !== undefined) add(lots, lot ?? '', quantity)
  else takeOldest(lots, -quantity)
  if (lots.size > MOST_LOTS) {
    for (const oldest of [...lots.keys()].filter((name) => name !== '').slice(0, lots.size - MOST_LOTS)) {
      add(lots, '', lots.get(oldest)!)
      lots.delete(oldest)
    }
  }
}

function takeOldest(lots: Lots, quantity: number): void {
  let left = quantity
  for (const [lot, there] of [['', lots.get('') ?? 0] as const, ...lots]) {
    const taken = Math.min(left, Math.max(there, 0))
    if (taken === 0 || !lots.has(lot)) continue
    add(lots, lot, -taken)
    left = tidy(left - taken)
    if (left === 0) return
  }
  add(lots, '', -left)
}

function add(lots: Lots, lot: string, quantity: number): void {
  const sum = tidy((lots.get(lot) ?? 0) + quantity)
  if (sum === 0) lots.delete(lot)
  else lots.set(lot, sum)
}
