import type { Log } from '../../log/log.ts'
import type { Catalogue } from '../../model/catalogue.ts'
import { ModelError } from '../../model/errors.ts'
import type { Reading } from '../../model/reading.ts'
import type { Clock } from '../../system/clock.ts'
import { Gate } from '../gate.ts'
import { LearnedDefinitions } from '../learned.ts'
import type { Output } from './engine.ts'

/**
 * Learns what tags of derived readings are from their first values, as ingest does from what machines send: without a
 * definition nobody who reads the log could tell a boolean from a number.
 */
export class DerivedDefinitions {
  readonly #gate: Gate
  readonly #learned: LearnedDefinitions

  constructor({ log, site, catalogue, clock }: { log: Log; site: string; catalogue: Catalogue; clock: Clock }) {
    this.#gate = new Gate(catalogue, {})
    this.#learned = new LearnedDefinitions(log, site, this.#gate, catalogue, clock)
  }

  /**
   * Called before the outputs are written. Resolves when the definitions of all their tags are durable; undefined: they are.
   * @throws LogError
   */
  learn(outputs: readonly Output[]): Promise<void> | undefined {
    for (const { fact } of outputs) if (fact.kind === 'reading') this.#look(fact.reading)
    return this.#learned.publish()
  }

  /** What cannot be learned (it may come out of a cage) stays without a definition: that a record can be made of it is seen later. */
  #look(reading: Reading): void {
    try {
      this.#gate.check(reading)
    } catch (error) {
      if (!(error instanceof ModelError || error instanceof TypeError)) throw error
    }
  }
}
