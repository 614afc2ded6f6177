import { ANSWER_MS } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { API, readInitProducerId, writeInitProducerId } from './messages.ts'
import { brokerError } from './protocol-faults.ts'

/** A producer id of this process. Sequences are counted per partition under it. */
export interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

/**
 * The producer ids of a log. One serves all partitions; a partition whose sequence is no longer certain (a batch was
 * given up whose fate is unknown) needs another one, on which it starts again from 0.
 */
export class Identities {
  readonly #cluster: Cluster
  #current: Identity | undefined
  #asking: Promise<Identity> | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * An id that is not `spent`.
   * @throws LogError `LOG_UNAVAILABLE`
   */
  async other(spent: Identity | undefined): Promise<Identity> {
    if (this.#current && this.#current !== spent) return this.#current
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<Identity> {
    const connection = await this.#cluster.any()
    const body = await connection.request(API.initProducerId, ANSWER_MS, writeInitProducerId)
    const { error, producerId, producerEpoch } = readInitProducerId(body)
    if (error !== 0) throw brokerError('get a producer id', error)
    this.#current = { producerId, producerEpoch }
    return this.#current
  }
}
