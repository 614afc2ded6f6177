import { terminal } from './terminal.ts'

/** How long a clean end may take before the program ends anyway. */
const CLOSING_MS = 20_000

interface Running {
  /** Rejects when it cannot go on; absent: it always can. */
  readonly ended?: Promise<never>
  close(): Promise<void>
}

/**
 * Waits for Ctrl-C (or SIGTERM), then closes cleanly; a second Ctrl-C ends at once.
 * @throws what made it end by itself
 */
export async function untilEnded(...running: readonly Running[]): Promise<void> {
  try {
    await Promise.race([signalled(), ...running.flatMap((one) => one.ended ?? [])])
  } finally {
    const limit = setTimeout(() => {
      terminal.err(`Cannot end cleanly within ${CLOSING_MS / 1000} s: ending anyway`)
      process.exit(1)
    }, CLOSING_MS)
    process.once('SIGINT', () => process.exit(130))
    for (const one of [...running].reverse()) await one.close()
    clearTimeout(limit)
  }
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}
