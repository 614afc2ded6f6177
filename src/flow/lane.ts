import type { Batch, Dropped, Item } from '../component/source.ts'
import type { Book } from '../ledger/book.ts'
import type { LetGo } from '../ledger/gaps.ts'
import type { Log, NewRecord } from '../log/log.ts'
import { topicName } from '../model/path.ts'
import type { Reading } from '../model/reading.ts'
import { encodeRecord } from '../model/record.ts'
import type { Logger } from '../system/logger.ts'
import type { Gate } from './gate.ts'
import type { LearnedDefinitions } from './learned.ts'
import { byteLength, faulty, isTooLarge, RecordBuilder, refusedOf, tooLarge, type Refused } from './records.ts'

/** Items of one source that may be on their way to the log; beyond, the source is not asked for more. */
const MOST_IN_FLIGHT = 200_000

/** What a source is run under. */
export interface Permit {
  readonly book: Book
  /**
   * Whether it may append at this moment; asked once a batch. What may not is refused and never numbered: another hub
   * may be running the source already.
   */
  holds(): boolean
}

/** What all lanes share. */
export interface LaneParts {
  readonly log: Log
  readonly site: string
  readonly gate: Gate
  readonly definitions: LearnedDefinitions
  /** Whether the ledger audits raw topics of this kind. */
  readonly audits: (kind: string) => boolean
  readonly logger: Logger
}

/** A batch on its way: it is settled and acknowledged when nothing of it is pending, and never before those ahead. */
interface Flight {
  readonly batch: Batch
  readonly count: number
  pending: number
  stored: number
  quarantined: number
  letGo: LetGo[]
  error: Error | undefined
}

const NOTHING: LetGo[] = []

/**
 * The path of one source into the log, in order: numbers every item, makes its record, appends without waiting, and
 * acknowledges batch by batch in the order of hand-over once all of a batch is durable. Per batch there is one append a
 * topic; per item there is neither a promise nor a closure.
 */
export class Lane {
  readonly name: string
  readonly #parts: LaneParts
  readonly #book: Book
  readonly #permit: Permit
  readonly #records: RecordBuilder
  readonly #telemetry: string
  readonly #quarantine: string
  readonly #rawTopics = new Map<string, string | undefined>()
  #flights: Flight[] = []
  #first = 0
  #inFlight = 0
  #settledBatches = 0
  #waiters: (() => void)[] = []
  #closed = false

  constructor(name: string, permit: Permit, parts: LaneParts) {
    this.name = name
    this.#book = permit.book
    this.#permit = permit
    this.#parts = parts
    this.#records = new RecordBuilder(name, permit.book.epoch)
    this.#telemetry = topicName(parts.site, 'telemetry')
    this.#quarantine = topicName(parts.site, 'quarantine')
  }

