import { publishPacket } from './answers.ts'
import type { Message } from './answers.ts'

/** The connection of a subscriber, as its outbox sees it. */
export interface Recipient {
  readonly level: number
  /** Most unacknowledged QoS 1 messages it takes (MQTT 5, 3.1.2.11.3). */
  readonly window: number
  /** Packets above this are not sent [MQTT-3.1.2-25]. */
  readonly largestOutgoing: number
  /** Whether it takes bytes in as fast as they come. */
  readonly keepsUp: boolean
  send(bytes: Buffer): void
}

/** What became of a message: `slow` was dropped (QoS 0), `overflow` says that the subscriber must go (QoS 1). */
export type Outcome = 'sent' | 'queued' | 'slow' | 'expired' | 'overflow'

/** The subscriber has acknowledged with this reason; undefined: its connection ended before it did. */
export type Acknowledged = (reason: number | undefined) => void

export interface OutboxLimits {
  readonly messages: number
  readonly bytes: number
}

/** The name by which messages to a subscriber that does not keep up are counted. */
export const SLOW_SUBSCRIBER = 'slow-subscriber'

/**
 * Messages on their way to one subscriber: QoS 0 as long as it keeps up, QoS 1 through a window of packet ids and a
 * bounded queue, in order [MQTT-4.6.0-6].
 */
export class Outbox {
  readonly #limits: OutboxLimits
  /** Sent and not acknowledged, by packet id, in the order in which they were sent. */
  readonly #inFlight = new Map<number, Message>()
  /** Commands that were sent and not acknowledged, by packet id: they end with their connection. */
  #orders: Map<number, Acknowledged> | undefined
  #queue: Message[] = []
  /** First message of the queue that still waits. */
  #head = 0
  #bytes = 0
  #lastId = 0

  constructor(limits: OutboxLimits) {
    this.#limits = limits
  }

  /** `recipient` is undefined while the subscriber is away. */
  deliver(message: Message, qos: number, recipient: Recipient | undefined, now: number): Outcome {
    if (message.expiresAt <= now) return 'expired'
    if (qos === 0) return sendOnce(message, recipient, now)
    if (recipient !== undefined && this.#waiting === 0 && this.#mayGo(recipient)) {
      this.#send(message, recipient, now)
      return 'sent'
    }
    if (this.#waiting >= this.#limits.messages || this.#bytes + sizeOf(message) > this.#limits.bytes) return 'overflow'
    this.#queue.push(message)
    this.#bytes += sizeOf(message)
    return 'queued'
  }

  /**
   * Sends a command on this connection and on no other: it never waits, and it is not sent again. False: nothing was sent,
   * because the subscriber is behind.
   */
  order(message: Message, qos: number, recipient: Recipient, now: number, acknowledged: Acknowledged): boolean {
    if (this.#waiting > 0 || !this.#mayGo(recipient)) return false
    const id = qos === 0 ? 0 : this.#freeId()
    const bytes = publishPacket(message, { level: recipient.level, qos, id, again: false, now })
    if (bytes.length > recipient.largestOutgoing) return false
    if (qos > 0) (this.#orders ??= new Map()).set(id, acknowledged)
    recipient.send(bytes)
    return true
  }

  /** The subscriber has acknowledged an id; one that is not known is ignored. */
  acknowledged(id: number, reason: number, recipient: Recipient, now: number): void {
    const order = this.#orders?.get(id)
    if (order !== undefined) {
      this.#orders!.delete(id)
      order(reason)
    } else if (!this.#inFlight.delete(id)) return
    this.pump(recipient, now)
  }

  /** The connection is gone: whether its commands arrived nobody knows. */
  lost(): void {
    const orders = this.#orders
    this.#orders = undefined
    for (const order of orders?.values() ?? []) order(undefined)
  }

  /** After a reconnect: what was in flight goes again first, in its order [MQTT-4.4.0-1]. */
  resume(recipient: Recipient, now: number): void {
    for (const [id, message] of this.#inFlight) {
      recipient.send(publishPacket(message, { level: recipient.level, qos: 1, id, again: true, now }))
    }
    this.pump(recipient, now)
  }

  /** Sends what waits, as far as the window and the socket have room. */
  pump(recipient: Recipient, now: number): void {
    while (this.#waiting > 0 && this.#mayGo(recipient)) {
      const message = this.#queue[this.#head]!
      this.#head++
      this.#bytes -= sizeOf(message)
      if (message.expiresAt > now) this.#send(message, recipient, now)
    }
    if (this.#head > 0 && this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
  }

  get #waiting(): number {
    return this.#queue.length - this.#head
  }

  #mayGo(recipient: Recipient): boolean {
    const unacknowledged = this.#inFlight.size + (this.#orders?.size ?? 0)
    return unacknowledged < recipient.window && recipient.keepsUp
  }

  #send(message: Message, recipient: Recipient, now: number): void {
    const id = this.#freeId()
    const bytes = publishPacket(message, { level: recipient.level, qos: 1, id, again: false, now })
    // As if it had been sent and acknowledged [MQTT-3.1.2-25].
    if (bytes.length > recipient.largestOutgoing) return
    this.#inFlight.set(id, message)
    recipient.send(bytes)
  }

  /** The window is below 65,535, so there always is one. */
  #freeId(): number {
    do this.#lastId = this.#lastId === 65_535 ? 1 : this.#lastId + 1
    while (this.#inFlight.has(this.#lastId) || this.#orders?.has(this.#lastId) === true)
    return this.#lastId
  }
}

function sendOnce(message: Message, recipient: Recipient | undefined, now: number): Outcome {
  // A subscriber that is away misses QoS 0 messages (MQTT 4.3.1).
  if (recipient === undefined) return 'sent'
  if (!recipient.keepsUp) return 'slow'
  const bytes = publishPacket(message, { level: recipient.level, qos: 0, id: 0, again: false, now })
  if (bytes.length <= recipient.largestOutgoing) recipient.send(bytes)
  return 'sent'
}

function sizeOf(message: Message): number {
  return message.topic.length + message.payload.length + message.properties.length
}
