import type { Clock } from './clock.ts'

/** How long after the start what loading has left behind is collected. */
const LOADED_MS = 10_000

/** Heaps beyond this, in bytes, are at work: V8 looks after them, and to collect all at once would hold up the thread. */
const MOST_BYTES = 128 * 1024 * 1024

/**
 * Collects once what loading its program has left behind in this thread: 30 MB in a hub, which V8 would keep, because an idle
 * thread makes too little garbage for it ever to look. Only where the process was started with `--expose-gc`.
 */
export function collectLoading(clock: Pick<Clock, 'after'>): void {
  const { gc } = globalThis
  if (gc === undefined) return
  clock.after(LOADED_MS, () => {
    // The last resort of V8 gives freed pages back to the system at once; the others keep them.
    if (process.memoryUsage().heapUsed < MOST_BYTES) gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  })
}
