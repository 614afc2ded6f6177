import type { Limits } from './limits.ts'

/** A connection that holds no more than this is always read, so that small requests get through whatever others do. */
const SMALL = 128 * 1024

/** An answer to a fetch may always have this many bytes. */
const SMALL_ANSWER = 64 * 1024

/**
 * What all connections hold together: bytes of requests that are arriving or being stored, and bytes of answers that
 * clients have not taken. Over the bound of the first, connections with much are not read; over that of the second,
 * answers get short. Nothing is dropped.
 */
export class Memory {
  readonly #limits: Pick<Limits, 'maxRequestsBytes' | 'maxUnsentBytes'>
  readonly #waiting = new Set<() => void>()
  #requests = 0
  #unsent = 0

  constructor(limits: Pick<Limits, 'maxRequestsBytes' | 'maxUnsentBytes'>) {
    this.#limits = limits
  }

  /** Bytes of requests came or are done with. */
  changeRequests(by: number): void {
    this.#requests += by
    if (by > 0 || this.#waiting.size === 0 || this.#full()) return
    const woken = [...this.#waiting]
    this.#waiting.clear()
    for (const goOn of woken) goOn()
  }

  /** Whether a connection that holds `own` bytes may read more; if not, `goOn` is called when it should ask again. */
  mayRead(own: number, goOn: () => void): boolean {
    if (own <= SMALL || !this.#full()) return true
    this.#waiting.add(goOn)
    return false
  }

  /** A connection has closed: nobody is to be woken. */
  forget(goOn: () => void): void {
    this.#waiting.delete(goOn)
  }

  /** Bytes of answers were handed to sockets, or taken by clients. */
  changeUnsent(by: number): void {
    this.#unsent += by
  }

  /** Most bytes that an answer may have now. */
  answerBytes(): number {
    return Math.max(SMALL_ANSWER, this.#limits.maxUnsentBytes - this.#unsent)
  }

  #full(): boolean {
    return this.#requests > this.#limits.maxRequestsBytes
  }
}
