import type { ConsumedBatch, ConsumeOptions, GroupOptions, Membership, GroupDescription } from '../../src/log/groups.ts'
import type {
  Appended,
  Log,
  LogState,
  NewRecord,
  PartitionEnds,
  Position,
  ReadBatch,
  ReadOptions,
  TopicDescription,
  TopicSpec,
} from '../../src/log/log.ts'
import type { Random } from '../../src/system/random.ts'

export interface Faults {
  /** At which call, counted from 1, the process dies; Infinity: it lives. */
  readonly dieAt: number
  /** Breaks a promise on purpose: answers before the records are stored, and may never store them. */
  readonly acknowledgesEarly?: boolean
  /** Breaks another one: forgets where records came from. */
  readonly forgetsOrigins?: boolean
}

/**
 * A log as a process sees it that dies at one of its calls: what the call was to do has happened or has not, as chance
 * has it, and no call is ever answered again.
 */
export class CrashingLog implements Log {
  readonly #log: Log
  readonly #random: Random
  readonly #faults: Faults
  readonly #died = Promise.withResolvers<void>()
  readonly #buffer: (() => Promise<unknown>)[] = []
  /** By topic: the last append has begun. */
  readonly #appending = new Map<string, Promise<void>>()
  #calls = 0
  #dead = false

  constructor(log: Log, random: Random, faults: Faults) {
    this.#log = log
    this.#random = random
    this.#faults = faults
  }

  get died(): Promise<void> {
    return this.#died.promise
  }

  get calls(): number {
    return this.#calls
  }

  /** The process has ended otherwise: what it has not handed over by now it never will. */
  die(): void {
    this.#dead = true
  }

  async append(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    // What is handed over is copied before the call returns, as the contract says.
    const given = this.#faults.forgetsOrigins ? records.map(withoutOrigin) : [...records]
    if (this.#faults.acknowledgesEarly && topic.endsWith('.telemetry')) {
      // It waits in a buffer that dies with the process.
      this.#buffer.push(() => this.#log.append(topic, given))
      if (this.#buffer.length > 3) await this.#call(this.#buffer.shift()!)
      return []
    }
    // What one caller appends to a topic lies there in the order of the calls, also where none has waited for another.
    const before = this.#appending.get(topic)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#appending.set(topic, promise)
    await before
    return this.#call(() => {
      resolve()
      return this.#log.append(topic, given)
    })
  }

  ensure(topics: readonly TopicSpec[]): Promise<void> {
    return this.#call(() => this.#log.ensure(topics))
  }

  ready(): Promise<void> {
    return this.#call(() => this.#log.ready())
  }

  ends(topic: string): Promise<readonly PartitionEnds[]> {
    return this.#call(() => this.#log.ends(topic))
  }

  offsetsAt(topic: string, time: number): Promise<readonly Position[]> {
    return this.#call(() => this.#log.offsetsAt(topic, time))
  }

  async *read(positions: readonly Position[], options: ReadOptions): AsyncGenerator<ReadBatch> {
    for await (const batch of this.#log.read(positions, options)) {
      await this.#call(async () => {})
      yield batch
    }
  }

  join(options: GroupOptions): Membership {
    return this.#log.join(options)
  }

  consume(options: ConsumeOptions): AsyncIterable<ConsumedBatch> {
    return this.#log.consume(options)
  }

  committed(group: string, topics: readonly string[]): Promise<readonly Position[]> {
    return this.#log.committed(group, topics)
  }

  groups(): Promise<readonly GroupDescription[]> {
    return this.#log.groups()
  }

  topics(): Promise<readonly TopicDescription[]> {
    return this.#call(() => this.#log.topics())
  }

  state(): LogState {
    return this.#log.state()
  }

  async close(): Promise<void> {}

  async #call<T>(work: () => Promise<T>): Promise<T> {
    this.#calls += 1
    if (!this.#dead && this.#calls === this.#faults.dieAt) {
      this.#dead = true
      if (this.#random.next() < 0.5) await work().catch(() => {})
      this.#died.resolve()
    }
    // A turn of the event loop, or several: calls end in any order.
    for (let turns = this.#random.integer(3); turns > 0; turns--) await new Promise((next) => setImmediate(next))
    if (this.#dead) return new Promise<T>(() => {})
    return work()
  }
}

function withoutOrigin(record: NewRecord): NewRecord {
  return { ...record, headers: (record.headers ?? []).filter(([name]) => name !== 'origin') }
}
