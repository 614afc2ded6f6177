import type { Health } from '../component/health.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/system.ts'
import type { Log, LogError } from './log.ts'

export interface LogWatchOptions {
  readonly log: Log
  readonly system: Pick<System, 'clock' | 'logger' | 'metrics'>
}

const LOOK_MS = 100
/** A fault that is over sooner is no alarm: a connection that is made again, a batch that is sent again. */
const FAULT_MS = 300
/** The same where a cluster may only need a moment: a partition that gets another leader, a topic that is new. */
const ELSEWHERE_MS = 2_000
/** A log that stores for this long is well again; sooner, small appends that still fit would make the alarm flicker. */
const CALM_MS = 1_000

const WELL = 'Stores what is handed over'
const REASONS: { readonly [code: string]: string } = {
  LOG_FULL: 'The log cannot store: its disk is full or failing; nothing is acknowledged until it can, reading goes on',
  LOG_UNAVAILABLE: 'The log does not answer; nothing is acknowledged until it does',
  LOG_NOT_AUTHENTICATED: 'The log does not take our credentials; nothing is acknowledged until it does',
  LOG_TLS_FAILED: 'The log cannot be trusted, or does not trust us; nothing is acknowledged until both do',
}
/** What does not pass by itself. */
const FOR_SOMEBODY: readonly string[] = ['LOG_FULL', 'LOG_NOT_AUTHENTICATED', 'LOG_TLS_FAILED']

/** Looks at the log all the time and tells how it is: one line in our own log when it stops storing, one when it is well. */
export class LogWatch {
  readonly #options: LogWatchOptions
  #health: Health
  /** Monotonic ms since when the log has a fault, or has none, whatever the health says. */
  #sameSince: number
  #faulty = false
  #timer: Timer | undefined

  constructor(options: LogWatchOptions) {
    const { clock } = options.system
    this.#options = options
    this.#health = { state: 'live', reason: WELL, since: clock.now() }
    this.#sameSince = clock.monotonic()
  }

  /** Begins to watch; answers what ends it. */
  start(): () => void {
    const { log, system } = this.#options
    const { metrics, clock } = system
    metrics.gauge('millrace_log_up', 'Whether the log stores what is handed over', () =>
      this.#health.state === 'live' ? 1 : 0,
    )
    metrics.gauge('millrace_log_pending_bytes', 'Bytes handed over to the log that are not durable yet', () => {
      return log.state().pendingBytes
    })
    this.#timer = clock.every(LOOK_MS, () => this.#look())
    return () => this.#timer?.cancel()
  }

  /** `failed`: cannot store until somebody makes room or mends a login. `down`: cannot be reached, which is tried for ever. */
  health(): Health {
    return this.#health
  }

  #look(): void {
    const { clock } = this.#options.system
    const { connected, lastError } = this.#options.log.state()
    const faulty = !connected || lastError !== undefined
    const now = clock.monotonic()
    if (faulty !== this.#faulty) this.#sameSince = now
    this.#faulty = faulty
    const lasted = now - this.#sameSince
    const alarmMs = FOR_SOMEBODY.includes(lastError?.code ?? '') ? FAULT_MS : ELSEWHERE_MS
    if (faulty && lasted >= alarmMs) this.#fell(lastError)
    if (!faulty && lasted >= CALM_MS) this.#rose()
  }

  #fell(error: LogError | undefined): void {
    const { clock, logger } = this.#options.system
    const code = error?.code ?? ''
    const state = FOR_SOMEBODY.includes(code) ? 'failed' : 'down'
    if (this.#health.state === state) return
    const reason = REASONS[code] ?? REASONS['LOG_UNAVAILABLE']!
    this.#health = { state, reason, since: clock.now() }
    logger.error(reason, error && { error })
  }

  #rose(): void {
    if (this.#health.state === 'live') return
    const { clock, logger } = this.#options.system
    logger.warn('The log stores again', { afterMs: Math.round(clock.now() - this.#health.since) })
    this.#health = { state: 'live', reason: WELL, since: clock.now() }
  }
}
