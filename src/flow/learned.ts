import type { Log, NewRecord } from '../log/log.ts'
import type { Catalogue } from '../model/catalogue.ts'
import { topicName } from '../model/path.ts'
import type { Clock } from '../system/clock.ts'
import { definitionRecord } from './definitions.ts'
import type { Gate } from './gate.ts'

/**
 * Brings what the gate has learned into `<site>.assets`. Data of a new asset is acknowledged only when its definition
 * is durable too: after a crash nobody could tell its booleans from numbers.
 */
export class LearnedDefinitions {
  readonly #log: Log
  readonly #topic: string
  readonly #gate: Gate
  readonly #catalogue: Catalogue
  readonly #clock: Clock
  #pending: Promise<void> | undefined

  constructor(log: Log, site: string, gate: Gate, catalogue: Catalogue, clock: Clock) {
    this.#log = log
    this.#topic = topicName(site, 'assets')
    this.#gate = gate
    this.#catalogue = catalogue
    this.#clock = clock
  }

  /** Appends what is due. Resolves when all definitions so far are durable; undefined: they are. */
  publish(): Promise<void> | undefined {
    const due = this.#gate.takeLearned()
    if (due.size > 0) this.#append(due)
    return this.#pending
  }

  #append(assets: ReadonlySet<string>): void {
    const now = this.#clock.now()
    const records = [...assets].map((asset) => definitionRecord(this.#catalogue.asset(asset)!, now))
    const pending = this.#send(records, assets, this.#pending)
    this.#pending = pending
    const settled = () => {
      if (this.#pending === pending) this.#pending = undefined
    }
    pending.then(settled, settled)
  }

  async #send(records: readonly NewRecord[], assets: ReadonlySet<string>, before: Promise<void> | undefined) {
    try {
      await this.#log.append(this.#topic, records)
    } catch (error) {
      this.#gate.putBack(assets)
      throw error
    }
    await before
  }
}
