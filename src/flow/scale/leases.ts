import type { Source } from '../../component/source.ts'
import type { Book, Holder } from '../../ledger/book.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Generation, Membership } from '../../log/groups.ts'
import type { Log } from '../../log/log.ts'
import { topicName } from '../../model/path.ts'
import type { System } from '../../system/system.ts'
import { aborted, within } from '../../system/wait.ts'
import type { Ingest } from '../ingest.ts'
import type { Permit } from '../lane.ts'
import { assignSources, decodeShare, encodeAbout, type HubMember } from './shares.ts'

/** A source that dials out to its machines: one hub runs it, whichever. */
export interface LeasedSource {
  readonly name: string
  readonly open: () => Source
}

export interface LeasesOptions {
  readonly log: Log
  readonly ledger: Ledger
  readonly ingest: Ingest
  readonly site: string
  readonly holder: Holder
  /** Address of this hub's page. */
  readonly page: string
  readonly sources: readonly LeasedSource[]
  readonly system: Pick<System, 'clock' | 'logger'>
  /** How long a hub may be silent before the others take its sources, ms; default 6,000, Kafka's own lowest. */
  readonly sessionMs?: number
  /** Called when this hub can never have a source again: another one runs under its name. */
  readonly onEnded: (error: unknown) => void
}

const SESSION_MS = 6_000
/** A lease is taken for over this much before it is: what is appended then is under way before anybody else begins. */
const MARGIN = 1 / 20
/** How long a hub that ends waits for its sources and their books. */
const CLOSING_MS = 8_000
/** How long a hub that leaves waits until the others have been given what it ran. */
const FAREWELL_MS = 3_000
/** How often what the dead have left behind is looked for, besides whenever somebody comes or goes. */
const ORPHANS_MS = 30_000
/** A hub that has not joined yet is no dead one: it writes its books before. */
const NEWBORN_MS = 60_000
const AGAIN_MS = 1_000

/** A source that this hub runs. */
interface Held {
  readonly stop: AbortController
  book: Book | undefined
}

/**
 * Shares the sources that dial out among the hubs of one log: each is run by exactly one, given by membership in a group
 * of the log's own coordinator, and taken over when its hub dies. The lease says who should run; the epoch that is
 * claimed in the ledger before the first number is given says whose numbers they are. So a hub that was frozen and does
 * not know that its time is over can neither write a number of the next holder nor keep it from beginning.
 */
export class Leases {
  readonly #options: LeasesOptions
  readonly #held = new Map<string, Held>()
  /** Runs that are coming to their end, by source. */
  readonly #ending = new Map<string, Promise<void>>()
  readonly #seen = new Set<string>()
  readonly #since: number
  #membership: Membership | undefined
  #asks = 0
  #members: readonly HubMember[] = []
  #wanted: ReadonlySet<string> = new Set()
  #leaving = false
  #left: (() => void) | undefined
  #closing = false

  constructor(options: LeasesOptions) {
    this.#options = options
    this.#since = options.system.clock.now()
  }

  /** Takes part until the signal aborts; then what it runs is handed over, and it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, site, holder, ledger, system, sessionMs = SESSION_MS } = this.#options
    const leave = new AbortController()
    const leaving = aborted(signal)
      .then(() => this.#leave())
      .finally(() => leave.abort())
    ledger.onSuperseded((book) => this.#superseded(book))
    const timer = system.clock.every(ORPHANS_MS, () => void this.#closeOrphans())
    try {
      this.#membership = log.join({
        group: topicName(site, 'hubs'),
        protocol: 'millrace',
        instanceId: holder.hub,
        about: () => this.#about(),
        assign: assignSources,
        sessionMs,
        signal: leave.signal,
      })
      for await (const generation of this.#membership.generations()) this.#apply(generation)
      if (signal.aborted) await leaving
    } catch (error) {
      this.#loseAll()
      this.#options.onEnded(error)
    } finally {
      timer.cancel()
      await within(CLOSING_MS, Promise.all(this.#ending.values()), system.clock)
    }
  }

  /** All hubs that share the log, as whoever leads has said last. */
  get members(): readonly HubMember[] {
    return this.#members
  }

  /** Whether this hub runs a source, or is about to. */
  runs(source: string): boolean {
    return this.#held.has(source)
  }

  /** The epoch in which this hub runs a source. */
  epoch(source: string): number | undefined {
    return this.#held.get(source)?.book?.epoch
  }

