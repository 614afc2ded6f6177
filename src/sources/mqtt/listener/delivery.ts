import type { Clock } from '../../../system/clock.ts'
import type { Counter } from '../../../system/metrics.ts'
import type { Message } from './answers.ts'
import type { Session, Sessions } from './sessions.ts'
import type { Subscriptions } from './subscriptions.ts'

/** Brings durable messages to those who subscribed to their topic. */
export class Delivery {
  readonly #subscriptions: Subscriptions<Session>
  readonly #sessions: Sessions
  readonly #clock: Clock
  readonly #slow: Counter

  /** `slow` counts what a slow subscriber did not get. */
  constructor(subscriptions: Subscriptions<Session>, sessions: Sessions, clock: Clock, slow: Counter) {
    this.#subscriptions = subscriptions
    this.#sessions = sessions
    this.#clock = clock
    this.#slow = slow
  }

  /** Whether anybody wants the messages of a topic. */
  wanted(topic: string): boolean {
    return this.#subscriptions.size > 0 && this.#subscriptions.match(topic).size > 0
  }

  /**
   * Hands a message to all who want it, and answers how many; never back to the publisher where it asked for that. Without
   * a publisher it is the hub's own.
   */
  deliver(topic: string, message: Message, publisher?: Session): number {
    let count = 0
    const now = this.#clock.monotonic()
    for (const [session, wish] of this.#subscriptions.match(topic)) {
      if (wish.noLocal && session === publisher) continue
      count += 1
      const qos = Math.min(wish.qos, message.qos)
      const outcome = session.outbox.deliver(message, qos, session.attachment, now)
      if (outcome === 'slow') this.#slow.add()
      if (outcome === 'overflow') this.#overflow(session)
    }
    return count
  }

  /**
   * The queue is full: a connected subscriber is sent away and finds its session as it was; one that is away loses its
   * session, and is told so by "session present 0" when it comes back.
   */
  #overflow(session: Session): void {
    this.#slow.add()
    if (session.attachment === undefined) this.#sessions.end(session)
    else session.attachment.tooSlow()
  }
}
