import { principalAxes, type Axis } from './eigen.ts'
import { deviationRule, observe, returnPeriod, tailOf, type Tail, type TailRule } from './tail.ts'

/**
 * The tags together: principal components of the standardised tags, Hotelling's T2 within those that carry them and Q
 * outside (Jackson and Mudholkar 1979; Kourti and MacGregor 1995), of the row and of its average over 16 rows (a
 * multivariate EWMA: Lowry et al. 1992), which is what sees small lasting shifts. Q is not the plain sum of squares, in
 * which two tags that part ways are drowned by the noise of a third: each direction counts by its own variance.
 *
 * Their limits are not the textbook's, which assume independent rows and a known covariance, but the tails of the
 * statistics over blocks of the warm-up that the components were not taken from.
 */
export interface Joint {
  /** Standard deviation per tag. */
  sigma: number[]
  /** All principal components, those that carry the tags first. */
  axes: Axis[]
  /** Standardised tags, averaged: per scale, per tag. */
  averages: number[][]
  /** T2 and Q per scale. */
  charts: Chart[]
  /** Of the return periods of all charts. */
  tail: Tail
}

/** One statistic. Its cube root is nearly normal (Wilson and Hilferty 1931), so one tail rule fits all. */
interface Chart {
  mean: number
  sigma: number
  tail: Tail
}

export interface JointVerdict {
  period: number
  /** Index into `averages`, and which of the two statistics is the rarest. */
  scale: number
  statistic: 'T2' | 'Q'
}

export const JOINT_SCALES = [1, 16] as const
const RATES = JOINT_SCALES.map((scale) => 2 / (scale + 1))
const BLOCKS = 5
/** A component carries the tags when it has more variance than a single one (Kaiser 1960). */
const CARRIES = 1
/** Variance added to the directions of Q: what a short warm-up shows as exact is not. */
const NOISE_FLOOR = 0.1
const RULES = JOINT_SCALES.map((scale) => deviationRule(scale))

export function trainJoint(rows: readonly (readonly number[])[], tail: Tail): Joint {
  const { sigma, axes } = components(rows)
  const values: number[][] = [[], [], [], []]
  for (let block = 0; block < BLOCKS; block++) {
    const held = (_: unknown, row: number) => Math.floor((row * BLOCKS) / rows.length) === block
    chartBlock(components(rows.filter((row, i) => !held(row, i))), rows.filter(held), values)
  }
  const charts = values.map((values, chart) => chartOf(values, RULES[chart >> 1]!))
  return { sigma, axes, averages: JOINT_SCALES.map(() => sigma.map(() => 0)), charts, tail }
}

interface Components {
  readonly mean: number[]
  readonly sigma: number[]
  readonly axes: Axis[]
}

function components(rows: readonly (readonly number[])[]): Components {
  const size = rows[0]!.length
  const mean = Array.from({ length: size }, (_, tag) => rows.reduce((sum, row) => sum + row[tag]!, 0) / rows.length)
  const sigma = mean.map((mean, tag) => {
    const variance = rows.reduce((sum, row) => sum + (row[tag]! - mean) ** 2, 0) / (rows.length - 1)
    return variance > 0 ? Math.sqrt(variance) : 1e9
  })
  const covariance = new Float64Array(size * size)
  const row = new Float64Array(size)
  for (const values of rows) {
    for (let i = 0; i < size; i++) row[i] = (values[i]! - mean[i]!) / sigma[i]!
    for (let i = 0; i < size; i++)
      for (let j = 0; j <= i; j++) covariance[i * size + j]! += (row[i]! * row[j]!) / (rows.length - 1)
  }
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) covariance[j * size + i] = covariance[i * size + j]!
  return { mean, sigma, axes: principalAxes(covariance, size) }
}

