import { LogError, type Log, type NewRecord } from '../../log/log.ts'
import type { Known } from './recover.ts'
import type { Selected } from './selection.ts'

/** A record from here on is sent on its own: a target that does not take it refuses nothing else with it. */
const LARGE_BYTES = 256 * 1024

export interface OutletOptions {
  readonly target: Log
  readonly topic: string
  /** What of this partition the target holds already. */
  readonly known: Known | undefined
  /** Puts a record aside that the target does not take; resolves when that is durable. */
  readonly refuse: (record: NewRecord, error: LogError) => Promise<void>
}

/** The way of one partition into the target: skips what is there already, and answers when the rest is durable. */
export class Outlet {
  readonly #options: OutletOptions
  readonly #known: Known | undefined
  /** Found in the target, so not sent again. */
  repeats = 0

  constructor(options: OutletOptions) {
    this.#options = options
    this.#known = options.known
  }

  /**
   * Resolves with the bytes that were sent, when all of it is durable. The list is emptied as soon as the target has
   * copied it: what waits for an answer is then only bytes.
   * @throws LogError as `Log.append`; what of it is in the target is then unknown.
   */
  async send(selected: Selected[]): Promise<number> {
    let bytes = 0
    let lot: NewRecord[] = []
    for (const one of selected) {
      if (this.#isThere(one)) {
        this.repeats += 1
        continue
      }
      const size = sizeOf(one)
      bytes += size
      if (size < LARGE_BYTES) {
        lot.push(one)
        continue
      }
      await this.#sendLot(lot)
      lot = []
      await this.#sendLarge(one)
    }
    selected.length = 0
    await this.#sendLot(lot)
    return bytes
  }

  async #sendLot(lot: NewRecord[]): Promise<void> {
    if (lot.length === 0) return
    const { target, topic } = this.#options
    await target.ready()
    const appended = target.append(topic, lot)
    lot.length = 0
    await appended
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
