import type { Clock } from './clock.ts'

/** Resolves when the signal aborts, or at once where it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Whether the work is done within this time, in ms; rejects as it does. It goes on when the wait for it is over. */
export async function within(ms: number, work: Promise<unknown>, clock: Pick<Clock, 'sleep'>): Promise<boolean> {
  const over = new AbortController()
  const late = clock.sleep(ms, over.signal).then(
    () => false,
    () => false,
  )
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    over.abort()
  }
}

/** The work, or undefined where the signal aborts first. Nothing is left on the signal, however often it is used so. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const stop = () => resolve(undefined)
  work.catch(() => {}) // of what nobody waits for any more nobody hears
  if (signal.aborted) return undefined
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * Work that is waited for again and again, each time for a while. A race would leave something behind on the work each
 * time, about 300 bytes for as long as it takes, which may be days.
 */
export class LongWork<T> {
  readonly result: Promise<T>
  #done = false
  #wake = () => {}

  constructor(result: Promise<T>) {
    this.result = result
    const settle = () => {
      this.#done = true
      this.#wake()
    }
    result.then(settle, settle)
  }

  /** Whether it is done, with a result or an error, within this time, in ms, and before the signal aborts. One waiter at a time. */
  async within(ms: number, clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Promise<boolean> {
    if (this.#done || signal.aborted) return this.#done
    const over = new AbortController()
    this.#wake = () => over.abort()
    signal.addEventListener('abort', this.#wake, { once: true })
    await clock.sleep(ms, over.signal).catch(() => {})
    signal.removeEventListener('abort', this.#wake)
    return this.#done
  }
}
