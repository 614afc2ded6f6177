/** What is asked for: from `start` to `end`; time runs backwards where the end is before the start. */
export interface Span {
  /** ms since the epoch. */
  readonly start: number
  readonly end: number
  /** Length of an interval; 0, or more than the whole span: one interval (OPC 10000-13 clause 5.4.2.2). */
  readonly everyMs: number
}

/** One interval: `early` to `late`, whichever way the request runs. */
export interface Interval {
  readonly early: number
  readonly late: number
}

/**
 * The intervals of a request, oldest first, counted from its start, so that the last one of the request may be shorter
 * (OPC 10000-13 clause 5.4.2.2). None where start and end are the same.
 */
export function* intervalsOf({ start, end, everyMs }: Span): Generator<Interval> {
  const range = Math.abs(end - start)
  const every = everyMs > 0 ? Math.min(everyMs, range) : range
  const count = intervalCount({ start, end, everyMs })
  for (let nth = 0; nth < count; nth++) {
    if (start < end) yield { early: start + nth * every, late: Math.min(start + (nth + 1) * every, end) }
    else yield { early: Math.max(start - (count - nth) * every, end), late: start - (count - nth - 1) * every }
  }
}

function intervalCount({ start, end, everyMs }: Span): number {
  const range = Math.abs(end - start)
  if (range === 0) return 0
  return everyMs > 0 && everyMs < range ? Math.ceil(range / everyMs) : 1
}
