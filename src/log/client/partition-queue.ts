import type { LogError, NewRecord } from '../log.ts'
import { GatheredBatch } from './gathered-batch.ts'
import type { Call } from './gathered-batch.ts'
import type { Identity } from './identities.ts'
import type { Slabs } from './slabs.ts'

/** Where a batch is closed: below the 1,048,588 bytes that brokers take by default. */
const BATCH_BYTES = 1_000_000

/** Sequences wrap to 0 after 2^31 - 1 (KIP-98). */
const SEQUENCE_MASK = 0x7fffffff

/**
 * What waits to be stored in one partition, in order. One batch is with the broker at a time, so a batch that has to
 * be sent again cannot be overtaken; meanwhile records gather in the next one, which is the only lingering there is.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly #slabs: Slabs
  readonly #batches: GatheredBatch[] = []
  #lastBytes = 0
  #sequence = 0
  identity: Identity | undefined
  /** An id on which the sequence is uncertain, and must not be used again. */
  spent: Identity | undefined
  /** Its head is with the broker, or its turn waits for something: an id, a pause. */
  busy = false
  /** Tries of the head that failed. */
  failures = 0

  constructor(topic: string, partition: number, slabs: Slabs) {
    this.topic = topic
    this.partition = partition
    this.#slabs = slabs
  }

  /** The batch whose turn it is. */
  get head(): GatheredBatch | undefined {
    return this.#batches[0]
  }

  /** Adds a record to the open batch; answers the bytes that it took. */
  add(record: NewRecord, call: Call, now: number): number {
    let batch = this.#batches.at(-1)
    if (!batch || batch.sealed || !batch.fits(record, BATCH_BYTES)) {
      batch = new GatheredBatch(this.#slabs, this.#lastBytes, now)
      this.#batches.push(batch)
    }
    const before = batch.bytes
    batch.add(record, call)
    return batch.bytes - before
  }

  /** The head as bytes to send, under this queue's identity, which must be set. */
  seal(compression: 'none' | 'zstd'): Uint8Array {
    return this.head!.seal(this.identity!, this.#sequence, compression)
  }

  /** The head is durable. */
  stored(baseOffset: number): GatheredBatch {
    const batch = this.#next()
    this.#sequence = (this.#sequence + batch.count) & SEQUENCE_MASK
    batch.stored(this.partition, baseOffset)
    return batch
  }

  /** The head is given up. */
  failed(error: LogError): GatheredBatch {
    const batch = this.#next()
    if (batch.uncertain) this.renew()
    batch.failed(error)
    return batch
  }

  /** Whatever is sent next starts a new sequence under another producer id. */
  renew(): void {
    this.spent = this.identity
    this.identity = undefined
    this.#sequence = 0
    this.head?.reseal()
  }

  #next(): GatheredBatch {
    const batch = this.#batches.shift()!
    this.#lastBytes = batch.bytes
    this.failures = 0
    return batch
  }
}
