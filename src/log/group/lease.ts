import type { Clock, Timer } from '../../system/clock.ts'

export interface LeaseOptions {
  readonly clock: Pick<Clock, 'monotonic' | 'after'>
  readonly sessionMs: number
  readonly rebalanceMs: number
  /** Called when the lease ran out. */
  readonly onExpired: () => void
}

/**
 * How long the coordinator cannot have given a member's work away. It drops a member that is silent for `sessionMs`,
 * and one that does not join a new generation within `rebalanceMs`; both are counted from when a request was *sent*
 * that it answered, so that whatever happened on the way makes the lease shorter, never longer.
 */
export class Lease {
  readonly #options: LeaseOptions
  #renewedAt = 0
  #settledAt = 0
  #lost: AbortController | undefined
  #timer: Timer | undefined

  constructor(options: LeaseOptions) {
    this.#options = options
  }

  /** Monotonic ms; 0 without a lease. */
  get until(): number {
    if (this.#lost === undefined) return 0
    const { sessionMs, rebalanceMs } = this.#options
    return Math.min(this.#renewedAt + sessionMs, this.#settledAt + rebalanceMs)
  }

  /** The coordinator answered a request sent at `sentAt` that it knows this member, but a new generation is beginning. */
  renew(sentAt: number): void {
    this.#renewedAt = Math.max(this.#renewedAt, sentAt)
  }

  /** As `renew`, and it was not waiting for anything from this member. */
  settle(sentAt: number): void {
    this.renew(sentAt)
    this.#settledAt = Math.max(this.#settledAt, sentAt)
  }

  /** A generation begins; its signal is that of the one before, where nothing was lost between the two. */
  begin(): AbortSignal {
    this.#lost ??= new AbortController()
    this.#watch()
    return this.#lost.signal
  }

  /** What was given is no longer this member's. */
  lose(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const lost = this.#lost
    this.#lost = undefined
    lost?.abort()
  }

  #watch(): void {
    if (this.#timer) return
    this.#timer = this.#options.clock.after(Math.max(this.#left(), 0), () => {
      this.#timer = undefined
      // Renewed meanwhile. If not it is lost here and now: where the timer was late, somebody else's may be due too.
      if (this.#left() > 0) return this.#watch()
      this.lose()
      this.#options.onExpired()
    })
  }

  /** A twentieth early: what has to stop has stopped by the time that somebody else may begin. */
  #left(): number {
    return this.until - this.#options.sessionMs / 20 - this.#options.clock.monotonic()
  }
}
