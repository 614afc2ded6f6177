import { LogError, type Log, type NewRecord } from '../../log/log.ts'
import type { Known } from './recover.ts'
import type { Selected } from './selection.ts'

/** A record from here on is sent on its own: a target that does not take it refuses nothing else with it. */
const LARGE_BYTES = 256 * 1024

export interface OutletOptions {
  readonly target: Pick<Log, 'ready' | 'append'>
  readonly topic: string
  /** What of this partition the target holds already. */
  readonly known: Known | undefined
  /** Puts a record aside that the target does not take; resolves when that is durable. */
  readonly refuse: (record: NewRecord, error: LogError) => Promise<void>
}

/** What was handed to the target. */
export interface Sent {
  readonly records: number
  readonly bytes: number
  /** Resolves when all of it is durable. @throws LogError as `Log.append`; what of it is there is then unknown. */
  readonly stored: Promise<unknown>
}

/** The way of one partition into the target: skips what is there already, and answers when the rest is durable. */
export class Outlet {
  readonly #options: OutletOptions
  readonly #known: Known | undefined

  constructor(options: OutletOptions) {
    this.#options = options
    this.#known = options.known
  }

  /** Resolves when the target has room. */
  ready(): Promise<void> {
    return this.#options.target.ready()
  }

  /**
   * Resolves when the target has copied all of it: what waits for its answer is then only bytes.
   * @param before what was sent earlier; large records wait until it is durable
   * @throws LogError as `Log.append`; what of it is in the target is then unknown.
   */
  async send(selected: readonly Selected[], before: Promise<unknown> = Promise.resolve()): Promise<Sent> {
    let bytes = 0
    let records = 0
    let lot: NewRecord[] = []
    for (const one of selected) {
      if (this.#isThere(one)) continue
      const size = sizeOf(one)
      bytes += size
      records += 1
      if (size < LARGE_BYTES) {
        lot.push(one)
        continue
      }
      await before
      await (
        await this.#hand(lot)
      ).stored
      lot = []
      await this.#sendLarge(one)
    }
    return { records, bytes, ...(await this.#hand(lot)) }
  }

  /** In an object: a promise of a promise would wait for both. */
  async #hand(lot: readonly NewRecord[]): Promise<Pick<Sent, 'stored'>> {
    const { target, topic } = this.#options
    if (lot.length === 0) return { stored: Promise.resolve() }
    await target.ready()
    return { stored: target.append(topic, lot) }
  }

  async #sendLarge(record: NewRecord): Promise<void> {
    const { target, topic, refuse } = this.#options
    try {
      await target.ready()
      await target.append(topic, [record])
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'RECORD_TOO_LARGE') throw error
      await refuse(record, error)
    }
  }

  #isThere({ offset, tag }: Selected): boolean {
    if (this.#known === undefined) return false
    return tag === undefined ? this.#known.whole.has(offset + 1) : this.#known.parts.has(`${offset}/${tag}`)
  }
}

/** About: a text may have more bytes than units. */
function sizeOf({ key, value, headers }: NewRecord): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0)
  if (headers) for (const header of headers) size += header[0].length + header[1].length
  return size
}
