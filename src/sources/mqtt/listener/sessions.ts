import type { Clock } from '../../../system/clock.ts'
import { Outbox } from './outbox.ts'
import type { OutboxLimits, Recipient } from './outbox.ts'
import { PacketIds } from './packet-ids.ts'
import type { Subscriptions, Wish } from './subscriptions.ts'

/** The connection that a session has at the moment. */
export interface Attachment extends Recipient {
  /** Another connection has come for the same session [MQTT-3.1.4-3]. */
  takenOver(): void
  /** The log refused what the session sent. */
  refused(error: Error): void
  /** It does not take its messages in. */
  tooSlow(): void
  /** Ends at once, and what lies in buffers is thrown away. */
  abort(): void
}

/** What is kept for a client beyond its connection: in memory, for as long as the process lives. */
export class Session {
  readonly key: string
  attachment: Attachment | undefined
  /** How long it is kept without a connection, ms. */
  expiryMs = 0
  /** Monotonic ms at which it ends while nobody is attached. */
  endsAt = Infinity
  readonly #limits: OutboxLimits
  // Most devices only publish at QoS 1: what they do not use is not there.
  #received: PacketIds | undefined
  #wishes: Map<string, Wish> | undefined
  #outbox: Outbox | undefined

  constructor(key: string, limits: OutboxLimits) {
    this.key = key
    this.#limits = limits
  }

  /** QoS 2 messages that were handed over and not yet released: the same id again is the same message. */
  get received(): PacketIds {
    this.#received ??= new PacketIds()
    return this.#received
  }

  get wishes(): Map<string, Wish> {
    this.#wishes ??= new Map()
    return this.#wishes
  }

  get outbox(): Outbox {
    this.#outbox ??= new Outbox(this.#limits)
    return this.#outbox
  }

  /** As the client named itself, or was named. */
  get clientId(): string {
    return this.key.slice(this.key.indexOf('\0') + 1)
  }

  /** Its filters, without making room for them. */
  filters(): Iterable<string> {
    return this.#wishes?.keys() ?? []
  }

  /** The outbox, where there is one. */
  get started(): Outbox | undefined {
    return this.#outbox
  }
}

export interface SessionLimits extends OutboxLimits {
  /** Sessions without a connection; above this the one that waits longest ends. */
  readonly away: number
}

/** All sessions of a listener. */
export class Sessions {
  readonly #byKey = new Map<string, Session>()
  /** Those without a connection, in the order in which they lost it. */
  readonly #away = new Set<Session>()
  readonly #subscriptions: Subscriptions<Session>
  readonly #limits: SessionLimits
  readonly #clock: Clock

  constructor(subscriptions: Subscriptions<Session>, limits: SessionLimits, clock: Clock) {
    this.#subscriptions = subscriptions
    this.#limits = limits
    this.#clock = clock
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Those with a connection. */
  get attached(): number {
    return this.#byKey.size - this.#away.size
  }

  /**
   * The session of a client that connects: the one it had, unless it wants a clean one. A connection that it still
   * has is taken over.
   */
  open(key: string, clean: boolean, attachment: Attachment): { session: Session; present: boolean } {
    const known = this.#byKey.get(key)
    const old = known?.attachment
    if (known !== undefined) {
      known.attachment = undefined
      known.started?.lost()
      old?.takenOver()
    }
    const ended = known !== undefined && (clean || (old !== undefined && known.expiryMs === 0))
    if (known !== undefined && ended) this.end(known)
    const present = known !== undefined && !ended
    const session = present ? known : new Session(key, this.#limits)
    this.#byKey.set(key, session)
    this.#away.delete(session)
    session.attachment = attachment
    session.endsAt = Infinity
    return { session, present }
  }

  /** The connection of a session is gone; nothing happens where another one has taken over. */
  leave(session: Session, attachment: Attachment): void {
    if (session.attachment !== attachment) return
    session.attachment = undefined
    session.started?.lost()
    if (session.expiryMs === 0) {
      this.end(session)
      return
    }
    session.endsAt = this.#clock.monotonic() + session.expiryMs
    this.#away.add(session)
    if (this.#away.size > this.#limits.away) this.end(this.#away.values().next().value!)
  }

  /** Forgets a session and its subscriptions. */
  end(session: Session): void {
    for (const filter of session.filters()) this.#subscriptions.remove(session, filter)
    this.#away.delete(session)
    if (this.#byKey.get(session.key) === session) this.#byKey.delete(session.key)
  }

  /** Ends the sessions whose time is over. To be called now and then. */
  expire(): void {
    const now = this.#clock.monotonic()
    for (const session of this.#away) {
      if (session.endsAt <= now) this.end(session)
    }
  }
}
