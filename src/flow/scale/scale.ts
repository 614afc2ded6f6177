import type { Health } from '../../component/health.ts'
import type { Source } from '../../component/source.ts'
import type { Book, Holder } from '../../ledger/book.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import type { Log } from '../../log/log.ts'
import { topicSpec } from '../../log/topics.ts'
import type { System } from '../../system/system.ts'
import type { Ingest } from '../ingest.ts'
import { Board, type HubNotice, type SourceNotice } from './board.ts'
import { Leases } from './leases.ts'

/** A configured source, as the hubs share it. */
export interface SharedSource {
  readonly name: string
  readonly kind: string
  /** `listens`: each hub runs it, under a book of its own. `dials`: one of them does. */
  readonly reach: 'dials' | 'listens'
  /** Loads what it needs, for the day on which this hub takes it over. */
  readonly prepare: () => Promise<unknown>
  readonly open: () => Source
}

export interface ScaleOptions {
  readonly log: Log
  readonly ledger: Ledger
  readonly ingest: Ingest
  readonly site: string
  readonly holder: Holder
  readonly sources: readonly SharedSource[]
  /** Partitions whose twins this hub evolves, for the others to see. */
  readonly partitions?: () => readonly number[] | undefined
  readonly system: Pick<System, 'clock' | 'logger'>
  readonly sessionMs?: number
  /** Called when this hub cannot go on: another one runs under its name. */
  readonly onEnded: (error: unknown) => void
}

const PREPARE_AFTER_MS = 2_000

/** A hub that shares the log, for people. */
export interface HubStatus extends HubNotice {
  readonly here: boolean
  /** Looks after what the dead have left behind. */
  readonly leads: boolean
}

/**
 * This hub as one of several on one log. Sources that listen run on each of them; sources that dial out are leased, so
 * that exactly one runs each of them.
 */
export class Scale {
  readonly #options: ScaleOptions
  readonly #since: number
  readonly #listening = new Map<string, Book>()
  #page = ''
  #leases: Leases | undefined
  #board: Board | undefined

  constructor(options: ScaleOptions) {
    this.#options = options
    this.#since = options.system.clock.now()
  }

  /** Makes ready what sources that listen need. @throws LogError */
  async open(): Promise<void> {
    const { log, ledger, site, sources } = this.#options
    await log.ensure([topicSpec(site, 'hubs', 1)])
    const names = sources.filter(({ reach }) => reach === 'listens').map(({ name }) => name)
    for (const book of await ledger.claim(names)) this.#listening.set(book.source, book)
  }

  /** Runs the sources that listen, until the signal aborts; they mount their routes in this turn. */
  async listen(signal: AbortSignal): Promise<void> {
    const { ingest, sources } = this.#options
    const running = sources
      .filter(({ name }) => this.#listening.has(name))
      .map(({ name, open }) => {
        return ingest.run(name, open, signal, { book: this.#listening.get(name)!, holds: () => true })
      })
    await Promise.all(running)
  }

  /** Takes part in sharing the sources that dial out, until the signal aborts. `page` is shown to the other hubs. */
  async share(page: string, signal: AbortSignal): Promise<void> {
    const { sources } = this.#options
    this.#page = page
    const leases = new Leases({ ...this.#options, page, sources: sources.filter(({ reach }) => reach === 'dials') })
    const board = new Board({ ...this.#options, own: () => this.#notice() })
    this.#leases = leases
    this.#board = board
    // The others are told how sources end, too.
    const silent = new AbortController()
    const boarding = board.run(silent.signal)
    void this.#prepare(signal)
    await leases.run(signal)
    silent.abort()
    await boarding
  }

  /** One after the other, and not at once: what is given to this hub now comes first. */
  async #prepare(signal: AbortSignal): Promise<void> {
    const { sources, system } = this.#options
    await system.clock.sleep(PREPARE_AFTER_MS, signal).catch(() => {})
    for (const { name, reach, prepare } of sources) {
      if (signal.aborted) return
      if (reach !== 'dials') continue
      await prepare().catch((error: unknown) => {
        system.logger.warn('Cannot load what a source needs; it is tried again when it runs here', {
          source: name,
          error,
        })
      })
    }
  }

  /** How a source is: here, or on the hub that runs it. */
  health(name: string): Health | undefined {
    if (this.#listening.has(name) || this.#leases?.runs(name) === true) return this.#options.ingest.health(name)
    for (const { hub, sources } of this.#board?.others() ?? []) {
      const notice = sources.find((source) => source.name === name)
      if (notice !== undefined) return { ...healthOf(notice), reason: `On hub "${hub}": ${notice.reason}` }
    }
    return { state: 'starting', reason: 'No hub runs it yet', since: this.#since }
  }

  /** All hubs, in order of their names, and what they run. */
  hubs(): readonly HubStatus[] {
    const members = this.#leases?.members ?? []
    const runs = new Set(members.map(({ run }) => run))
    const leader = members[0]?.run
    const told = (this.#board?.others() ?? []).filter(({ run }) => runs.has(run))
    // One that joined a moment ago has not said anything yet.
    const mute = members
      .filter(({ run }) => run !== this.#options.holder.run && !told.some((notice) => notice.run === run))
      .map(({ hub, run, page, since }): HubNotice => ({ hub, run, page, since, sources: [] }))
    return [this.#notice(), ...told, ...mute]
      .map((notice) => ({ ...notice, here: notice.run === this.#options.holder.run, leads: notice.run === leader }))
      .sort((a, b) => (a.hub < b.hub ? -1 : 1))
  }

  #notice(): HubNotice {
    const { holder, sources, ingest } = this.#options
    const partitions = this.#options.partitions?.()
    const here = sources.filter(({ name }) => this.#listening.has(name) || this.#leases?.runs(name) === true)
    return {
      ...holder,
      page: this.#page,
      since: this.#since,
      ...(partitions !== undefined && { partitions }),
      sources: here.map(({ name, kind }): SourceNotice => {
        const epoch = this.#listening.get(name)?.epoch ?? this.#leases?.epoch(name)
        return { name, kind, ...healthOf(ingest.health(name)), ...(epoch !== undefined && { epoch }) }
      }),
    }
  }
}

const STARTING: Health = { state: 'starting', reason: 'Not started yet', since: 0 }

function healthOf({ state, reason, since, lastData }: Health = STARTING): Health {
  return { state, reason, since, ...(lastData !== undefined && { lastData }) }
}
