import type { Clock } from '../system/clock.ts'
import type { AssetQuery } from './hub-port.ts'

export interface PageBounds {
  readonly clock: Clock
  readonly paths: (query: AssetQuery) => readonly string[]
  /** Monotonic time at which a page ends early. */
  readonly untilMs: number
  readonly signal: AbortSignal
}

/** Assets that are asked for at a time. */
const LOT = 16

/**
 * A page of rows that have to be waited for, in order of their paths; an asset without a row is left out. It ends when it is
 * full or its time is up, and `next` says where the next one goes on.
 */
export async function pastPage<T>(
  { under, after, limit }: AssetQuery,
  rowOf: (path: string) => Promise<T | undefined>,
  { clock, paths, untilMs, signal }: PageBounds,
): Promise<{ readonly rows: readonly T[]; readonly next?: string }> {
  const rows: T[] = []
  let at = after
  do {
    signal.throwIfAborted()
    const lot = paths({ limit: LOT, ...(under !== undefined && { under }), ...(at !== undefined && { after: at }) })
    const found = await Promise.all(lot.map(rowOf))
    for (const [index, row] of found.entries()) {
      at = lot[index]!
      if (row !== undefined && rows.push(row) === limit) return { rows, next: at }
    }
    if (lot.length < LOT) return { rows }
  } while (clock.monotonic() < untilMs)
  return { rows, ...(at !== undefined && { next: at }) }
}
