import type { Clock } from '../../../system/clock.ts'

/** How often time goes on for groups. */
export const TICK_MS = 100

/** What a tick is worth at most. */
const MOST_MS = 2 * TICK_MS

/**
 * Monotonic time as far as somebody could have been heard in it. While this thread is held up, or the machine sleeps,
 * heartbeats wait in sockets that nobody reads: such a gap counts as one tick, so it expires nobody.
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
    return this.#lived + Math.min(this.#clock.monotonic() - this.#seen, MOST_MS)
  }

  /** Called every `TICK_MS`. */
  tick(): void {
    this.#lived = this.now()
    this.#seen = this.#clock.monotonic()
  }
}
