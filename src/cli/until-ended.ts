import { terminal } from './terminal.ts'

/** How long a clean end may take before the program ends anyway. */
const CLOSING_MS = 20_000

/** Signals this close to the first are the same wish: npm hands on a Ctrl-C that the terminal has sent already. */
const SAME_WISH_MS = 300

interface Running {
  /** Rejects when it cannot go on; absent: it always can. */
  readonly ended?: Promise<never>
  close(): Promise<void>
}

/**
 * Heeds Ctrl-C and SIGTERM from now on, so also while something starts: the first resolves it, a second ends the program
 * at once.
 */
export function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    const ask = (exitCode: number) => () => {
      askedAt ??= performance.now()
      if (performance.now() - askedAt > SAME_WISH_MS) process.exit(exitCode)
      endAnyway()
      resolve()
    }
    process.on('SIGINT', ask(130))
    process.on('SIGTERM', ask(143))
  })
}

/**
 * Waits until it is asked to end, then closes cleanly.
 * @throws what made it end by itself
 */
export async function untilEnded(asked: Promise<void>, running: Running): Promise<void> {
  try {
    await Promise.race([asked, ...(running.ended ? [running.ended] : [])])
  } finally {
    endAnyway()
    await running.close()
  }
}

/** Whatever hangs, in the start or in the end, ends when its time is over. */
function endAnyway(): void {
  const over = setTimeout(() => {
    terminal.err(`Cannot end cleanly within ${CLOSING_MS / 1000} s: ending anyway`)
    process.exit(1)
  }, CLOSING_MS)
  over.unref()
}
