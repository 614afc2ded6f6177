import type { Clock } from '../../system/clock.ts'

/** How much may be sent ahead of the rate at most, in seconds of it. */
const BURST_S = 0.25

/** So many bytes a second on average, shared by all who ask (a token bucket that may go into debt for one large lot). */
export class Pace {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  #room: number
  #at: number

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#room = bytesPerSecond * BURST_S
    this.#at = clock.monotonic()
  }

  /** Resolves when these bytes may go, or when the signal aborts. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic()
    const refilled = this.#room + ((now - this.#at) / 1000) * this.#bytesPerSecond
    this.#room = Math.min(refilled, this.#bytesPerSecond * BURST_S) - bytes
    this.#at = now
    if (this.#room >= 0) return
    await this.#clock.sleep((-this.#room / this.#bytesPerSecond) * 1000, signal).catch(() => {})
  }
}
