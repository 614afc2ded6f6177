import { ApiError } from '../errors.ts'
import type { Element } from './element-ids.ts'
import type { CurrentValue } from './values.ts'

/** A change on its way to a client. */
export interface Update extends Omit<CurrentValue, 'isComposition'> {
  readonly elementId: string
}

/** Changes that were handed out together and are not acknowledged yet. */
export interface Batch {
  readonly sequenceNumber: number
  readonly updates: readonly Update[]
}

/** An object that a subscription looks at. */
export interface Monitored {
  readonly element: Element
  readonly maxDepth: number
  /** What of it was queued last: the same again is no news. */
  told: string
}

/** Where changes go at once, in place of the queue. */
export interface Stream {
  /** False where its reader has not taken what it got before. */
  readonly isReady: boolean
  send(updates: readonly Update[], dropped: number): void
  end(): void
}

export interface SubscriptionOptions {
  readonly id: string
  readonly clientId: string
  /** Who made it, by name; undefined where nobody is asked for a token. */
  readonly caller: string | undefined
  readonly displayName: string
  /** Values that may wait in it. */
  readonly queuedValues: number
}

interface Waiting {
  readonly update: Update
  readonly weight: number
  /** Of the batch that it was handed out in; undefined: it was not yet. */
  number: number | undefined
}

/** So much that is gone may lie before the first that waits. */
const GONE = 1_024

/**
 * A subscription of i3X 1.0 ("Subscribe Methods"): the changes that a client has not acknowledged, in order, bounded: the
 * oldest go first, and the client is told (206, and a gap in the numbers).
 */
export class Subscription {
  readonly monitored = new Map<string, Monitored>()
  readonly #options: SubscriptionOptions
  /** In order; those before `#head` are gone. */
  #queue: Waiting[] = []
  #head = 0
  #weight = 0
  #lastNumber = 0
  /** Dropped before they had a number: the next number leaves room for them. */
  #unnumbered = 0
  /** Dropped since a stream was last told. */
  #untold = 0
  /** The client has to acknowledge this number to have heard that something was dropped; undefined: nothing was. */
  #lossUpTo: number | undefined
  #stream: Stream | undefined
  /** Monotonic ms of the last sync, or of the end of a stream. */
  touchedAt: number

  constructor(options: SubscriptionOptions, now: number) {
    this.#options = options
    this.touchedAt = now
  }

  get id(): string {
    return this.#options.id
  }

  get displayName(): string {
    return this.#options.displayName
  }

  get isStreamed(): boolean {
    return this.#stream !== undefined
  }

  belongsTo(caller: string | undefined, clientId: string): boolean {
    return this.#options.clientId === clientId && this.#options.caller === caller
  }

  /** Adds a change. `weight`: how many values are in it. */
  queue(update: Update, weight: number): void {
    this.#queue.push({ update, weight, number: undefined })
    this.#weight += weight
    while (this.#weight > this.#options.queuedValues && this.#length > 1) this.#dropOldest()
  }

  /**
   * Everything that is not acknowledged, after what `last` acknowledges (-1: all there is) is gone. `isPartial`: changes
   * were dropped, and the client has not acknowledged an answer that said so.
   * @throws ApiError `BAD_REQUEST`, with nothing acknowledged: a stream is open, or no such number was ever given
   */
  sync(last: number | undefined): { readonly batches: readonly Batch[]; readonly isPartial: boolean } {
    this.#refuse(last)
    if (last === -1) this.#clear()
    else if (last !== undefined) this.#acknowledge(last)
    this.#number()
    const isPartial = this.#lossUpTo !== undefined
    if (isPartial) this.#lossUpTo = this.#lastNumber
    return { batches: batchesOf(this.#queue.slice(this.#head)), isPartial }
  }

  /** Sends what waits, and from now on every change, at most once; a stream that was open before ends. */
  attach(stream: Stream): void {
    this.#stream?.end()
    this.#stream = stream
    this.flush()
  }

  /** The stream is over; not where another one has taken its place. */
  detach(stream: Stream, now: number): void {
    if (this.#stream !== stream) return
    this.#stream = undefined
    this.touchedAt = now
  }

  endStream(): void {
    this.#stream?.end()
  }

  /** Hands what waits to the open stream, where that takes it. */
  flush(): void {
    if (this.#stream === undefined || this.#length === 0 || !this.#stream.isReady) return
    const updates = this.#queue.slice(this.#head).map(({ update }) => update)
    this.#stream.send(updates, this.#untold)
    this.#clear()
  }

  get #length(): number {
    return this.#queue.length - this.#head
  }

  #refuse(last: number | undefined): void {
    if (this.#stream !== undefined) {
      throw new ApiError(
        400,
        'BAD_REQUEST',
        'Cannot sync this subscription: its stream is open, want that closed first',
      )
    }
    if (last === undefined || last <= this.#lastNumber) return
    const message = `Cannot acknowledge ${last}: the newest number given is ${this.#lastNumber}, want that or a lower one`
    throw new ApiError(400, 'BAD_REQUEST', message)
  }

  #acknowledge(last: number): void {
    while (this.#length > 0 && (this.#queue[this.#head]!.number ?? Infinity) <= last) this.#removeOldest()
    if (this.#lossUpTo !== undefined && last >= this.#lossUpTo) this.#lossUpTo = undefined
  }

  #clear(): void {
    this.#queue = []
    this.#head = 0
    this.#weight = 0
    this.#unnumbered = 0
    this.#untold = 0
    this.#lossUpTo = undefined
  }

  /** What was not handed out yet gets the next number; numbers of what was dropped before it had one stay free. */
  #number(): void {
    if (this.#length === 0 || this.#queue.at(-1)!.number !== undefined) return
    this.#lastNumber += 1 + this.#unnumbered
    this.#unnumbered = 0
    for (let at = this.#queue.length - 1; at >= this.#head; at -= 1) {
      const waiting = this.#queue[at]!
      if (waiting.number !== undefined) return
      waiting.number = this.#lastNumber
    }
  }

  #dropOldest(): void {
    if (this.#removeOldest().number === undefined) this.#unnumbered += 1
    this.#untold += 1
    this.#lossUpTo = Infinity
  }

  #removeOldest(): Waiting {
    const oldest = this.#queue[this.#head]!
    this.#head += 1
    this.#weight -= oldest.weight
    if (this.#head >= GONE && 2 * this.#head > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return oldest
  }
}

function batchesOf(queue: readonly Waiting[]): Batch[] {
  const batches = new Map<number, Update[]>()
  for (const { number, update } of queue) {
    const updates = batches.get(number!)
    if (updates === undefined) batches.set(number!, [update])
    else updates.push(update)
  }
  return [...batches].map(([sequenceNumber, updates]) => ({ sequenceNumber, updates }))
}
