/** The long polls of one partition: each waits until the durable end passes an offset. */
export class Waiters {
  readonly #waiting = new Set<Waiter>()

  /** Resolves with `wake` beyond `offset`, or with the abort; keeps nothing of either afterwards. */
  wait(offset: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const waiter: Waiter = {
        offset,
        wake: () => {
          this.#waiting.delete(waiter)
          signal.removeEventListener('abort', waiter.wake)
          resolve()
        },
      }
      this.#waiting.add(waiter)
      signal.addEventListener('abort', waiter.wake)
    })
  }

  /** Ends every wait for an offset below `durableOffset`. */
  wake(durableOffset: number): void {
    for (const waiter of this.#waiting) if (waiter.offset < durableOffset) waiter.wake()
  }
}

interface Waiter {
  readonly offset: number
  readonly wake: () => void
}
