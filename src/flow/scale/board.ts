import type { HealthState } from '../../component/health.ts'
import type { Log, Position } from '../../log/log.ts'
import { topicName } from '../../model/path.ts'
import type { System } from '../../system/system.ts'
import { jsonOf } from '../../system/json-bytes.ts'

/** What a hub says of itself to all others: the value of one record of `<site>.hubs`, whose key is the hub. */
export interface HubNotice {
  readonly hub: string
  readonly run: string
  readonly page: string
  /** Wall time of its start, ms since the epoch. */
  readonly since: number
  readonly sources: readonly SourceNotice[]
  /** Partitions whose twins the hub evolves. */
  readonly partitions?: readonly number[]
}

/** A source that the hub runs, and how it is. */
export interface SourceNotice {
  readonly name: string
  readonly kind: string
  readonly state: HealthState
  readonly reason: string
  readonly since: number
  readonly lastData?: number
  /** Whose numbers its records carry; see the ledger. */
  readonly epoch?: number
}

/** How often a hub looks whether it has something new to say. */
const LOOK_MS = 1_000
/** How often it says that it is there, and how long one is believed that says nothing. */
const SIGN_MS = 10_000
const SILENT_MS = 30_000
const AGAIN_MS = 500

export interface BoardOptions {
  readonly log: Log
  readonly site: string
  readonly system: Pick<System, 'clock' | 'logger'>
  /** What this hub has to say right now. */
  readonly own: () => HubNotice
}

interface Heard {
  readonly notice: HubNotice
  /** Monotonic. */
  readonly at: number
}

/** Where the hubs that share a log read of each other how their sources are, in a compacted topic of the log. */
export class Board {
  readonly #options: BoardOptions
  readonly #heard = new Map<string, Heard>()

  constructor(options: BoardOptions) {
    this.#options = options
  }

  /** Says and hears until the signal aborts. The topic must exist. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#say(signal), this.#hear(signal)])
  }

  /** What the other hubs have said, while they can be believed to be there; by their names. */
  others(): readonly HubNotice[] {
    const now = this.#options.system.clock.monotonic()
    const own = this.#options.own().hub
    return [...this.#heard.values()]
      .filter(({ notice, at }) => notice.hub !== own && now - at < SILENT_MS)
      .map(({ notice }) => notice)
      .sort((a, b) => (a.hub < b.hub ? -1 : 1))
  }

  async #say(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options.system
    let said = ''
    let saidAt = -Infinity
    while (!signal.aborted) {
      const text = JSON.stringify(this.#options.own())
      // A time alone is no news.
      const news = text.replaceAll(/"lastData":[\d.]+/g, '')
      if (news !== said || clock.monotonic() - saidAt >= SIGN_MS) {
        try {
          await this.#append(text)
          said = news
          saidAt = clock.monotonic()
        } catch (error) {
          logger.debug('Cannot tell the other hubs how this one is', { error })
        }
      }
      await clock.sleep(LOOK_MS, signal).catch(() => {})
    }
    const { hub, run, page, since } = this.#options.own()
    await this.#append(JSON.stringify({ hub, run, page, since, sources: [] })).catch(() => {})
  }

  async #append(value: string): Promise<void> {
    const { log, site, system } = this.#options
    const headers = [['content-type', 'application/json']] as const
    const record = { key: this.#options.own().hub, value, headers, timestamp: system.clock.now() }
    await log.append(topicName(site, 'hubs'), [record])
  }

  async #hear(signal: AbortSignal): Promise<void> {
    const { log, system } = this.#options
    let position: Position | undefined
    while (!signal.aborted) {
      try {
        position ??= await this.#end()
        for await (const { records, nextOffset } of log.read([position], { signal })) {
          for (const { value } of records) this.#note(value)
          position = { ...position, offset: nextOffset }
        }
      } catch (error) {
        if (signal.aborted) return
        system.logger.debug('Cannot hear of the other hubs', { error })
      }
      await system.clock.sleep(AGAIN_MS, signal).catch(() => {})
    }
  }

  /** Who is there says so again soon; what was said before is only of those who are gone. */
  async #end(): Promise<Position> {
    const topic = topicName(this.#options.site, 'hubs')
    const [ends] = await this.#options.log.ends(topic)
    return { topic, partition: 0, offset: ends?.end ?? 0 }
  }

  #note(value: Uint8Array | null): void {
    const notice = jsonOf(value) as HubNotice | null | undefined
    // Somebody else wrote into our topic: harmless.
    if (typeof notice?.hub !== 'string' || !Array.isArray(notice.sources)) return
    this.#heard.set(notice.hub, { notice, at: this.#options.system.clock.monotonic() })
  }
}