/** The cube roots of T2 and Q of a block, judged by components of the others. */
function chartBlock(model: Components, block: readonly (readonly number[])[], into: number[][]): void {
  const averages = JOINT_SCALES.map(() => model.mean.map(() => 0))
  const result: Statistics = { t2: 0, q: 0 }
  block.forEach((row, count) => {
    for (let scale = 0; scale < JOINT_SCALES.length; scale++) {
      const average = averages[scale]!
      const rate = Math.max(RATES[scale]!, 1 / (count + 1))
      for (let i = 0; i < row.length; i++)
        average[i]! += rate * ((row[i]! - model.mean[i]!) / model.sigma[i]! - average[i]!)
      statistics(model.axes, average, result)
      into[2 * scale]!.push(Math.cbrt(result.t2))
      into[2 * scale + 1]!.push(Math.cbrt(result.q))
    }
  })
}

function chartOf(values: readonly number[], rule: TailRule): Chart {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const sigma = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1
  return {
    mean,
    sigma,
    tail: tailOf(
      values.map((value) => (value - mean) / sigma),
      rule,
      1,
    ),
  }
}

interface Statistics {
  t2: number
  q: number
}

function statistics(axes: readonly Axis[], row: readonly number[], into: Statistics): void {
  let q = 0
  let t2 = 0
  for (const { weights, variance } of axes) {
    let along = 0
    for (let i = 0; i < row.length; i++) along += weights[i]! * row[i]!
    if (variance > CARRIES) t2 += (along * along) / variance
    else q += (along * along) / (variance + NOISE_FLOOR)
  }
  into.t2 = t2
  into.q = q
}

export function settleJoint(joint: Joint): void {
  for (const average of joint.averages) average.fill(0)
}

const scratch: Statistics = { t2: 0, q: 0 }

/** Judges a row of standardised tags, into `verdict`, and takes it in. */
export function judgeJoint(
  joint: Joint,
  row: readonly number[],
  observes: boolean,
  moves: boolean,
  verdict: JointVerdict,
): void {
  verdict.period = 1
  for (let scale = 0; scale < JOINT_SCALES.length; scale++) {
    const average = joint.averages[scale]!
    for (let i = 0; i < row.length; i++) average[i]! += RATES[scale]! * (row[i]! - average[i]!)
    statistics(joint.axes, average, scratch)
    for (let which = 0; which < 2; which++) {
      const { mean, sigma, tail } = joint.charts[2 * scale + which]!
      const value = (Math.cbrt(which === 0 ? scratch.t2 : scratch.q) - mean) / sigma
      const period = returnPeriod(tail, RULES[scale]!, value)
      if (period > verdict.period) {
        verdict.period = period
        verdict.scale = scale
        verdict.statistic = which === 0 ? 'T2' : 'Q'
      }
      if (observes) observe(tail, RULES[scale]!, value, moves)
    }
  }
}

/** What each tag adds to the statistic, as a share, and what the carrying components make of it, in standard deviations. */
export function contributions(
  joint: Joint,
  verdict: JointVerdict,
): { share: number; seen: number; expected: number }[] {
  const row = joint.averages[verdict.scale]!
  const isQ = verdict.statistic === 'Q'
  const fitted = row.map(() => 0)
  const pull = row.map(() => 0)
  for (const { weights, variance } of joint.axes) {
    const along = weights.reduce((sum, weight, tag) => sum + weight * row[tag]!, 0)
    const carries = variance > CARRIES
    weights.forEach((weight, tag) => {
      if (carries) fitted[tag]! += along * weight
      if (carries !== isQ) pull[tag]! += (along * weight) / (isQ ? variance + NOISE_FLOOR : variance)
    })
  }
  const parts = row.map((seen, tag) => Math.max(0, seen * pull[tag]!))
  const total = parts.reduce((sum, part) => sum + part, 0) || 1
  return row.map((seen, tag) => ({ share: parts[tag]! / total, seen, expected: isQ ? fitted[tag]! : 0 }))
}
