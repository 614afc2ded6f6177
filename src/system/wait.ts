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
