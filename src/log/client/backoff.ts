import type { Random } from '../../system/random.ts'

const FIRST_MS = 50
const LONGEST_MS = 1_000

/** How long to wait before try `attempt` (1, 2, ...): doubling up to 1 s, jittered by half so that clients spread. */
export function backoffMs(attempt: number, random: Random): number {
  const ms = Math.min(FIRST_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_MS)
  return ms * (0.5 + random.next() / 2)
}
