import { LogError, type Log, type Position, type StoredRecord } from '../../log/log.ts'
import { replicationTopic, type CopyClaim } from '../../ledger/copy.ts'
import { jsonOf } from '../../system/json-bytes.ts'
import { textOf } from '../../system/text.ts'

/** Offsets of the source, from `from` up to but not including `to`. */
export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * How far one partition of a source topic has been carried. Everything below `next` that is in none of the `ranges` is
 * durable in the target; whatever else of it is there lies at or beyond `ends`.
 */
export interface SavedPosition {
  /** See `Claim`: offsets of another line mean nothing here. */
  readonly line: string
  /** Backlog that is still to be carried, behind what is fresh. */
  readonly ranges: readonly Range[]
  readonly next: number
  /** Timestamp of the last record below `next`: tells this log from another one. */
  readonly stamp?: number
  /** By partition: where the target's topic ended before anything beyond was handed over. */
  readonly ends: readonly number[]
}

/** Who replicates under a name, and since when: the newest epoch is the one that may. */
export interface Claim extends CopyClaim {
  readonly epoch: number
  /** Drawn anew by every run. */
  readonly holder: string
  /** Names the log that the origins of records speak of. */
  readonly line: string
  /** The run ended, with nothing left on its way. */
  readonly released?: boolean
  /** Wall time, ms since the epoch. */
  readonly at: number
}

/** Everything that one replication has written down, with the place to go on reading from. */
export interface SavedState {
  readonly claim: Claim | undefined
  /** By `topic/partition` of the source. */
  readonly positions: ReadonlyMap<string, SavedPosition>
  readonly next: Position
}

export function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/** The positions of one replication, kept in its target. */
export class Positions {
  readonly #log: Log
  readonly #topic: string
  readonly #name: string
  readonly #give: Log['append']

  /** @param give writes to the log, as `log.append` does */
  constructor(log: Log, site: string, name: string, give: Log['append'] = (...all) => log.append(...all)) {
    this.#log = log
    this.#give = give
    this.#topic = replicationTopic(site)
    this.#name = name
  }

  /** @throws LogError where the target cannot be read or the topic be made. */
  async load(): Promise<SavedState> {
    const there = await this.#log.topics()
    if (!there.some(({ name }) => name === this.#topic)) {
      await this.#log.ensure([{ name: this.#topic, partitions: 1, cleanup: 'compact', retention: {} }])
    }
    const [ends] = await this.#log.ends(this.#topic)
    const next = { topic: this.#topic, partition: 0, offset: ends!.start }
    const positions = new Map<string, SavedPosition>()
    let claim: Claim | undefined
    const options = { signal: new AbortController().signal, untilEnd: true }
    for await (const batch of this.#log.read([{ ...next }], options)) {
      for (const record of batch.records) {
        const read = this.#read(record)
        if (read?.place !== undefined) positions.set(read.place, read.json as SavedPosition)
        else if (read !== undefined && !isOlder(read.json as Claim, claim)) claim = read.json as Claim
      }
      next.offset = batch.nextOffset
    }
    return { claim, positions, next }
  }

  /**
   * Takes the replication over: whoever had it stops when it reads this. Of two that claim the same epoch the first
   * one in the topic has it.
   * @throws LogError `REPLICATION_FENCED` where another was first.
   */
  async claim(claim: Claim): Promise<SavedState> {
    await this.#append(this.#name, claim)
    const state = await this.load()
    if (state.claim?.holder !== claim.holder) throw fenced(this.#name, state.claim!)
    return state
  }

  /** Writes positions down, by place; resolves when they are durable. */
  async save(positions: ReadonlyMap<string, SavedPosition>): Promise<void> {
    await Promise.all([...positions].map(([place, position]) => this.#append(`${this.#name} ${place}`, position)))
  }

  /** Says that this run has ended with nothing left on its way. */
  async release(claim: Claim): Promise<void> {
    await this.#append(this.#name, { ...claim, released: true })
  }

  /**
   * Reads on from `next` until somebody else takes over, or the signal aborts.
   * @throws LogError `REPLICATION_FENCED`
   */
  async watch(mine: Claim, next: Position, signal: AbortSignal): Promise<void> {
    for await (const { records } of this.#log.read([next], { signal })) {
      for (const record of records) {
        const read = this.#read(record)
        if (read === undefined || read.place !== undefined) continue
        const claim = read.json as Claim
        if (claim.epoch > mine.epoch) throw fenced(this.#name, claim)
      }
    }
  }

  #append(key: string, value: Claim | SavedPosition): Promise<unknown> {
    const at = 'at' in value ? value.at : (value.stamp ?? 0)
    return this.#give(this.#topic, [{ key, value: JSON.stringify(value), timestamp: at }])
  }

  /** What a record of this replication says: a claim, or with a place a position. */
  #read({ key, value }: StoredRecord): { place?: string; json: unknown } | undefined {
    const text = key && textOf(key)
    if (!text || value === null || !(text === this.#name || text.startsWith(`${this.#name} `))) return undefined
    const json = jsonOf(value)
    if (json === undefined) return undefined
    return text === this.#name ? { json } : { place: text.slice(this.#name.length + 1), json }
  }
}

/** Of one epoch the first claim stands, and what its own holder says of it later. */
function isOlder(claim: Claim, than: Claim | undefined): boolean {
  if (than === undefined) return false
  return claim.epoch < than.epoch || (claim.epoch === than.epoch && claim.holder !== than.holder)
}

function fenced(name: string, { epoch, holder }: Claim): LogError {
  const message = `Cannot replicate "${name}": ${holder} took it over with epoch ${epoch}, want one replication of a name`
  return new LogError('REPLICATION_FENCED', message, { retriable: false })
}
