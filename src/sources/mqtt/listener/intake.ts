import type { Batch, Item } from '../../../component/source.ts'
import type { Corks } from './corks.ts'

/** A connection, as the intake sees it. */
export interface Sender {
  /** What it sent is durable: these acknowledgements may go out, in this order. Packed by `packAck`. */
  settle(acks: readonly number[]): void
  /** What it sent was refused by the log, with these acknowledgements never to go out. */
  abandon(acks: readonly number[], error: Error): void
  /** There is room again: go on with what was held back. */
  unblock(): void
  /** Stop reading: too much has been held back. */
  block(): void
}

/** What one sender sent within one tick. */
interface Run {
  readonly sender: Sender
  readonly acks: number[]
}

/** A tick's messages close at this size and wait to be pulled; senders are then held back. */
const MOST_BYTES = 1024 * 1024

/** Held-back chunks beyond this stop every sender at once, not only those that go on sending. */
const MOST_HELD_BYTES = 16 * 1024 * 1024

/** What an item costs besides its bytes. */
const ITEM_BYTES = 100

/**
 * Gathers what all connections send within one turn of the event loop into one batch, hands it over when it is pulled,
 * and brings the acknowledgements back. While nobody pulls, a batch grows to `MOST_BYTES` and then senders wait.
 */
export class Intake {
  readonly #corks: Corks
  #open = new Tick(this)
  /** The batch handed over last: what comes without items waits for it. */
  #last: Tick | undefined
  #outstanding = 0
  #scheduled = false
  #ripe = false
  #closed = false
  #heldBytes = 0
  #waiting: ((batch: Batch | undefined) => void) | undefined
  #idle: (() => void) | undefined
  /** When a message came last, wall time; undefined: never. */
  lastData: number | undefined
  /** The same on the monotonic clock. */
  lastDataAt = 0
  readonly #blocked = new Set<Sender>()
  readonly #everybody: () => Iterable<Sender>

  /** `everybody`: all senders, for the day too much is held back. */
  constructor(everybody: () => Iterable<Sender>, corks: Corks) {
    this.#everybody = everybody
    this.#corks = corks
  }

  /** Whether senders must hold back what they get. */
  get full(): boolean {
    return this.#open.bytes >= MOST_BYTES || this.#closed
  }

  get closed(): boolean {
    return this.#closed
  }

  /** The items of one message, of about `bytes` in memory, that came at this wall and this monotonic time. */
  add(items: readonly Item[], bytes: number, time: number, now: number): void {
    const tick = this.#open
    this.lastData = time
    this.lastDataAt = now
    for (const item of items) tick.items.push(item)
    tick.bytes += bytes + ITEM_BYTES
    if (!this.#scheduled) this.#schedule()
  }

  /** Where a sender puts the acknowledgements of what it sends in this tick. Ask again when `tick` has changed. */
  acksOf(sender: Sender): number[] {
    const acks: number[] = []
    this.#open.runs.push({ sender, acks })
    if (!this.#scheduled) this.#schedule()
    return acks
  }

  /** The tick that is open. */
  get tick(): object {
    return this.#open
  }

  /** Does something once everything that came so far is durable. */
  afterDurable(forward: () => void): void {
    this.#open.forwards.push(forward)
  }

  /** A sender waits, holding back `bytes` that came already. */
  blocked(sender: Sender, bytes: number): void {
    this.#blocked.add(sender)
    const before = this.#heldBytes
    this.#heldBytes += bytes
    if (before < MOST_HELD_BYTES && this.#heldBytes >= MOST_HELD_BYTES) {
      for (const other of this.#everybody()) other.block()
    }
  }

  /** A sender is gone. */
  forget(sender: Sender): void {
    this.#blocked.delete(sender)
  }

  released(bytes: number): void {
    this.#heldBytes -= bytes
  }

  /** The next batch: at once where one is ripe, else at the end of the turn that brings one; undefined once closed. */
  async next(): Promise<Batch | undefined> {
    if (this.#ripe || this.#closed) {
      const batch = this.#take()
      if (batch !== undefined || this.#closed) return batch
    }
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  /** Takes nothing more in; what is there can still be pulled. */
  close(): void {
    this.#closed = true
    this.#answer()
  }

  /** Resolves when every batch handed over has been acknowledged or refused. */
  async idle(): Promise<void> {
    if (this.#outstanding === 0) return
    await new Promise<void>((resolve) => {
      this.#idle = resolve
    })
  }

  /** A batch is back. */
  settled(tick: Tick, error: Error | undefined): void {
    this.#outstanding--
    this.#finish(tick, error)
    if (this.#outstanding === 0) this.#idle?.()
  }

  #schedule(): void {
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#ripe = true
      this.#answer()
    })
  }

  #answer(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    const batch = this.#take()
    if (batch === undefined && !this.#closed) return
    this.#waiting = undefined
    waiting(batch)
  }

  #take(): Batch | undefined {
    const tick = this.#open
    this.#ripe = false
    this.#open = new Tick(this)
    this.#unblock()
    if (tick.items.length === 0) {
      this.#attach(tick)
      return undefined
    }
    this.#outstanding++
    this.#last?.release()
    this.#last = tick
    return tick
  }

  /** Acknowledgements without items (a QoS 2 message sent again) follow what was handed over before them. */
  #attach(tick: Tick): void {
    const last = this.#last
    if (last === undefined || last.settled) {
      this.#finish(tick, undefined)
      return
    }
    last.runs.push(...tick.runs)
    last.forwards.push(...tick.forwards)
  }

  #finish(tick: Tick, error: Error | undefined): void {
    tick.settled = true
    for (const { sender, acks } of tick.runs) {
      if (error === undefined) sender.settle(acks)
      else sender.abandon(acks, error)
    }
    if (error !== undefined || tick.forwards.length === 0) return
    this.#corks.run(() => {
      for (const forward of tick.forwards) forward()
    })
  }

  #unblock(): void {
    for (const sender of this.#blocked) {
      if (this.full) return
      this.#blocked.delete(sender)
      sender.unblock()
    }
  }
}

/** One turn's messages of all connections. */
class Tick implements Batch {
  items: Item[] = []
  readonly runs: Run[] = []
  readonly forwards: (() => void)[] = []
  bytes = 0
  settled = false
  readonly #intake: Intake

  constructor(intake: Intake) {
    this.#intake = intake
  }

  /** Whoever asks for the next batch is done with the items; until the acknowledgement they only fill the memory. */
  release(): void {
    this.items = []
  }

  ack(): void {
    this.#intake.settled(this, undefined)
  }

  fail(error: Error): void {
    this.#intake.settled(this, error)
  }
}
