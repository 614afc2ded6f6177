import type { RouteQuery } from './route.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A stretch of time: the last so long, which moves with the time, or from one moment to another. */
export type Span = { readonly lastMs: number } | { readonly from: number; readonly to: number }

export const LAST_SPANS = [
  { ms: 15 * 60_000, text: '15 min' },
  { ms: HOUR_MS, text: '1 hour' },
  { ms: 8 * HOUR_MS, text: '8 hours' },
  { ms: DAY_MS, text: '1 day' },
  { ms: 7 * DAY_MS, text: '1 week' },
  { ms: 30 * DAY_MS, text: '30 days' },
  { ms: 365 * DAY_MS, text: '1 year' },
  { ms: 3_653 * DAY_MS, text: '10 years' },
] as const

export const USUAL_SPAN: Span = { lastMs: HOUR_MS }

/** Begin and end of a span at a time. */
export function ends(span: Span, now: number): { readonly from: number; readonly to: number } {
  return 'lastMs' in span ? { from: Math.floor(now - span.lastMs), to: Math.floor(now) } : span
}

/** The span moved by a share of its length: -0.5 is half of it back. What would be in the future ends now. */
export function moved(span: Span, share: number, now: number): Span {
  const { from, to } = ends(span, now)
  const length = to - from
  const end = Math.min(now, to + share * length)
  return { from: Math.floor(end - length), to: Math.floor(end) }
}

/** The span widened around its middle, or narrowed; not beyond now, and not below a second. */
export function scaled(span: Span, factor: number, now: number): Span {
  const { from, to } = ends(span, now)
  const half = Math.max(1_000, (to - from) * factor) / 2
  const end = Math.min(now, (from + to) / 2 + half)
  return { from: Math.floor(end - 2 * half), to: Math.floor(end) }
}

/** What a URL says of the span. */
export function spanIn({ last, from, to }: RouteQuery): Span {
  const [begin, end, length] = [Number(from), Number(to), Number(last)]
  if (from !== undefined && end > begin) return { from: begin, to: end }
  return length > 0 ? { lastMs: length } : USUAL_SPAN
}

export function spanQuery(span: Span): RouteQuery {
  return 'lastMs' in span ? { last: String(span.lastMs) } : { from: String(span.from), to: String(span.to) }
}
