import type { Health } from '../../component/health.ts'
import { LogError, type Log } from '../../log/log.ts'
import { topicName } from '../../model/path.ts'
import type { Timer } from '../../system/clock.ts'
import type { System } from '../../system/system.ts'
import { aborted, unlessAborted } from '../../system/wait.ts'
import { Meter, type MeterView } from './meter.ts'
import { Pace } from './pace.ts'
import type { ReplicationRules } from './rules.ts'
import { Session, type Timing } from './session.ts'

export interface ReplicationOptions {
  readonly rules: ReplicationRules
  /** Opens both ends. Called again after every fault. @throws LogError where one of them cannot be reached */
  readonly connect: () => Promise<ReplicationEnds>
  /** The hub's own log: what retention took is written to its gaps. */
  readonly home: Log
  readonly system: Pick<System, 'clock' | 'random' | 'logger' | 'metrics'>
  readonly timing?: Partial<Timing>
}

export interface ReplicationEnds {
  readonly source: Log
  readonly target: Log
  /** Closes what was opened for it. */
  close(): Promise<void>
}

/** How a replication is and how far behind. */
export interface ReplicationStatus extends MeterView {
  /** `stale`: it runs, and is behind. */
  readonly health: Health
  /** Its number among those that held this name; 0: it does not hold it. */
  readonly epoch: number
}

const TIMING: Timing = {
  checkpointMs: 2_000,
  thinnedCheckpointMs: 60_000,
  settleMs: 1_000,
  discoverMs: 10_000,
  graceMs: 5_000,
}
const RETRY = { firstMs: 500, mostMs: 30_000, wellAfterMs: 60_000 } as const
const LOOK_MS = 1_000
/** Less than this behind is live. */
const BEHIND_MS = 10_000
/** How long nothing may be stored while something is to be, before it counts as down. */
const STUCK_MS = 10_000

/**
 * Carries chosen topics from one log to another for as long as it runs, through every fault of either end. It ends for
 * good only where somebody else has taken over its name.
 */
export class Replication {
  readonly #options: ReplicationOptions
  #meter: Meter
  readonly #pace: Pace | undefined
  #health: Health
  #ends: ReplicationEnds | undefined
  #session: Session | undefined
  #carried = { records: 0, at: 0 }
  #looking = false

  constructor(options: ReplicationOptions) {
    const { system, rules } = options
    const { bytesPerSecond } = rules.catchUp
    this.#options = options
    this.#meter = new Meter(system.clock)
    this.#pace = bytesPerSecond === undefined ? undefined : new Pace(system.clock, bytesPerSecond)
    this.#health = { state: 'starting', reason: 'Not connected yet', since: system.clock.now() }
  }

  get name(): string {
    return this.#options.rules.name
  }

