import { count, newCounter, type CounterState } from './counter.ts'
import type { Entry } from './entry.ts'
import type { Counter, OeeSettings } from './settings.ts'

/** What is remembered of a machine of which only a counter is known. Plain JSON. */
export interface MovingState {
  counter: CounterState
  /** When the counter last moved, or was first heard of; null before. */
  moved: number | null
  /** Cause of that reading. */
  cause: string
  /** Up to here it has been said whether the machine moves. */
  done: number
}

/** The counter by which a machine without a state or running tag is seen to move; undefined where it has one of those. */
export function movingBy({ tags }: OeeSettings): Counter | undefined {
  if (tags.state !== undefined || tags.running !== undefined) return undefined
  return tags.total !== undefined ? 'total' : tags.good !== undefined ? 'good' : 'scrap'
}

export function newMoving(counter: Counter, settings: OeeSettings): MovingState {
  return { counter: newCounter(settings.counterMax[counter]), moved: null, cause: '', done: Number.MIN_SAFE_INTEGER }
}

/**
 * Finds out when a machine of which only a counter is known runs and stands. It runs while its counter moves at least once
 * in every `movedWithinMs`; if it does not, it has been standing since it last moved. The item that ends a stop took its
 * ideal cycle before it was counted.
 *
 * `entries` are in order and complete up to `complete`. Answers those before `until` with the findings among them;
 * `until` must be `movedWithinMs` before `complete`, or findings are only for now.
 */
export function withMoving(
  state: MovingState,
  counter: Counter,
  entries: readonly Entry[],
  until: number,
  complete: number,
  settings: OeeSettings,
): Entry[] {
  const found: Entry[] = []
  const find = (time: number, moving: boolean, cause: string) => {
    if (time >= state.done && time < until) found.push({ time, moving, cause })
  }
  const ahead: MovingState = { ...state, counter: { ...state.counter } }
  for (const entry of entries) {
    const value = entry.set?.[counter]
    if (typeof value !== 'number') continue
    if (!moves(ahead, value)) {
      if (entry.time < until) state.counter = { ...ahead.counter }
      continue
    }
    movesOn(ahead, entry, settings, find)
    if (entry.time < until) Object.assign(state, { ...ahead, done: state.done, counter: { ...ahead.counter } })
  }
  if (ahead.moved !== null && complete - ahead.moved > settings.movedWithinMs) find(ahead.moved, false, ahead.cause)
  state.done = until
  return merged(entries, found, until)
}

/** Takes a value of the counter; whether it moved, or is the first. */
function moves(state: MovingState, value: number): boolean {
  const first = state.counter.value === null
  return count(state.counter, value).counted > 0 || first
}

function movesOn(
  state: MovingState,
  { time, cause }: Entry,
  { movedWithinMs, idealCycleMs }: OeeSettings,
  find: (time: number, moving: boolean, cause: string) => void,
): void {
  const { moved } = state
  if (moved === null) {
    find(time, true, cause)
  } else if (time - moved > movedWithinMs) {
    find(moved, false, state.cause)
    const cycle = Math.min(Math.round(idealCycleMs ?? 0), movedWithinMs)
    find(time - cycle, true, cause)
  }
  state.moved = time
  state.cause = cause
}

/** Both in order of time; what was found out comes after what was said at the same time. */
function merged(entries: readonly Entry[], found: readonly Entry[], until: number): Entry[] {
  const said = entries.filter(({ time }) => time < until)
  return [...said, ...found].sort((a, b) => a.time - b.time)
}
