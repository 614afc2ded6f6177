import { notSent, unknown } from '../component/command-answer.ts'
import type { Health } from '../component/health.ts'
import type { CommandAnswer, CommandTarget, MachineCommand, Publication, Source } from '../component/source.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Log } from '../log/log.ts'
import type { Catalogue } from '../model/catalogue.ts'
import type { System } from '../system/system.ts'
import { Gate, type GateLimits } from './gate.ts'
import { Lane, type LaneParts, type Permit } from './lane.ts'
import { LearnedDefinitions } from './learned.ts'

export interface IngestOptions {
  readonly log: Log
  readonly ledger: Ledger
  readonly catalogue: Catalogue
  readonly site: string
  readonly system: Pick<System, 'clock' | 'random' | 'logger'>
  readonly limits?: GateLimits
  /** How long a source that is told to stop may take, and then what it handed over; in ms, default 10,000 each. */
  readonly graceMs?: number
}

/** Waits before a source that crashed is started again, doubling; a run of a minute counts as well again. */
const RESTART = { firstMs: 1_000, mostMs: 30_000, wellAfterMs: 60_000 } as const
const GRACE_MS = 10_000
/** How often a source that has to wait for its gaps to be written looks again. */
const CROWDED_MS = 250

/** How long what was handed over may wait for the log before the source's health says so. */
const WAITING_MS = 2_000

interface Running {
  readonly lane: Lane
  /** Whether commands may go through it: it was not told to end, and no other hub can have it. */
  readonly commands: () => boolean
  source: Source | undefined
  crash: Health | undefined
  /** The source is not asked for more, because the log has no room. */
  blocked: boolean
  /** Batches that were settled when somebody last asked how the source is, and when that number last changed. */
  settled: number
  movedAt: number
  /** Wall time since when it waits for the log. */
  waitsSince: number | undefined
}

/**
 * Brings what sources hand over into the log: pulls batches, checks and numbers their items, appends them in order, and
 * acknowledges what is durable. Topics must be ensured and the catalogue loaded before the first `run`.
 */
export class Ingest {
  readonly #options: IngestOptions
  readonly #parts: LaneParts
  readonly #running = new Map<string, Running>()

