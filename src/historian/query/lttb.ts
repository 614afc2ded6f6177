import { isBad, numberOf, type RawValue } from '../aggregates/raw-value.ts'
import { severity } from '../../model/quality.ts'

/** A value that a line is drawn through; null: there is none, and the line breaks. */
export interface ChartPoint {
  readonly time: number
  readonly value: number | null
  /** The worst quality among the samples that it stands for. */
  readonly quality: number
}

/** A sample that may be drawn, and where it is among all. */
interface Drawable {
  readonly time: number
  readonly value: number
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
  if (values.length <= most) return values.map((raw) => pointOf([raw], drawable(raw)))
  const bounds = bucketBounds(values.length, most)
  const points: ChartPoint[] = []
  let chosen: Drawable | undefined
  for (let nth = 0; nth + 1 < bounds.length; nth++) {
    const bucket = values.slice(bounds[nth], bounds[nth + 1])
    const next = nth + 2 < bounds.length ? values.slice(bounds[nth + 1], bounds[nth + 2]) : []
    const best = largest(
      bucket.flatMap((raw) => drawable(raw) ?? []),
      chosen,
      meanOf(next),
    )
    points.push(pointOf(bucket, best))
    chosen = best ?? chosen
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

function drawable(raw: RawValue): Drawable | undefined {
  const value = numberOf(raw.value)
  if (isBad(raw) || value === undefined || !Number.isFinite(value)) return undefined
  return { time: raw.time, value }
}

/** The one that is farthest from the line between its neighbours; the first where there is nothing to compare with. */
function largest(
  bucket: readonly Drawable[],
  before: Drawable | undefined,
  after: Drawable | undefined,
): Drawable | undefined {
  if (before === undefined || after === undefined) return bucket[0]
  let best: Drawable | undefined
  let most = -1
  for (const one of bucket) {
    const area = Math.abs(
      (before.time - after.time) * (one.value - before.value) - (before.time - one.time) * (after.value - before.value),
    )
    if (area <= most) continue
    best = one
    most = area
  }
  return best
}

function meanOf(values: readonly RawValue[]): Drawable | undefined {
  const found = values.flatMap((raw) => drawable(raw) ?? [])
  if (found.length === 0) return undefined
  const mean = (part: (one: Drawable) => number) => found.reduce((sum, one) => sum + part(one), 0) / found.length
  return { time: mean(({ time }) => time), value: mean(({ value }) => value) }
}

function pointOf(bucket: readonly RawValue[], chosen: Drawable | undefined): ChartPoint {
  return { time: chosen?.time ?? bucket[0]!.time, value: chosen?.value ?? null, quality: worstOf(bucket) }
}

const RANK = { good: 0, uncertain: 1, bad: 2 } as const

/** The highest code of the worst severity. */
function worstOf(bucket: readonly RawValue[]): number {
  return bucket.reduce((worst, { quality }) => {
    const [rank, most] = [RANK[severity(quality)], RANK[severity(worst)]]
    return rank > most || (rank === most && quality > worst) ? quality : worst
  }, 0)
}
