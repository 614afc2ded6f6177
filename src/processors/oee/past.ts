import { clip, type Interval } from './judge.ts'
import { reportsOf, type OeeResult } from './result.ts'
import type { Counter } from './settings.ts'
import { addToGroups, type Groups } from './totals.ts'

/**
 * What any past [from, to) came to, out of the intervals of the hours that were told for it (the newest revision of each).
 * An interval that is cut shares its counts out evenly. Time for which there are none is unknown: `no record`.
 */
export function pastReport(
  hours: readonly Pick<OeeResult, 'from' | 'intervals'>[],
  from: number,
  to: number,
  counters: ReadonlySet<Counter>,
): Pick<OeeResult, 'from' | 'to' | 'report' | 'products' | 'orders'> & { readonly intervals: readonly Interval[] } {
  const known = [...hours].sort((a, b) => a.from - b.from).flatMap(({ intervals }) => intervals ?? [])
  const intervals = withoutGaps(clip(known, from, to), from, to)
  const groups: Groups = {}
  for (const interval of intervals) addToGroups(groups, interval)
  return { from, to, ...reportsOf(groups, counters), intervals }
}

function withoutGaps(intervals: readonly Interval[], from: number, to: number): Interval[] {
  const whole: Interval[] = []
  let at = from
  for (const interval of intervals) {
    if (interval.from > at) whole.push(noRecord(at, interval.from))
    whole.push(interval)
    at = interval.to
  }
  if (at < to) whole.push(noRecord(at, to))
  return whole
}

function noRecord(from: number, to: number): Interval {
  return {
    from,
    to,
    category: 'unknown',
    state: 'no record',
    reason: null,
    order: null,
    withoutOrder: false,
    product: null,
    since: from,
    begins: true,
    cycleUs: 0,
    counts: [0, 0, 0, 0],
    oddities: {},
    first: '',
    last: '',
  }
}
