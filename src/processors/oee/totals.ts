import { ODDITIES, type Oddity } from './counter.ts'
import { CATEGORIES, type Category, type Interval } from './judge.ts'
import { NO_COUNTS, type Counts } from './segment.ts'

/**
 * The sums of a time. All whole numbers, so that sums of sums are exact: hours make a shift, orders make a day, and
 * machines a plant. Plain JSON.
 */
export interface Totals {
  readonly ms: { [category in Category]: number }
  /** How often each began in it. */
  readonly begun: { [category in Category]: number }
  /** Losses of availability while no order ran, ms (ADOT). */
  withoutOrderMs: number
  /** Production of which no ideal cycle is known, ms. */
  withoutCycleMs: number
  /** Made in planned busy time that is known. */
  readonly made: Made
  /** Counted over unknown time: made, but nobody knows how fast. */
  readonly madeUnknown: Made
  /** Made outside planned busy time. */
  readonly madeOutside: Made
  readonly oddities: { [oddity in Oddity]: number }
  /** Time by `lossKey`: what it went to, in which state, for which reason. */
  readonly losses: { [key: string]: { ms: number; begun: number } }
}

/** What counters counted. */
export interface Made {
  /** Thousandths of a unit, by counter. */
  counts: Counts
  /** PRI times count, ns, by counter: the time that it should have taken. */
  idealNs: Counts
}

/** Most kinds of loss that are told apart in one result; what comes then is put together. */
const MAX_LOSSES = 500

function newTotals(): Totals {
  const zeros = () => Object.fromEntries(CATEGORIES.map((name) => [name, 0])) as { [category in Category]: number }
  return {
    ms: zeros(),
    begun: zeros(),
    withoutOrderMs: 0,
    withoutCycleMs: 0,
    made: nothingMade(),
    madeUnknown: nothingMade(),
    madeOutside: nothingMade(),
    oddities: { rollover: 0, reset: 0, back: 0 },
    losses: {},
  }
}

function nothingMade(): Made {
  return { counts: NO_COUNTS, idealNs: NO_COUNTS }
}

/** Losses of availability: planned busy time in which the machine did not run. */
export const AVAILABILITY_LOSSES = ['breakdown', 'setup', 'waiting', 'break'] as const

/** Adds an interval. */
function addInterval(totals: Totals, interval: Interval): void {
  const { category, from, to, begins, cycleUs, counts, oddities } = interval
  const ms = to - from
  totals.ms[category] += ms
  if (begins) totals.begun[category] += 1
  if (interval.withoutOrder && isAvailabilityLoss(category) && category !== 'setup') totals.withoutOrderMs += ms
  if (cycleUs === 0 && (category === 'running' || category === 'micro-stop')) totals.withoutCycleMs += ms
  const made = bucket(totals, category)
  made.counts = plus(made.counts, counts)
  made.idealNs = plus(made.idealNs, [
    counts[0] * cycleUs,
    counts[1] * cycleUs,
    counts[2] * cycleUs,
    counts[3] * cycleUs,
  ])
  for (const oddity of ODDITIES) totals.oddities[oddity] += oddities[oddity] ?? 0
  if (category !== 'running') addLoss(totals, lossKey(category, interval.state, interval.reason), ms, begins ? 1 : 0)
}

function isAvailabilityLoss(category: Category): boolean {
  return (AVAILABILITY_LOSSES as readonly Category[]).includes(category)
}

function bucket(totals: Totals, category: Category): Made {
  if (category === 'unknown') return totals.madeUnknown
  return category === 'unplanned' || category === 'planned-stop' ? totals.madeOutside : totals.made
}

/** Adds other totals. */
function addTotals(totals: Totals, more: Totals): void {
  for (const category of CATEGORIES) {
    totals.ms[category] += more.ms[category]
    totals.begun[category] += more.begun[category]
  }
  totals.withoutOrderMs += more.withoutOrderMs
  totals.withoutCycleMs += more.withoutCycleMs
  for (const name of ['made', 'madeUnknown', 'madeOutside'] as const) {
    totals[name].counts = plus(totals[name].counts, more[name].counts)
    totals[name].idealNs = plus(totals[name].idealNs, more[name].idealNs)
  }
  for (const oddity of ODDITIES) totals.oddities[oddity] += more.oddities[oddity]
  for (const [key, { ms, begun }] of Object.entries(more.losses)) addLoss(totals, key, ms, begun)
}

/** What a loss is told apart by. */
function lossKey(category: Category, state: string, reason: string | null): string {
  return JSON.stringify([category, state, reason])
}

export function readLossKey(key: string): {
  readonly category: Category
  readonly state: string
  readonly reason: string | null
} {
  const [category, state, reason] = JSON.parse(key) as [Category, string, string | null]
  return { category, state, reason }
}

function addLoss(totals: Totals, key: string, ms: number, begun: number): void {
  const { losses } = totals
  const full = !Object.hasOwn(losses, key) && Object.keys(losses).length >= MAX_LOSSES
  const slot = full ? lossKey(readLossKey(key).category, 'other', 'other') : key
  const loss = Object.hasOwn(losses, slot) ? losses[slot]! : (losses[slot] = { ms: 0, begun: 0 })
  loss.ms += ms
  loss.begun += begun
}

function plus(a: Counts, b: Counts): Counts {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
}

/** Totals by order and product; every interval is in exactly one group. Plain JSON. */
export interface Groups {
  [key: string]: Totals
}

function groupKey(order: string | null, product: string | null): string {
  return JSON.stringify([order, product])
}

export function readGroupKey(key: string): { readonly order: string | null; readonly product: string | null } {
  const [order, product] = JSON.parse(key) as [string | null, string | null]
  return { order, product }
}

export function addToGroups(groups: Groups, interval: Interval): void {
  const key = groupKey(interval.order, interval.product)
  addInterval((groups[key] ??= newTotals()), interval)
}

export function addGroups(groups: Groups, more: Groups): void {
  for (const [key, totals] of Object.entries(more)) addTotals((groups[key] ??= newTotals()), totals)
}

/** The totals of the groups that are chosen; equal groups give equal text, in whatever order they came to be. */
export function sumOf(groups: Groups, chosen: (key: ReturnType<typeof readGroupKey>) => boolean = () => true): Totals {
  const sum = newTotals()
  for (const key of Object.keys(groups).sort()) if (chosen(readGroupKey(key))) addTotals(sum, groups[key]!)
  const losses = Object.entries(sum.losses).sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...sum, losses: Object.fromEntries(losses) }
}
