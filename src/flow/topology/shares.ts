import type { Holder } from '../../ledger/book.ts'
import type { Generation, Membership } from '../../log/groups.ts'
import type { Log } from '../../log/log.ts'
import type { System } from '../../system/system.ts'
import { within } from '../../system/wait.ts'
import { assignSources, decodeShare, encodeAbout } from '../scale/shares.ts'

export interface SharesOptions {
  readonly log: Log
  readonly group: string
  readonly holder: Holder
  /** Of all tasks. */
  readonly names: readonly string[]
  readonly system: Pick<System, 'clock' | 'logger'>
  /** How long a hub may be silent before the others take its tasks, ms; default 6,000, Kafka's own lowest. */
  readonly sessionMs?: number
}

const SESSION_MS = 6_000
/** A lease is taken for over this much before it is. */
const MARGIN = 1 / 20
const AGAIN_MS = 1_000
/** How long a hub that leaves waits for its tasks. */
const CLOSING_MS = 8_000
/** And then until the others have heard that it has none: without, they wait for its session to be over. */
const FAREWELL_MS = 2_000

interface Held {
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/**
 * Shares the tasks of a processor among the hubs of one log, as its sources are shared: evenly, kept where they are, taken
 * away before they are given. A task's states are in its changelog, so whoever is given it goes on from there.
 */
export class Shares {
  readonly #options: SharesOptions
  readonly #held = new Map<string, Held>()
  /** The last run of each task. */
  readonly #ended = new Map<string, Promise<void>>()
  readonly #since: number
  #membership: Membership | undefined
  #asks = 0
  #leaving = false
  /** Of a hub that leaves: it has told the others that it holds nothing, and they have agreed on who goes on. */
  readonly #handedOver = Promise.withResolvers<void>()
  #holdsNothing = false

  constructor(options: SharesOptions) {
    this.#options = options
    this.#since = options.system.clock.now()
  }

  /** Whether this hub may write for a task at this moment: nobody else can have been given it. */
  holds(name: string): boolean {
    const { sessionMs = SESSION_MS, system } = this.#options
    return this.#held.has(name) && system.clock.monotonic() < (this.#membership?.heldUntil ?? 0) - sessionMs * MARGIN
  }

  /** Runs what it is given until the signal aborts; then it is handed over. */
  async run(start: (name: string, stop: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { system, group } = this.#options
    while (!signal.aborted) {
      try {
        await this.#takePart(start, signal)
      } catch (error) {
        system.logger.warn('Cannot agree with other hubs on who runs which task; it is tried again', { group, error })
      }
      await this.#stopAll()
      if (!signal.aborted) await system.clock.sleep(AGAIN_MS, signal).catch(() => {})
    }
  }

  async #takePart(start: (name: string, stop: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log, group, holder, sessionMs = SESSION_MS } = this.#options
    const left = new AbortController()
    const leave = () => {
      this.#leaving = true
      void this.#handOver().then(() => left.abort())
    }
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    try {
      this.#membership = log.join({
        group,
        protocol: 'millrace',
        instanceId: holder.hub,
        about: () => this.#about(),
        assign: assignSources,
        sessionMs,
        signal: left.signal,
      })
      for await (const generation of this.#membership.generations()) this.#apply(generation, start)
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  #about(): Uint8Array {
    const { holder, names } = this.#options
    const can = this.#leaving ? [] : names
    this.#holdsNothing = this.#leaving && this.#held.size === 0
    const holds = [...this.#held.keys()]
    return encodeAbout({ ...holder, page: '', since: this.#since, can, holds, asks: this.#asks })
  }

  #apply({ assignment, lost }: Generation, start: (name: string, stop: AbortSignal) => Promise<void>): void {
    // The lease has run out meanwhile: another generation is on its way, and this one's tasks may be somebody else's.
    if (lost.aborted) return
    if (this.#holdsNothing) this.#handedOver.resolve()
    const { sources, members } = decodeShare(assignment)
    const wanted = new Set(sources)
    for (const [name, held] of this.#held) if (!wanted.has(name)) void this.#letGo(name, held)
    for (const name of wanted) if (!this.#held.has(name) && !this.#leaving) this.#begin(name, lost, start)
    // A hub that is back within its session gets what its last run was given. What that one was to let go has been given to
    // nobody, and nobody else will ask.
    const { hub, run } = this.#options.holder
    if (!members.some((member) => member.hub === hub && member.run !== run)) return
    this.#asks += 1
    this.#membership?.rejoin()
  }

  #begin(name: string, lost: AbortSignal, start: (name: string, stop: AbortSignal) => Promise<void>): void {
    const stop = new AbortController()
    // A run that lost its lease may still be coming to its end here: one at a time.
    const before = this.#ended.get(name)
    const ended = Promise.resolve(before).then(() => (stop.signal.aborted ? undefined : start(name, stop.signal)))
    const held: Held = { stop, ended }
    this.#held.set(name, held)
    this.#ended.set(name, ended)
    // Another hub may run it already: what is on its way is known again there by its cause.
    lost.addEventListener('abort', () => {
      if (this.#held.get(name) === held) this.#held.delete(name)
      stop.abort()
    })
  }

  /** States are written down first, then the others are told. */
  async #letGo(name: string, held: Held): Promise<void> {
    held.stop.abort()
    await held.ended
    if (this.#held.get(name) !== held) return
    this.#held.delete(name)
    this.#membership?.rejoin()
  }

  async #handOver(): Promise<void> {
    await this.#stopAll()
    this.#membership?.rejoin()
    await within(FAREWELL_MS, this.#handedOver.promise, this.#options.system.clock)
  }

  async #stopAll(): Promise<void> {
    const all = Promise.all([...this.#held].map(([name, held]) => this.#letGo(name, held)))
    await within(CLOSING_MS, all, this.#options.system.clock)
  }
}
