import type { Log, NewRecord, Position, ReadBatch } from '../log/log.ts'
import type { System } from '../system/system.ts'
import { textOf } from '../system/text.ts'
import type { ShownAlarm, StandingPage, StandingQuery } from './standing.ts'

/** Where the alarms of this moment come from. */
interface Standing {
  /** Another number after each change. */
  readonly revision: number
  standing(query: StandingQuery): StandingPage
}

export interface CurrentAlarmsOptions {
  readonly log: Log
  /** Full name of the compacted topic `alarms-current`. */
  readonly topic: string
  readonly alarms: Standing
  /** Whether the alarms are those of the whole log, and this hub is the one that writes them down. */
  readonly isDue: () => boolean
  readonly system: Pick<System, 'clock' | 'logger'>
}

/** How often it is looked for changes. */
const LOOK_MS = 250
/** Alarms of one append. */
const LOT = 500

/**
 * Keeps the compacted topic `alarms-current` as the alarms are: a record for each that is not normal, under
 * `<asset>#<alarm>`, and a tombstone once it is normal again. What is written is what differs from what the topic was seen to
 * hold, so a crash, a hub that takes over, or a stranger's record leave nothing wrong for longer than a look.
 */
export class CurrentAlarms {
  readonly #options: CurrentAlarmsOptions
  /** What the topic holds, by key, as far as it has been read. */
  readonly #held = new Map<string, string>()
  readonly #readTo = new Map<number, number>()
  /** Up to where it has to be read before it is compared again: what was there at the start, then what was written. */
  readonly #wanted = new Map<number, number>()
  #written: number | undefined

  constructor(options: CurrentAlarmsOptions) {
    this.#options = options
  }

  /** Follows the topic and writes, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options.system
    while (!signal.aborted) {
      try {
        await this.#follow(signal)
      } catch (error) {
        if (!signal.aborted) logger.warn('Cannot keep the topic of current alarms; it is tried again', { error })
        await clock.sleep(1_000, signal).catch(() => {})
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { log, topic } = this.#options
    this.#held.clear()
    this.#readTo.clear()
    this.#written = undefined
    const ends = await log.ends(topic)
    for (const { partition, start, end } of ends) {
      this.#readTo.set(partition, start)
      this.#wanted.set(partition, end)
    }
    const failed = new AbortController()
    const both = AbortSignal.any([signal, failed.signal])
    const positions = ends.map(({ partition, start }) => ({ topic, partition, offset: start }))
    // Whichever fails first ends the other one.
    const ending = (work: Promise<void>) => work.finally(() => failed.abort())
    await Promise.all([ending(this.#read(positions, both)), ending(this.#keep(both))])
  }

  async #read(positions: readonly Position[], signal: AbortSignal): Promise<void> {
    for await (const batch of this.#options.log.read(positions, { signal })) this.#note(batch)
  }

  #note({ partition, records, nextOffset }: ReadBatch): void {
    for (const { key, value } of records) {
      if (key === null) continue
      if (value === null) this.#held.delete(textOf(key))
      else this.#held.set(textOf(key), textOf(value))
      this.#written = undefined
    }
    this.#readTo.set(partition, nextOffset)
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { alarms, isDue, system } = this.#options
    while (!signal.aborted) {
      await system.clock.sleep(LOOK_MS, signal).catch(() => {})
      if (signal.aborted || !isDue() || this.#written === alarms.revision || !this.#hasRead()) continue
      const { revision } = alarms
      await this.#write(this.#changes())
      this.#written = revision
    }
  }

  #hasRead(): boolean {
    return [...this.#wanted].every(([partition, offset]) => this.#readTo.get(partition)! >= offset)
  }

  /** What the topic would have to be told. */
  #changes(): NewRecord[] {
    const { alarms, system } = this.#options
    const timestamp = Math.floor(system.clock.now())
    const now = new Map(alarms.standing({ limit: Infinity }).alarms.map((alarm) => [keyOf(alarm), recordText(alarm)]))
    const gone = [...this.#held.keys()].filter((key) => !now.has(key))
    const changed = [...now].filter(([key, text]) => this.#held.get(key) !== text)
    const headers = [['content-type', 'application/json']] as const
    return [
      ...gone.map((key): NewRecord => ({ key, value: null, timestamp })),
      ...changed.map(([key, value]): NewRecord => ({ key, value, headers, timestamp })),
    ]
  }

  async #write(records: readonly NewRecord[]): Promise<void> {
    const { log, topic } = this.#options
    for (let at = 0; at < records.length; at += LOT) {
      await log.ready()
      for (const { partition, nextOffset } of await log.append(topic, records.slice(at, at + LOT)))
        this.#wanted.set(partition, nextOffset)
    }
  }
}

function keyOf({ asset, alarm }: ShownAlarm): string {
  return `${asset}#${alarm}`
}

/** The alarm, without what changes by time alone. */
function recordText({ isChattering: _chattering, isStale: _stale, ...alarm }: ShownAlarm): string {
  return JSON.stringify(alarm)
}