  /** Until the signal aborts; then what is under way is finished within the grace. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options.system
    const timer = this.#watch()
    let waitMs: number = RETRY.firstMs
    while (!signal.aborted) {
      const began = clock.monotonic()
      const error = await this.#once(signal)
      if (signal.aborted) break
      this.#count('millrace_replication_retries_total', 'Connections of a replication that were given up')
      if (isFenced(error)) {
        await aborted(signal)
        break
      }
      if (clock.monotonic() - began >= RETRY.wellAfterMs) waitMs = RETRY.firstMs
      await clock.sleep(waitMs * (0.5 + random.next() / 2), signal).catch(() => {})
      waitMs = Math.min(2 * waitMs, RETRY.mostMs)
    }
    timer.cancel()
    // What it was behind is not its to say any more.
    this.#meter = new Meter(clock)
    this.#set('stopped', 'It was stopped')
  }

  status(): ReplicationStatus {
    return { health: this.#health, epoch: this.#session?.epoch ?? 0, ...this.#meter.view() }
  }

  /** One connection, until it fails; answers what failed. */
  async #once(signal: AbortSignal): Promise<unknown> {
    const { rules, connect, system, timing } = this.#options
    try {
      this.#ends = await orAborted(connect(), signal)
      if (this.#ends === undefined) return undefined
      this.#meter.reset()
      this.#carried = { records: 0, at: system.clock.monotonic() }
      this.#session = new Session({
        rules,
        source: this.#ends.source,
        target: this.#ends.target,
        pace: this.#pace,
        system,
        timing: { ...TIMING, ...timing },
        onLost: (topic, partition, from, to) => this.#lost(topic, partition, from, to),
      })
      await this.#session.run(signal)
      return undefined
    } catch (error) {
      this.#fell(error)
      return error
    } finally {
      this.#session = undefined
      const ends = this.#ends
      this.#ends = undefined
      await ends?.close().catch(() => {})
    }
  }

  #fell(error: unknown): void {
    const { logger } = this.#options.system
    const message = error instanceof Error ? error.message : String(error)
    const lasting = !(error instanceof LogError) || !error.retriable
    this.#set(lasting ? 'failed' : 'down', message)
    logger.warn('A replication was interrupted', { replication: this.name, error })
  }

  /** Retention has overtaken it: named in the books of the hub, and counted. */
  async #lost(topic: string, partition: number, from: number, to: number): Promise<void> {
    const { home, rules, system } = this.#options
    const at = system.clock.now()
    const reason = `retention removed them before replication "${rules.name}" had carried them`
    const count = to - from
    const gap = {
      kind: 'not-replicated',
      replication: rules.name,
      topic,
      partition,
      from,
      to: to - 1,
      count,
      reason,
      at,
    }
    system.logger.error('Retention removed records before they were replicated', { ...gap })
    this.#count('millrace_replication_lost_total', 'Records that retention removed before they were replicated', count)
    const headers = [['content-type', 'application/json']] as const
    await home.append(topicName(rules.site, 'gaps'), [
      { key: `replicate/${rules.name}`, value: JSON.stringify(gap), headers, timestamp: at },
    ])
  }

  #watch(): Timer {
    const { metrics, clock } = this.#options.system
    const labels = { replication: this.name }
    const behind = () => this.#meter.view().behind
    metrics.gauge('millrace_replication_behind_records', 'Records to be replicated', () => behind().records, labels)
    metrics.gauge('millrace_replication_behind_bytes', 'The same in bytes, about', () => behind().bytes, labels)
    metrics.gauge(
      'millrace_replication_behind_seconds',
      'Age of what is to be replicated',
      () => behind().ms / 1000,
      labels,
    )
    metrics.gauge('millrace_replication_up', 'Whether it runs', () => Number(this.#session !== undefined), labels)
    return clock.every(LOOK_MS, () => void this.#look())
  }

  async #look(): Promise<void> {
    const [session, ends] = [this.#session, this.#ends]
    if (session === undefined || ends === undefined || this.#looking || session.epoch === 0) return
    this.#looking = true
    try {
      await this.#meter.look(ends.source, session.topics)
      if (this.#session === session) this.#judge(session, ends.target)
    } catch (error) {
      if (this.#session === session) this.#set('down', `The source does not answer: ${(error as Error).message}`)
    } finally {
      this.#looking = false
    }
  }

  #judge(session: Session, target: Log): void {
    const { clock } = this.#options.system
    const { behind, lost } = this.#meter.view()
    const tracks = session.topics.flatMap((one) => one.tracks)
    const records = tracks.reduce((sum, track) => sum + track.records, 0)
    const now = clock.monotonic()
    const more = records - this.#carried.records
    if (more > 0) this.#count('millrace_replication_records_total', 'Records replicated', more)
    if (more > 0 || behind.records === 0) this.#carried = { records, at: now }
    const fault = target.state().lastError ?? tracks.find((track) => track.fault)?.fault
    const tail = lost > 0 ? `; ${lost} records were lost to retention before they were replicated` : ''
    if (fault !== undefined || !target.state().connected) {
      this.#set('down', `${fault?.message ?? 'The target does not answer'}${tail}`)
    } else if (!session.opened) {
      this.#set('starting', 'Finds out what the target holds already')
    } else if (now - this.#carried.at > STUCK_MS) {
      this.#set('down', `Nothing was stored for ${Math.round((now - this.#carried.at) / 1000)} s${tail}`)
    } else if (behind.ms > BEHIND_MS) {
      this.#set('stale', `Catching up${tail}`)
    } else {
      this.#set('live', `Carries what comes${tail}`)
    }
  }

  #set(state: Health['state'], reason: string): void {
    const since = this.#health.state === state ? this.#health.since : this.#options.system.clock.now()
    this.#health = { state, reason, since }
  }

  #count(name: string, help: string, amount = 1): void {
    this.#options.system.metrics.counter(name, help, { replication: this.name }).add(amount)
  }
}

function isFenced(error: unknown): boolean {
  return error instanceof LogError && error.code === 'REPLICATION_FENCED'
}

/** What comes late is closed. */
async function orAborted(connecting: Promise<ReplicationEnds>, signal: AbortSignal) {
  const first = await unlessAborted(connecting, signal)
  if (first === undefined) {
    void connecting.then(
      (ends) => ends.close(),
      () => {},
    )
  }
  return first
}
