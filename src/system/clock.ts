import { setTimeout as delay } from 'node:timers/promises'

/** Something that will happen later and can be called off. */
export interface Timer {
  cancel(): void
}

/**
 * Time, as an argument. Wall time is for stamps on data; every wait, deadline and age is measured with monotonic
 * time, so that a step of the wall clock neither fires nor starves a timer.
 */
export interface Clock {
  /** Wall time, ms since the Unix epoch, with fractions. */
  now(): number
  /** Monotonic time in ms from an arbitrary start, with fractions. */
  monotonic(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` once after `ms`. Does not keep the process alive. */
  after(ms: number, fn: () => void): Timer
  /** Calls `fn` every `ms`. Does not keep the process alive. */
  every(ms: number, fn: () => void): Timer
}

/** The machine's own clock. */
export const systemClock: Clock = {
  // Whole microseconds: what a record keeps of a time.
  now: () => Math.round((performance.timeOrigin + performance.now() + wallStep()) * 1000) / 1000,
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
  after: (ms, fn) => cancellable(setTimeout(fn, ms)),
  every: (ms, fn) => cancellable(setInterval(fn, ms)),
}

/**
 * `performance` never follows a step of the wall clock (NTP, an operator), `Date.now` does: where the two part by
 * more than 5 ms, the wall clock is right about what time it is.
 */
function wallStep(): number {
  const step = Date.now() - (performance.timeOrigin + performance.now())
  return Math.abs(step) > 5 ? step : 0
}

function cancellable(handle: NodeJS.Timeout): Timer {
  handle.unref()
  return { cancel: () => clearTimeout(handle) }
}
