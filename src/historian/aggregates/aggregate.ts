import { Quality } from '../../model/quality.ts'
import { aggregateEntry, type AggregateName } from './catalogue.ts'
import { withInfo } from './info-bits.ts'
import { intervalsOf, type Span } from './intervals.ts'
import { isBad, numberOf, type RawValue } from './raw-value.ts'
import { noData, type AggregatePoint } from './result.ts'
import { isUsable, type AggregateRules } from './rules.ts'
import type { Slice } from './slice.ts'
import { Slicer } from './slicer.ts'

/** What is calculated, and how. */
export interface AggregateRequest extends Span {
  readonly aggregates: readonly AggregateName[]
  readonly rules: AggregateRules
}

/**
 * Aggregates of OPC 10000-13 over a series of stored values, in the order of the request (newest first where it runs
 * backwards).
 *
 * Beside the values of the span the series should hold those around it, as far as they are stored: the nearest before
 * and after it of whatever quality and the nearest usable ones (with `slopedExtrapolation` two before). What begins or
 * ends within the span is taken for the beginning or end of all data, so without the neighbours the first and last
 * interval count as partial.
 * @param values in order of time; of several with the same time the last one counts
 */
export function aggregate(
  values: Iterable<RawValue>,
  request: AggregateRequest,
): ReadonlyMap<AggregateName, readonly AggregatePoint[]> {
  const stream = new AggregateStream(request)
  const points = new Map<AggregateName, AggregatePoint[]>(request.aggregates.map((name) => [name, []]))
  const keep = (rows: readonly AggregateRow[]) => {
    for (const row of rows) request.aggregates.forEach((name, nth) => points.get(name)!.push(row[nth]!))
  }
  for (const value of values) keep(stream.push(value))
  keep(stream.end())
  if (request.end < request.start) for (const list of points.values()) list.reverse()
  return points
}

/** One interval's results, in the order of the aggregates asked for. */
type AggregateRow = readonly AggregatePoint[]

/**
 * The same for values that come bit by bit: it answers each interval as soon as nothing can change it, oldest first
 * whichever way the request runs, and keeps no more than the interval under way needs.
 */
export class AggregateStream {
  readonly #request: AggregateRequest
  readonly #slicer: Slicer
  readonly #numbers: boolean

  constructor(request: AggregateRequest) {
    const { start, end, aggregates, rules } = request
    this.#request = request
    this.#numbers = aggregates.some((name) => aggregateEntry(name).anyValue !== true)
    this.#slicer = new Slicer(intervalsOf(request), end < start, (raw) => isUsable(raw, rules))
  }

  push(raw: RawValue): AggregateRow[] {
    this.#slicer.push(this.#numbers ? asNumber(raw) : raw)
    return this.#rows()
  }

  /** No more values come. */
  end(): AggregateRow[] {
    this.#slicer.end()
    return this.#rows()
  }

  #rows(): AggregateRow[] {
    const rows: AggregateRow[] = []
    for (let slice = this.#slicer.next(); slice !== undefined; slice = this.#slicer.next()) {
      const ready = slice
      rows.push(this.#request.aggregates.map((name) => pointOf(name, ready, this.#request.rules)))
    }
    return rows
  }
}

/** What is no number cannot be calculated with: it is as good as not measured. */
function asNumber(raw: RawValue): RawValue {
  if (isBad(raw)) return raw.value === null ? raw : { ...raw, value: null }
  const usable = Number.isFinite(numberOf(raw.value))
  return usable ? raw : { ...raw, value: null, quality: Quality.BadTypeMismatch }
}

function pointOf(name: AggregateName, slice: Slice, rules: AggregateRules): AggregatePoint {
  const { compute, anywhere, neverPartial } = aggregateEntry(name)
  if (slice.outside && !anywhere) return noData(slice)
  const { time, value, quality } = compute(slice, rules)
  return {
    time,
    value: isBad({ quality }) ? null : value,
    quality: slice.partial && !neverPartial ? withInfo(quality, 'Partial') : quality,
  }
}
