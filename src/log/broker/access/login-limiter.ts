import type { Clock } from '../../../system/clock.ts'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000
/** Failures that an address may have at once, and how long each counts. */
const MOST_FAILURES = 20
const FAILURE_MS = 3_000
/** Addresses remembered; beyond, the one that failed longest ago is forgotten. */
const MOST_ADDRESSES = 10_000

/**
 * Slows down whoever guesses passwords, by address: each failure is told later than the last, and after 20 at once no
 * password is looked at any more until some time has passed.
 */
export class LoginLimiter {
  readonly #clock: Clock
  /** By address: until when its failures count, in monotonic ms. */
  readonly #busyUntil = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether an address has failed so often that its passwords are not looked at. */
  blocks(address: string): boolean {
    return this.#failures(address) >= MOST_FAILURES
  }

  /** Counts a failure; answers after which time the client is to be told, ms. */
  failed(address: string): number {
    const failures = this.#failures(address)
    const now = this.#clock.monotonic()
    const until = Math.min(
      Math.max(this.#busyUntil.get(address) ?? 0, now) + FAILURE_MS,
      now + MOST_FAILURES * FAILURE_MS,
    )
    this.#busyUntil.delete(address)
    this.#busyUntil.set(address, until)
    if (this.#busyUntil.size > MOST_ADDRESSES) this.#busyUntil.delete(this.#busyUntil.keys().next().value!)
    return Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS)
  }

  #failures(address: string): number {
    const left = (this.#busyUntil.get(address) ?? 0) - this.#clock.monotonic()
    return Math.max(0, Math.ceil(left / FAILURE_MS))
  }
}
