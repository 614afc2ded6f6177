import { isUsable, worse } from './row.ts'
import type { Cell, Scalar } from './row.ts'
import { addTo, newQuantiles } from './quantiles.ts'
import type { Quantiles } from './quantiles.ts'

/** What of a tag has to be kept for the aggregates that are wanted; the rest of a summary stays as it was made. */
export interface Needs {
  readonly quantiles: boolean
  /** How long each value held. */
  readonly time: boolean
  /** How long each state held, by name. */
  readonly states: boolean
  readonly counter: boolean
}

/** How values of a tag are read. */
export interface Reads {
  readonly needs: Needs
  /** An uncertain value is as good as none (OPC 10000-13, TreatUncertainAsBad). */
  readonly strict: boolean
  /** The value after which a counter begins at 0 again, plus 1: 65536 of 16 bits. Absent: a fall is always a reset. */
  readonly rollover?: number
}

/**
 * One tag in one window, so far. It is told its values in order of time, so it is the same whichever way they came, to the last
 * bit. Plain JSON, of bounded size.
 */
export interface Summary {
  /** Values, of whatever quality, and those of them that could be used. */
  seen: number
  good: number
  /** StatusCode of the worst value. */
  worst: number
  first: Scalar | null
  last: Scalar | null
  /** Of the usable values those that are numbers; booleans are 0 and 1. */
  numbers: number
  sum: number
  /** Mean and sum of squared distances from it (Welford, Technometrics 4, 1962). */
  mean: number
  squares: number
  min: number
  max: number
  /** Time for which a usable value held, and for which a number did; the integral of those numbers. In ms. */
  heldMs: number
  numberMs: number
  area: number
  /** Time by state, in ms, in the order in which they were first seen. */
  states: [state: string, ms: number][]
  /** What a counter has counted, over how many pairs of values, with how many resets. */
  delta: number
  pairs: number
  resets: number
  quantiles: Quantiles | null
}

/** States that are told apart in one window; further ones count together as `other`. */
const MOST_STATES = 64
const OTHER = 'other'

export function newSummary({ quantiles }: Needs): Summary {
  return {
    seen: 0,
    good: 0,
    worst: 0,
    first: null,
    last: null,
    numbers: 0,
    sum: 0,
    mean: 0,
    squares: 0,
    min: 0,
    max: 0,
    heldMs: 0,
    numberMs: 0,
    area: 0,
    states: [],
    delta: 0,
    pairs: 0,
    resets: 0,
    quantiles: quantiles ? newQuantiles() : null,
  }
}

/** The next value. `before`: the last usable number before it, in whichever window; null where there was none. */
export function addCell(summary: Summary, cell: Cell, reads: Reads, before: number | null): void {
  const [, value, quality] = cell
  summary.seen += 1
  summary.worst = worse(summary.worst, quality)
  if (value === null || !isUsable(cell, reads.strict)) return
  summary.good += 1
  summary.first ??= value
  summary.last = value
  const number = numberOf(value)
  if (number === undefined) return
  addNumber(summary, number)
  if (reads.needs.counter && before !== null) count(summary, before, number, reads.rollover)
}

/** A usable value held for a time. */
export function addTime(summary: Summary, value: Scalar, ms: number, { needs }: Reads): void {
  summary.heldMs += ms
  const number = numberOf(value)
  if (number !== undefined) {
    summary.numberMs += ms
    summary.area += number * ms
  }
  if (needs.states) addState(summary.states, String(value), ms)
}

export function numberOf(value: Scalar): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'boolean' ? Number(value) : undefined
}

function addNumber(summary: Summary, value: number): void {
  const { numbers, mean } = summary
  summary.min = numbers === 0 ? value : Math.min(summary.min, value)
  summary.max = numbers === 0 ? value : Math.max(summary.max, value)
  summary.numbers = numbers + 1
  summary.sum += value
  summary.mean += (value - mean) / (numbers + 1)
  summary.squares += (value - mean) * (value - summary.mean)
  if (summary.quantiles) addTo(summary.quantiles, value)
}

/**
 * A counter that falls has rolled over where the way round is the shorter one, else it has been reset, and what it shows
 * has been counted since: what it counted between its last value and the reset, nobody knows.
 */
function count(summary: Summary, before: number, now: number, rollover: number | undefined): void {
  summary.pairs += 1
  if (now >= before) {
    summary.delta += now - before
  } else if (rollover !== undefined && now + rollover - before <= rollover / 2) {
    summary.delta += now + rollover - before
  } else {
    summary.resets += 1
    summary.delta += Math.max(0, now)
  }
}

function addState(states: Summary['states'], name: string, ms: number): void {
  const known = states.find(([state]) => state === name)
  if (known) known[1] += ms
  else if (states.length < MOST_STATES || name === OTHER) states.push([name, ms])
  else addState(states, OTHER, ms)
}
