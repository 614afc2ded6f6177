import { systemClock } from '../src/system/clock.ts'

/** How long a test waits for anything at most: far longer than it takes on a busy machine, far less than CI waits. */
const WITHIN_MS = 60_000

export interface Patience {
  readonly everyMs?: number
  readonly withinMs?: number
  /** What there is instead, for the message; where the condition does not say it all. */
  readonly found?: () => unknown
}

/**
 * Looks again every few milliseconds: only for what tells nobody when it happens.
 * @throws after a minute, with the text of the condition
 */
export async function until(so: () => unknown, patience: Patience = {}): Promise<void> {
  const { everyMs = 5, withinMs = WITHIN_MS, found } = patience
  const began = systemClock.monotonic()
  while (!(await so())) {
    if (systemClock.monotonic() - began > withinMs) {
      const instead = found === undefined ? '' : `; found: ${JSON.stringify(found())}`
      throw new Error(`Waited ${withinMs} ms in vain for ${String(so)}${instead}`)
    }
    await systemClock.sleep(everyMs)
  }
}