  #about(): Uint8Array {
    const { holder, page, sources } = this.#options
    const can = this.#leaving ? [] : sources.map(({ name }) => name)
    return encodeAbout({ ...holder, page, since: this.#since, can, holds: [...this.#held.keys()], asks: this.#asks })
  }

  #apply({ assignment, lost }: Generation): void {
    const share = decodeShare(assignment)
    this.#members = share.members
    for (const { run } of share.members) this.#seen.add(run)
    this.#wanted = new Set(share.sources)
    // Whoever leads has heard that this hub runs nothing any more.
    const { holder } = this.#options
    const own = share.members.find(({ run }) => run === holder.run)
    if (this.#leaving && own?.sources.length === 0) this.#left?.()
    for (const name of this.#held.keys()) if (!this.#wanted.has(name)) void this.#letGo(name)
    const fresh = this.#options.sources.filter(({ name }) => this.#wanted.has(name) && !this.#held.has(name))
    if (fresh.length > 0 && !this.#leaving) void this.#take(fresh, lost)
    void this.#closeOrphans()
    // A hub that is back within its session gets what its last run was given. What that one was to let go has been given to
    // nobody, and nobody else will ask.
    if (own !== undefined || !share.members.some(({ hub }) => hub === holder.hub)) return
    this.#asks += 1
    this.#membership?.rejoin()
  }

  /** Claims sources and runs them until they are let go, or lost. */
  async #take(sources: readonly LeasedSource[], lost: AbortSignal): Promise<void> {
    const taken = sources.map(({ name }) => {
      const held: Held = { stop: new AbortController(), book: undefined }
      this.#held.set(name, held)
      return held
    })
    lost.addEventListener('abort', () => {
      for (const [index, held] of taken.entries()) this.#lose(sources[index]!.name, held, 'its lease ran out')
    })
    const before = sources.map(({ name }) => this.#ending.get(name))
    const claiming = this.#claim(sources, taken, before, lost)
    // Who lets a source go waits for this too: a claim that comes later would take it from the next holder.
    for (const { name } of sources) this.#ending.set(name, claiming)
    await claiming
  }

  async #claim(
    sources: readonly LeasedSource[],
    taken: readonly Held[],
    before: readonly (Promise<void> | undefined)[],
    lost: AbortSignal,
  ): Promise<void> {
    const { ledger, system } = this.#options
    const names = sources.map(({ name }) => name)
    try {
      for (const run of before) await run
      const books = await ledger.claim(names)
      for (const [index, source] of sources.entries()) this.#run(source, taken[index]!, books[index]!, lost)
    } catch (error) {
      system.logger.warn('Cannot claim sources; it is tried again', { sources: names, error })
      await system.clock.sleep(AGAIN_MS)
      for (const [index, name] of names.entries()) this.#forget(name, taken[index]!)
      this.#membership?.rejoin()
    }
  }

  #run({ name, open }: LeasedSource, held: Held, book: Book, lost: AbortSignal): void {
    const { ingest, ledger, system, holder } = this.#options
    if (held.stop.signal.aborted) {
      // Given back before it began.
      this.#ending.set(
        name,
        ledger.release(book).catch(() => {}),
      )
      return
    }
    held.book = book
    system.logger.info('Took a source', { source: name, epoch: book.epoch, hub: holder.hub })
    const permit: Permit = { book, holds: () => !lost.aborted && this.#holds(held) }
    const ended = ingest
      .run(name, open, held.stop.signal, permit)
      .then(() => ledger.release(book))
      .catch((error: unknown) => system.logger.warn('Cannot close the book of a source yet', { source: name, error }))
      .finally(() => {
        if (this.#ending.get(name) === ended) this.#ending.delete(name)
      })
    this.#ending.set(name, ended)
  }

  /** Whether this hub may append for a source at this moment: nobody else can have been given it. */
  #holds({ stop, book }: Held): boolean {
    const { clock } = this.#options.system
    const { sessionMs = SESSION_MS } = this.#options
    // A stop that was asked for leaves the lease as it is: what the source still hands over is taken.
    if (book === undefined || stop.signal.reason === LOST) return false
    return clock.monotonic() < (this.#membership?.heldUntil ?? 0) - sessionMs * MARGIN
  }

  /** The source is to run elsewhere: it ends cleanly, its book is closed, and then the others are told. */
  async #letGo(name: string): Promise<void> {
    const held = this.#held.get(name)!
    if (held.stop.signal.aborted) return
    this.#options.system.logger.info('Lets a source go', { source: name })
    held.stop.abort()
    // First perhaps its claim, then its run.
    for (let ending = this.#ending.get(name); ending !== undefined; ending = this.#laterEnding(name, ending))
      await ending
    this.#forget(name, held)
    this.#membership?.rejoin()
  }

  #laterEnding(name: string, than: Promise<void>): Promise<void> | undefined {
    const ending = this.#ending.get(name)
    return ending === than ? undefined : ending
  }

  /** The source may run elsewhere already. */
  #lose(name: string, held: Held, why: string): void {
    if (this.#held.get(name) !== held) return
    this.#options.system.logger.warn(`Lost a source: ${why}`, { source: name, epoch: held.book?.epoch })
    this.#held.delete(name)
    held.stop.abort(LOST)
  }

  #loseAll(): void {
    for (const [name, held] of this.#held) this.#lose(name, held, 'this hub can have none any more')
  }

  #superseded(book: Book): void {
    const held = this.#held.get(book.source)
    if (held?.book !== book) return
    this.#lose(book.source, held, 'another hub has claimed it')
    this.#membership?.rejoin()
  }

  #forget(name: string, held: Held): void {
    if (this.#held.get(name) === held) this.#held.delete(name)
  }

  /**
   * Hands everything over, waits until the others have been told, but not for ever. A log that is away does not keep a hub
   * from ending: what it leaves behind is closed by another one.
   */
  async #leave(): Promise<void> {
    const { clock } = this.#options.system
    this.#leaving = true
    const told = new Promise<void>((resolve) => (this.#left = resolve))
    await within(CLOSING_MS, Promise.all([...this.#held.keys()].map((name) => this.#letGo(name))), clock)
    this.#membership?.rejoin()
    await within(FAREWELL_MS, told, clock)
  }

  /** One hub looks after the books that nobody writes any more: the first of all. */
  async #closeOrphans(): Promise<void> {
    const { ledger, holder, system } = this.#options
    if (this.#members[0]?.run !== holder.run || this.#closing) return
    this.#closing = true
    const runs = new Set(this.#members.map(({ run }) => run))
    try {
      const newborn = system.clock.now() - NEWBORN_MS
      await ledger.closeOrphans(({ run }, at) => runs.has(run) || (!this.#seen.has(run) && at > newborn))
    } catch (error) {
      system.logger.warn('Cannot close the books of hubs that are gone; it is tried again', { error })
    }
    this.#closing = false
  }
}

/** Why a run was stopped: nothing of it may be appended any more. */
const LOST = new Error('The lease of this source is over')