  /** Takes a batch in. Whatever is in it, this does not throw: an item that cannot be stored is quarantined alone. */
  take(batch: Batch): void {
    const count = batch.items.length
    if (this.#closed) return refuse(batch, 'the source was stopped', this.#parts.logger)
    if (!this.#permit.holds()) return refuse(batch, 'the lease of the source is over', this.#parts.logger)
    const flight: Flight = { batch, count, pending: 1, stored: 0, quarantined: 0, letGo: NOTHING, error: undefined }
    this.#flights.push(flight)
    this.#inFlight += count
    const sorted = new Sorted()
    let seq = this.#book.handOver(count)
    for (const item of batch.items) this.#sort(item, seq++, flight, sorted)
    void this.#await(flight, this.#parts.definitions.publish())
    this.#append(flight, this.#telemetry, sorted.telemetry, 'stored')
    this.#append(flight, this.#quarantine, sorted.quarantine, 'quarantined')
    if (sorted.raw !== undefined) for (const [topic, lot] of sorted.raw) this.#append(flight, topic, lot, 'stored')
    this.#landed(flight)
  }

  /** Whether the source may be asked for more. */
  get hasRoom(): boolean {
    return this.#inFlight < MOST_IN_FLIGHT && !this.#book.crowded
  }

  /** Whether gaps must be written down before the source may be asked for more. */
  get isCrowded(): boolean {
    return this.#book.crowded
  }

  /** Resolves when another batch has been settled, or at once where none is in flight. */
  settled(): Promise<void> {
    if (this.isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  get isIdle(): boolean {
    return this.#first === this.#flights.length
  }

  /** Batches acknowledged or refused so far. */
  get settledBatches(): number {
    return this.#settledBatches
  }

  /** From now on batches are refused; those in flight are still acknowledged. */
  close(): void {
    this.#closed = true
  }

  #sort(item: Item, seq: number, flight: Flight, sorted: Sorted): void {
    switch (item.kind) {
      case 'reading':
        this.#sortReading(item.reading, seq, sorted)
        break
      case 'raw': {
        const topic = this.#rawTopic(item.topic)
        if (topic === undefined) {
          this.#refuse(unknownTopic(item.topic, item.key, item), seq, sorted)
        } else if (isTooLarge(item.key, item.payload)) {
          this.#refuse(tooLarge(item, byteLength(item.key) + item.payload.length), seq, sorted)
        } else {
          sorted.rawOf(topic).add(this.#records.raw(item, seq), seq)
        }
        break
      }
      case 'rejected':
        this.#refuse(refusedOf(item), seq, sorted)
        break
      case 'dropped':
        letGo(flight, dropped(item, seq))
        break
    }
  }

  #sortReading(given: Reading, seq: number, sorted: Sorted): void {
    try {
      const reading = this.#parts.gate.check(given)
      const text = encodeRecord(reading)
      if (isTooLarge(reading.asset, text)) {
        this.#refuse(tooLarge(reading, byteLength(reading.asset) + byteLength(text)), seq, sorted)
      } else {
        sorted.telemetry.add(this.#records.reading(reading, text, seq), seq)
      }
    } catch (error) {
      this.#refuse(faulty(given, error), seq, sorted)
    }
  }

  #refuse(refused: Refused, seq: number, sorted: Sorted): void {
    sorted.quarantine.add(this.#records.quarantined(refused, seq), seq)
  }

  #rawTopic(kind: string): string | undefined {
    const known = this.#rawTopics.get(kind)
    if (known !== undefined || this.#rawTopics.has(kind)) return known
    const topic = this.#parts.audits(kind) ? topicName(this.#parts.site, kind) : undefined
    if (this.#rawTopics.size < 1_000) this.#rawTopics.set(kind, topic)
    return topic
  }

  /** While an append is under way only the numbers are kept: the records of many batches would fill the memory. */
  #append(flight: Flight, topic: string, { records, seqs }: Lot, fate: 'stored' | 'quarantined'): void {
    if (records.length > 0) void this.#stored(flight, this.#parts.log.append(topic, records), seqs, fate)
  }

  async #stored(flight: Flight, append: Promise<unknown>, seqs: readonly number[], fate: 'stored' | 'quarantined') {
    flight.pending += 1
    try {
      await append
      flight[fate] += seqs.length
    } catch (error) {
      const why = (error as { code?: string }).code ?? String(error)
      for (const seq of seqs) letGo(flight, { seq, kind: 'not-stored', why })
      flight.error ??= error as Error
    }
    this.#landed(flight)
  }

  async #await(flight: Flight, definitions: Promise<void> | undefined) {
    if (definitions === undefined) return
    flight.pending += 1
    try {
      await definitions
    } catch (error) {
      flight.error ??= error as Error
    }
    this.#landed(flight)
  }

  #landed(flight: Flight): void {
    flight.pending -= 1
    if (flight.pending > 0 || this.#flights[this.#first] !== flight) return
    while (this.#first < this.#flights.length && this.#flights[this.#first]!.pending === 0) {
      this.#settle(this.#flights[this.#first++]!)
    }
    if (this.#first > 1_000 || this.isIdle) {
      this.#flights = this.#flights.slice(this.#first)
      this.#first = 0
    }
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #settle({ batch, count, stored, quarantined, letGo, error }: Flight): void {
    // Gaps are runs of numbers, so they are told in order; dropped and refused items came apart.
    letGo.sort((a, b) => a.seq - b.seq)
    this.#book.settle({ count, stored, quarantined, letGo })
    this.#settledBatches += 1
    this.#inFlight -= count
    try {
      if (error === undefined) batch.ack()
      else batch.fail(error)
    } catch (error) {
      this.#parts.logger.error('A source threw while it was told the fate of a batch', { source: this.name, error })
    }
  }
}

/** The records of one batch by where they go. */
class Sorted {
  readonly telemetry = new Lot()
  readonly quarantine = new Lot()
  raw: Map<string, Lot> | undefined
  #topic: string | undefined
  #lot = this.telemetry

  rawOf(topic: string): Lot {
    // Nearly always the topic of the item before.
    if (topic === this.#topic) return this.#lot
    this.raw ??= new Map()
    const lot = this.raw.get(topic) ?? new Lot()
    this.raw.set(topic, lot)
    this.#topic = topic
    this.#lot = lot
    return lot
  }
}

/** Records for one topic, and their numbers. */
class Lot {
  readonly records: NewRecord[] = []
  readonly seqs: number[] = []

  add(record: NewRecord, seq: number): void {
    this.records.push(record)
    this.seqs.push(seq)
  }
}

function letGo(flight: Flight, item: LetGo): void {
  if (flight.letGo === NOTHING) flight.letGo = [item]
  else flight.letGo.push(item)
}

function dropped({ policy, address, payload }: Dropped, seq: number): LetGo {
  return { seq, kind: 'dropped', why: policy, address, payload }
}

function unknownTopic(kind: string, key: string, item: { payload: Uint8Array; receivedTime: number }): Refused {
  const reason = `Cannot pass message to topic "${kind}": the ledger does not audit it, want a configured kind of raw topic`
  return { address: key, payload: item.payload, code: 'UNKNOWN_TOPIC', reason, receivedTime: item.receivedTime }
}

function refuse(batch: Batch, why: string, logger: Logger): void {
  try {
    batch.fail(new Error(`Cannot take batch: ${why}`))
  } catch (error) {
    logger.error('A source threw while it was told the fate of a batch', { error })
  }
}
