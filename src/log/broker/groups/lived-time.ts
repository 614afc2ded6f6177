import type { Clock } from '../../../system/clock.ts'

/** How often time goes on for groups. */
export const TICK_MS = 100

/** A tick that comes after this much was late: what came meanwhile has not been read. */
const LATE_MS = 2 * TICK_MS

/** A busy machine holds a tick up for this much at most; beyond it, it slept or hung. */
const BUSY_MS = 1_000

/**
 * Monotonic time as far as somebody could have been heard in it. While this thread is held up, or the machine sleeps,
 * heartbeats wait in sockets that nobody reads. Of a busy machine that time counts, but it is over only when the sockets
 * have been read, which they are by the next tick; of one that slept or hung it counts as two ticks. So neither expires
 * anybody who was not silent.
 */
export class LivedTime {
  readonly #clock: Clock
  #lived = 0
  #seen: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#seen = clock.monotonic()
  }

  /** ms from an arbitrary start. */
  now(): number {
    return this.#lived + Math.min(this.#clock.monotonic() - this.#seen, LATE_MS)
  }

  /** Called every `TICK_MS`; answers the time that is over, with all that was sent in it heard. */
  tick(): number {
    const before = this.#lived
    const now = this.#clock.monotonic()
    const passed = now - this.#seen
    this.#seen = now
    this.#lived += passed <= BUSY_MS ? passed : LATE_MS
    return passed <= LATE_MS ? this.#lived : before
  }
}
