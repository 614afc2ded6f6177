import type { Clock } from '../system/clock.ts'

/** Keys remembered at the same time; the one not seen for longest is forgotten first, and starts again with a full bucket. */
const KEYS = 10_000

interface Bucket {
  tokens: number
  at: number
}

/** A token bucket for each key: `perSecond` on average, `burst` at once. */
export class RateLimit {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #burst: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#burst = burst
  }

  /** Takes one token; false where there is none. */
  take(key: string): boolean {
    const bucket = this.#refilled(key)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  /** Whether `take` would get one, without taking it. */
  has(key: string): boolean {
    return this.#refilled(key).tokens >= 1
  }

  #refilled(key: string): Bucket {
    const now = this.#clock.monotonic()
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#perSecond)
    bucket.at = now
    // Deleting first moves the key to the young end of the map.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > KEYS) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket
  }
}
