import type { Clock } from '../system/clock.ts'
import type { Health, HealthState } from './health.ts'

/** Where the connection of a source stands; what its health is follows from that and from the age of its data. */
type Connection = 'starting' | 'connected' | 'down' | 'failed' | 'stopped'

/** Most parts that a health names. */
const MOST_PARTS = 100

/**
 * The health of a source that is `live` only while data comes: connected and silent for longer than `silenceMs` is
 * `stale`. Ages are measured with monotonic time; what is shown is wall time.
 */
export class Liveness {
  readonly #clock: Clock
  readonly #silenceMs: number
  #connection: Connection = 'starting'
  #reason: string
  #state: HealthState = 'starting'
  #since: number | undefined
  #connectedAt = 0
  #dataAt: number | undefined
  #lastData: number | undefined
  #parts: Health['parts']

  constructor(clock: Clock, silenceMs: number, reason: string) {
    this.#clock = clock
    this.#silenceMs = silenceMs
    this.#reason = reason
  }

  /** The connection is now this; `parts` are those that are ill while the rest works. */
  set(connection: Connection, reason: string, parts: NonNullable<Health['parts']> = []): void {
    if (connection === 'connected' && this.#connection !== 'connected') this.#connectedAt = this.#clock.monotonic()
    this.#connection = connection
    this.#reason = reason
    this.#parts = parts.length === 0 ? undefined : parts.slice(0, MOST_PARTS)
  }

  /** Data came. */
  data(): void {
    this.#dataAt = this.#clock.monotonic()
    this.#lastData = this.#clock.now()
  }

  health(): Health {
    const silentMs = this.#clock.monotonic() - Math.max(this.#dataAt ?? 0, this.#connectedAt)
    const silent = this.#connection === 'connected' && (this.#dataAt === undefined || silentMs > this.#silenceMs)
    const state = this.#connection === 'connected' ? (silent ? 'stale' : 'live') : this.#connection
    if (state !== this.#state || this.#since === undefined) {
      this.#state = state
      this.#since = this.#clock.now()
    }
    return {
      state,
      reason: silent ? `${this.#reason}; ${this.#silence(silentMs)}` : this.#reason,
      since: this.#since,
      ...(this.#lastData === undefined ? {} : { lastData: this.#lastData }),
      ...(this.#parts === undefined ? {} : { parts: this.#parts }),
    }
  }

  #silence(silentMs: number): string {
    if (this.#dataAt === undefined) return 'no data yet'
    return `no data for ${Math.floor(silentMs / 1000)} s, want some every ${this.#silenceMs / 1000} s`
  }
}
