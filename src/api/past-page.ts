import type { Clock } from '../system/clock.ts'
import type { AssetQuery } from './hub-port.ts'

export interface PageBounds {
  readonly clock: Clock
  readonly paths: (query: AssetQuery) => readonly string[]
  /** Monotonic time at which a page ends early. */
  readonly untilMs: number
  readonly signal: AbortSignal
}

/** How assets become rows. */
export interface PageRows<S, T> {
  /** Assets that may have a row. */
  readonly takes: (path: string) => boolean
  /** What has to be waited for, by path, in one go; an asset that has none has no row. */
  readonly states: (paths: readonly string[]) => Promise<ReadonlyMap<string, S>>
  /** Called once for each asset that the page comes to. Undefined: it has no row. */
  readonly row: (path: string, state: S) => T | undefined
}

/** Assets that are asked for at a time: at first, and the fewest and the most. */
const LOT = { first: 256, least: 16, most: 1_024 } as const
/** A lot that takes longer is followed by a smaller one, so that a page ends not long after its time is up. */
const LOT_MS = 1_000

/**
 * A page of rows that have to be waited for, in order of their paths. It ends when it is full or its time is up, and `next` says
 * where the next one goes on.
 */
export async function pastPage<S, T>(
  { under, after, limit }: AssetQuery,
  { takes, states, row: rowOf }: PageRows<S, T>,
  { clock, paths, untilMs, signal }: PageBounds,
): Promise<{ readonly rows: readonly T[]; readonly next?: string }> {
  const rows: T[] = []
  let at = after
  let size: number = LOT.first
  do {
    signal.throwIfAborted()
    const begin = clock.monotonic()
    // No more than the page has room for, nearly: of a lot some may have no row.
    const most = Math.min(size, Math.max(limit - rows.length, LOT.least))
    const lot = paths({ limit: most, ...(under !== undefined && { under }), ...(at !== undefined && { after: at }) })
    const found = await states(lot.filter(takes))
    for (const path of lot) {
      at = path
      const state = found.get(path)
      const row = state === undefined ? undefined : rowOf(path, state)
      if (row !== undefined && rows.push(row) === limit) return { rows, next: at }
    }
    if (lot.length < most) return { rows }
    const isQuick = clock.monotonic() - begin < LOT_MS
    size = isQuick ? Math.min(size * 2, LOT.most) : Math.max(size / 2, LOT.least)
  } while (clock.monotonic() < untilMs)
  return { rows, ...(at !== undefined && { next: at }) }
}