  constructor(options: IngestOptions) {
    const { log, site, catalogue, system, ledger } = options
    const gate = new Gate(catalogue, options.limits ?? {})
    this.#options = options
    this.#parts = {
      log,
      site,
      gate,
      definitions: new LearnedDefinitions(log, site, gate, catalogue, system.clock),
      audits: (kind) => ledger.audits(kind),
      logger: system.logger,
    }
  }

  /**
   * Runs one source until the signal aborts, or until it ends by itself. A source that throws is opened anew after a
   * bounded wait, and no other source notices. Resolves when everything it handed over is settled, or the grace is over.
   * Without a permit it writes the book that the ledger has of it, whenever it wants.
   */
  async run(name: string, open: () => Source, signal: AbortSignal, permit?: Permit): Promise<void> {
    const under = permit ?? this.#always(name)
    const lane = new Lane(name, under, this.#parts)
    const running: Running = {
      lane,
      commands: () => !signal.aborted && under.holds(),
      source: undefined,
      crash: undefined,
      blocked: false,
      settled: 0,
      movedAt: this.#options.system.clock.monotonic(),
      waitsSince: undefined,
    }
    this.#running.set(name, running)
    const stopped = this.#keepPulling(lane, open, running, signal)
    if (!(await this.#within(stopped, signal))) {
      this.#options.system.logger.warn('A source did not stop in time; it is left behind', { source: name })
    }
    lane.close()
    if (!(await this.#within(drained(lane), signal))) {
      this.#options.system.logger.warn('A source was stopped with batches in flight; the next start finds them', {
        source: name,
      })
    }
  }

  /**
   * How a source is: what it says itself, or why it is being started again, or that the log holds it up; then it is no
   * longer `live`, for nothing of it arrives. Asked about once a second. Undefined: it was never run.
   */
  health(name: string): Health | undefined {
    const running = this.#running.get(name)
    const health = running?.crash ?? running?.source?.health()
    if (running === undefined || health === undefined) return health
    const since = this.#waitsForLog(running)
    if (since === undefined) return health
    const why = this.#options.log.state().lastError?.code === 'LOG_FULL' ? ' (its disk is full or failing)' : ''
    const reason = `Waiting for the log${why}; ${health.reason}`
    return health.state === 'live' ? { ...health, state: 'stale', reason, since } : { ...health, reason }
  }

  /** Hands a message to the machines of a source that have subscribed to its topic; answers how many there were here. */
  publish(name: string, message: Publication): number {
    return this.#running.get(name)?.source?.publish?.(message) ?? 0
  }

  /** The source of this hub that a command for this asset and target can go through; undefined: none that runs here. */
  reaching(asset: string, target: CommandTarget): string | undefined {
    for (const [name, { source, commands }] of this.#running) {
      if (source?.reaches?.(asset, target) === true && commands()) return name
    }
    return undefined
  }

  /**
   * Hands a command to the machine through one source, at most once; never throws. A hub that does not run the source, or
   * whose lease of it is over, sends nothing: another one may be about to.
   */
  async command(name: string, command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer> {
    const running = this.#running.get(name)
    const source = running?.source
    if (source?.command === undefined) return notSent(`Source "${name}" does not run on this hub`)
    if (!running!.commands()) return notSent(`Source "${name}" may run on another hub by now`)
    if (signal.aborted) return notSent('This hub is stopping')
    if (this.#options.system.clock.monotonic() >= command.deadline) return notSent('Its time was over')
    try {
      return await source.command(command, signal)
    } catch (error) {
      // A bug of the source: whether it had sent anything is not known.
      this.#options.system.logger.error('A source crashed over a command', { source: name, command: command.id, error })
      return unknown(error instanceof Error ? error.message : String(error))
    }
  }

  #always(name: string): Permit {
    return { book: this.#options.ledger.book(name), holds: () => true }
  }

  /** Wall time since when nothing of what the source handed over was stored; undefined where it waits for nothing. */
  #waitsForLog(running: Running): number | undefined {
    const { clock } = this.#options.system
    const { lane, blocked, settled } = running
    if ((lane.isIdle && !blocked) || lane.settledBatches !== settled) {
      running.settled = lane.settledBatches
      running.movedAt = clock.monotonic()
      running.waitsSince = undefined
    } else if (clock.monotonic() - running.movedAt >= WAITING_MS) {
      running.waitsSince ??= clock.now() - WAITING_MS
    }
    return running.waitsSince
  }

  async #keepPulling(lane: Lane, open: () => Source, running: Running, signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options.system
    let waitMs: number = RESTART.firstMs
    while (!signal.aborted) {
      const started = clock.monotonic()
      try {
        running.source = open()
        running.crash = undefined
        running.blocked = false
        await this.#pull(running, running.source, signal)
        return
      } catch (error) {
        if (signal.aborted) return
        if (clock.monotonic() - started >= RESTART.wellAfterMs) waitMs = RESTART.firstMs
        const reason = `Source crashed and is started again: ${error instanceof Error ? error.message : String(error)}`
        running.crash = { state: 'failed', reason, since: clock.now() }
        running.source = undefined
        logger.error('A source crashed; it is started again', { source: lane.name, error, waitMs })
      }
      await clock.sleep(waitMs * (0.5 + random.next() / 2), signal).catch(() => {})
      waitMs = Math.min(2 * waitMs, RESTART.mostMs)
    }
  }

  /** Takes batch after batch. The source ends when the signal aborts; what it hands over until then is taken. */
  async #pull(running: Running, source: Source, signal: AbortSignal): Promise<void> {
    const { log, system } = this.#options
    const { lane } = running
    for await (const batch of source.read(signal)) {
      lane.take(batch)
      running.blocked = true
      await log.ready()
      while (!lane.hasRoom) {
        await (lane.isCrowded ? system.clock.sleep(CROWDED_MS) : lane.settled())
      }
      running.blocked = false
    }
  }

  /** Whether it resolved before the grace after the abort was over. */
  async #within(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
    const { clock, logger } = this.#options.system
    const done = new AbortController()
    const finished = work.then(
      () => true,
      (error: unknown) => {
        logger.error('A source failed while it was stopped', { error })
        return true
      },
    )
    const late = aborted(signal, done.signal)
      .then(() => clock.sleep(this.#options.graceMs ?? GRACE_MS, done.signal))
      .then(
        () => false,
        () => false,
      )
    const inTime = await Promise.race([finished, late])
    done.abort()
    return inTime
  }
}

async function drained(lane: Lane): Promise<void> {
  while (!lane.isIdle) await lane.settled()
}

/** Resolves when `signal` aborts, or when it is of no interest any more. */
function aborted(signal: AbortSignal, done: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true, signal: done })
    done.addEventListener('abort', () => resolve(), { once: true })
  })
}
