import { LogError, type Log, type NewRecord } from '../../log/log.ts'
import { recordBytes } from '../../log/refusals.ts'
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
   * Resolves with the bytes that were sent, when all of it is durable.
   * @throws LogError as `Log.append`; what of it is in the target is then unknown.
   */
  async send(selected: readonly Selected[]): Promise<number> {
    const { target, topic } = this.#options
    let bytes = 0
    let lot: NewRecord[] = []
    const sendLot = async () => {
      const records = lot
      lot = []
      if (records.length === 0) return
      await target.ready()
      await target.append(topic, records)
    }
    for (const one of selected) {
      if (this.#isThere(one)) {
        this.repeats += 1
        continue
      }
      const size = recordBytes(one.record)
      bytes += size
      if (size < LARGE_BYTES) {
        lot.push(one.record)
        continue
      }
      await sendLot()
      await this.#sendLarge(one.record)
    }
    await sendLot()
    return bytes
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
