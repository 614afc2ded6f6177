/** A position of a plan. */
export interface Planned {
  readonly position: number
  readonly order: string
  readonly variant?: string
}

/** What a checkpoint has seen. */
export interface Seen {
  readonly order: string
  readonly variant?: string
  readonly time: number
}

/**
 * - `right`: in its place. `swap`: in the place of another that came soon after. `late`: its place had been left empty.
 * - `wrong-variant`: in its place, but not what was planned. `extra`: no plan has it, or it was there already.
 */
export type Fit = 'right' | 'swap' | 'late' | 'wrong-variant' | 'extra'

/** What came, at a column of the plan; several at one column: what has no place of its own lies beside the one before. */
export interface Came extends Seen {
  readonly column: number
  readonly fit: Fit
}

/** Two tracks over the same columns: what was planned, and what came. */
export interface Tracks {
  readonly planned: readonly Planned[]
  readonly came: readonly Came[]
  /** Columns that were passed over: what was planned there has not come yet, or comes late. */
  readonly missing: ReadonlySet<number>
  /** The column that comes next. */
  readonly next: number
}

/** How many positions behind its place a part may come and still count as swapped; as in the processor. */
const SWAP_WITHIN = 3

/**
 * Lays what has come, oldest first, beside the plan. A part that comes before others takes the next column where they come
 * soon after it (they were swapped); else their columns stay empty (they are missing).
 */
export function alignTracks(planned: readonly Planned[], seen: readonly Seen[]): Tracks {
  const column = new Map(planned.map(({ order }, index) => [order, index]))
  const came: Came[] = []
  const missing = new Set<number>()
  const known = new Set<string>()
  let begin: number | undefined
  let next = 0
  seen.forEach((one, at) => {
    const own = column.get(one.order)
    if (own === undefined || known.has(one.order)) {
      if (begin !== undefined) came.push({ ...one, column: next - 1, fit: 'extra' })
      return
    }
    known.add(one.order)
    next = begin === undefined ? own : next
    begin ??= own
    // Before the first that was seen nothing is known to be missing; what comes now comes behind others all the same.
    if (missing.has(own) || own < begin) {
      missing.delete(own)
      came.push({ ...one, column: next - 1, fit: 'late' })
      return
    }
    const soon = new Set(seen.slice(at + 1, at + 1 + SWAP_WITHIN).map(({ order }) => order))
    while (next < own && !known.has(planned[next]!.order) && !soon.has(planned[next]!.order)) missing.add(next++)
    const isWrong =
      one.variant !== undefined && planned[own]!.variant !== undefined && one.variant !== planned[own]!.variant
    came.push({ ...one, column: next, fit: isWrong ? 'wrong-variant' : next === own ? 'right' : 'swap' })
    next += 1
  })
  return { planned, came, missing, next }
}
