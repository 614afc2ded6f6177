import { isBad, numberOf, type RawValue } from '../aggregates/raw-value.ts'
import { severity } from '../../model/quality.ts'

/** A value that a line is drawn through; null: there is none, and the line breaks. */
export interface ChartPoint {
  readonly time: number
  readonly value: number | null
  /** The worst quality among the samples that it stands for. */
  readonly quality: number
}

/**
 * Largest triangle three buckets (S. Steinarsson, Downsampling Time Series for Visual Representation, 2013, clause 4.2): of
 * every bucket of samples the one that makes the largest triangle with the one chosen before and the mean of the next
 * bucket. The first and the last sample stay.
 *
 * A sample without a number that may be used is no point, but its bucket has its quality; a bucket of nothing else is a
 * point without a value.
 * @param values in order of time
 * @param most points, from 3; no more values than that are answered as they are
 */
export function lttb(values: readonly RawValue[], most: number): ChartPoint[] {
  const numbers = new Float64Array(values.length)
  for (let at = 0; at < values.length; at++) numbers[at] = drawable(values[at]!)
  if (values.length <= most) return values.map((_, at) => pointOf(values, numbers, at, at + 1, at))
  const bounds = bucketBounds(values.length, most)
  const points: ChartPoint[] = []
  let chosen = -1
  for (let nth = 0; nth + 1 < bounds.length; nth++) {
    const [from, to] = [bounds[nth]!, bounds[nth + 1]!]
    const next = meanOf(values, numbers, to, bounds[nth + 2] ?? to)
    const best = largest(values, numbers, from, to, chosen, next)
    points.push(pointOf(values, numbers, from, to, best))
    if (best >= 0) chosen = best
  }
  return points
}

/** Where buckets begin: the first and the last sample are buckets of their own, the rest is shared out evenly. */
function bucketBounds(count: number, most: number): number[] {
  const inner = most - 2
  const bounds = [0]
  for (let nth = 0; nth < inner; nth++) bounds.push(1 + Math.floor((nth * (count - 2)) / inner))
  return [...bounds, count - 1, count]
}

/** NaN: there is nothing to draw. */
function drawable(raw: RawValue): number {
  const value = isBad(raw) ? undefined : numberOf(raw.value)
  return value !== undefined && Number.isFinite(value) ? value : NaN
}

interface Mean {
  readonly time: number
  readonly value: number
}

function meanOf(values: readonly RawValue[], numbers: Float64Array, from: number, to: number): Mean | undefined {
  let [count, time, value] = [0, 0, 0]
  for (let at = from; at < to; at++) {
    if (Number.isNaN(numbers[at]!)) continue
    count++
    time += values[at]!.time
    value += numbers[at]!
  }
  return count === 0 ? undefined : { time: time / count, value: value / count }
}

/** The one that is farthest from the line between its neighbours; the first where there is nothing to compare with; -1: none. */
function largest(
  values: readonly RawValue[],
  numbers: Float64Array,
  from: number,
  to: number,
  before: number,
  after: Mean | undefined,
): number {
  let [best, most] = [-1, -1]
  for (let at = from; at < to; at++) {
    if (Number.isNaN(numbers[at]!)) continue
    if (before < 0 || after === undefined) return at
    const [time, value] = [values[before]!.time, numbers[before]!]
    const area = Math.abs(
      (time - after.time) * (numbers[at]! - value) - (time - values[at]!.time) * (after.value - value),
    )
    if (area <= most) continue
    best = at
    most = area
  }
  return best
}

function pointOf(
  values: readonly RawValue[],
  numbers: Float64Array,
  from: number,
  to: number,
  chosen: number,
): ChartPoint {
  const drawn = chosen >= 0 && !Number.isNaN(numbers[chosen]!)
  return {
    time: values[drawn ? chosen : from]!.time,
    value: drawn ? numbers[chosen]! : null,
    quality: worstOf(values, from, to),
  }
}

const RANK = { good: 0, uncertain: 1, bad: 2 } as const

/** The highest code of the worst severity. */
function worstOf(values: readonly RawValue[], from: number, to: number): number {
  let worst = 0
  for (let at = from; at < to; at++) {
    const { quality } = values[at]!
    if (quality === worst) continue
    const [rank, most] = [RANK[severity(quality)], RANK[severity(worst)]]
    if (rank > most || (rank === most && quality > worst)) worst = quality
  }
  return worst
}
