/**
 * Counts are whole thousandths of a unit, so that sums are exact whatever the order of adding; a counter may count metres
 * or kilograms.
 */
export const UNIT = 1000

/** What is remembered of one counter of a machine. Plain JSON. */
export interface CounterState {
  /** Last good value; null before the first. */
  value: number | null
  /** Whether the last thing heard of it was Bad. */
  bad: boolean
  /** Greatest value it can show: configured, or learned when it rolled over; null where neither. */
  max: number | null
  /** Greatest ordinary step so far: what tells a rollover from a reset where no greatest value is known. */
  step: number
}

/** How a counter went on: what it counted, and whether it went back to do so. */
export interface Counted {
  /** Thousandths of a unit. */
  readonly counted: number
  readonly oddity?: Oddity
}

/** `rollover`: it reached its greatest value. `reset`: it began anew at 0. `back`: it was set back by hand; nothing is taken off. */
export const ODDITIES = ['rollover', 'reset', 'back'] as const
export type Oddity = (typeof ODDITIES)[number]

export function newCounter(max: number | undefined): CounterState {
  return { value: null, bad: false, max: max ?? null, step: 0 }
}

/** Takes the next value of a counter. The first one only says where it stands. */
export function count(state: CounterState, value: number): Counted {
  const before = state.value
  state.value = value
  state.bad = false
  if (before === null) return { counted: 0 }
  if (value >= before) {
    state.step = Math.max(state.step, value - before)
    return { counted: thousandths(value - before) }
  }
  const max = rolledOver(state, before, value)
  if (max !== undefined) {
    state.max = max
    return { counted: thousandths(max + 1 - before + value), oddity: 'rollover' }
  }
  if (value <= before / 2) return { counted: thousandths(value), oddity: 'reset' }
  return { counted: 0, oddity: 'back' }
}

/** Greatest values of common counters: registers of 8 to 32 bits with and without sign, and displays of 3 to 9 digits. */
const USUAL_MAXIMA = [
  0xff, 999, 9_999, 0x7fff, 0xffff, 99_999, 999_999, 9_999_999, 99_999_999, 999_999_999, 0x7fff_ffff, 0xffff_ffff,
]

/**
 * The greatest value over which a counter has just rolled; undefined where it did not. With a known one: if that makes a step
 * of less than half the range. Without: if the counter was within two of its usual steps of a usual one.
 */
function rolledOver({ max, step }: CounterState, before: number, value: number): number | undefined {
  if (max !== null && before <= max) return max + 1 - before + value < max / 2 ? max : undefined
  const near = 2 * Math.max(step, 1)
  return USUAL_MAXIMA.find((usual) => before <= usual && usual + 1 - before + value <= near)
}

function thousandths(units: number): number {
  return Math.round(units * UNIT)
}
