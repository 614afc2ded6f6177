import type { ActiveProducer, ProducerBatch, ProducerStates } from './storage.ts'

/** Batches remembered of a producer, so that a repeat of any of them is recognised (KIP-98). */
const REMEMBERED = 5
/** Batches kept of a producer: as many may be in flight, and those before them are what is durable. */
const KEPT = 2 * REMEMBERED
/** Producers remembered per partition; beyond that the one that has been silent longest is forgotten. */
const MOST_PRODUCERS = 10_000
/** Sequence numbers are 31 bits and wrap to 0. */
const SEQUENCES = 2 ** 31

interface Remembered {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  /** When it came, ms since the epoch. */
  readonly timestamp: number
}

/** Never changed, only replaced: what was there before an append can be put back when the append fails. */
interface Producer {
  readonly epoch: number
  readonly batches: readonly Remembered[]
}

/** How to take back what `note` did. */
export type Undo = () => void

/** The last batches of every idempotent producer in one partition. */
export class ProducerTable implements ProducerStates {
  #producers = new Map<bigint, Producer>()

  /** See `ProducerStates`. A repeat of a batch that is still on its way to the disk is accepted: `append` joins it. */
  check(batch: ProducerBatch, durableOffset = Infinity): ReturnType<ProducerStates['check']> {
    if (batch.producerId < 0n) return { accept: true }
    const known = this.#producers.get(batch.producerId)
    if (known === undefined) return { accept: true }
    if (batch.producerEpoch < known.epoch) return { error: 'fenced' }
    if (batch.producerEpoch > known.epoch)
      return batch.baseSequence === 0 ? { accept: true } : { error: 'out-of-order' }
    const repeated = this.repeated(batch)
    if (repeated !== undefined) return repeated < durableOffset ? { duplicate: repeated } : { accept: true }
    const expected = (known.batches.at(-1)!.lastSequence + 1) % SEQUENCES
    return batch.baseSequence === expected ? { accept: true } : { error: 'out-of-order' }
  }

  /** Base offset of the batch that this one repeats. */
  repeated(batch: ProducerBatch): number | undefined {
    const known = this.#producers.get(batch.producerId)
    if (known === undefined || known.epoch !== batch.producerEpoch) return undefined
    const last = lastSequence(batch)
    return known.batches
      .slice(-REMEMBERED)
      .find((b) => b.baseSequence === batch.baseSequence && b.lastSequence === last)?.baseOffset
  }

  /** Whether nothing came of a producer after the batch at an offset. */
  isLast(producerId: bigint, baseOffset: number): boolean {
    return this.#producers.get(producerId)?.batches.at(-1)?.baseOffset === baseOffset
  }

  /** Forgets producers that have been silent since then. */
  expire(before: number): void {
    for (const [id, { batches }] of this.#producers) if (batches.at(-1)!.timestamp < before) this.#producers.delete(id)
  }

  /** Remembers a batch that was given an offset, `now` in ms since the epoch. */
  note(batch: ProducerBatch, baseOffset: number, now: number): Undo {
    const { producerId, producerEpoch: epoch, baseSequence } = batch
    const before = this.#producers.get(producerId)
    const earlier = before?.epoch === epoch ? before.batches.slice(1 - KEPT) : []
    // Deleted first, so that the map's order is the order of last use.
    this.#producers.delete(producerId)
    const latest = { baseSequence, lastSequence: lastSequence(batch), baseOffset, timestamp: now }
    this.#producers.set(producerId, { epoch, batches: [...earlier, latest] })
    this.#forgetOldest()
    return () => {
      if (before === undefined) this.#producers.delete(producerId)
      else this.#producers.set(producerId, before)
    }
  }

  /** What is known of batches below an offset, as plain data for the index file of a segment. */
  snapshot(below: number): ProducerSnapshot {
    return [...this.#producers].flatMap(([id, { epoch, batches }]) => {
      const durable = batches.filter(({ baseOffset }) => baseOffset < below).slice(-REMEMBERED)
      return durable.length === 0 ? [] : [[String(id), epoch, durable] as const]
    })
  }

  active(below = Infinity): ActiveProducer[] {
    return this.snapshot(below).map(([id, producerEpoch, batches]) => {
      const { lastSequence, timestamp } = batches.at(-1)!
      return { producerId: BigInt(id), producerEpoch, lastSequence, lastTimestamp: timestamp }
    })
  }

  restore(snapshot: ProducerSnapshot): void {
    this.#producers = new Map(snapshot.map(([id, epoch, batches]) => [BigInt(id), { epoch, batches }]))
  }

  #forgetOldest(): void {
    if (this.#producers.size <= MOST_PRODUCERS) return
    const oldest = this.#producers.keys().next()
    if (!oldest.done) this.#producers.delete(oldest.value)
  }
}

export type ProducerSnapshot = readonly (readonly [id: string, epoch: number, batches: readonly Remembered[]])[]

function lastSequence({ baseSequence, recordCount }: ProducerBatch): number {
  return (baseSequence + recordCount - 1) % SEQUENCES
}
