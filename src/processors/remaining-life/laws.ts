/**
 * How an indicator moves towards its limit: a law over the share of its age, fitted to the past with less and less weight the
 * longer ago it is.
 */
export interface Law {
  readonly name: 'linear' | 'exponential' | 'root'
  /** How likely it is before anything was seen, against the others. */
  readonly prior: number
  /** It is the logarithm of the indicator that follows the basis; only for indicators and limits above 0. */
  readonly isLog: boolean
  /** Over `u`: the time from now, in ages: -1 is the beginning, 0 is now. Near now it is `u` itself. */
  basis(u: number): number
}

/**
 * Wear is linear; growth of cracks, vibration and fade of capacity are exponential (Gebraeel, Lawley, Li, Ryan: Residual-life
 * distributions from component degradation signals, IIE Transactions 37, 2005); what is slowed by diffusion (corrosion, the
 * layer on a battery's anode) goes with the root of time (Tammann 1920; Ploehn, Ramadass, White, J. Electrochem. Soc. 151, 2004).
 * Linear counts half, since near the end the two others contain it.
 */
export const LAWS: readonly Law[] = [
  { name: 'linear', prior: 1, isLog: false, basis: (u) => u },
  { name: 'exponential', prior: 2, isLog: true, basis: (u) => u },
  { name: 'root', prior: 2, isLog: false, basis: (u) => 2 * (Math.sqrt(Math.max(0, 1 + u)) - 1) },
]

/** A law that was fitted: `level + slope * basis(u)`, and how the past differs from it. */
export interface Fit {
  /** Where the law is now. */
  readonly level: number
  readonly slope: number
  /** Weighted mean and variance of the basis. */
  readonly mean: number
  readonly variance: number
  /** How many values of equal weight the weights are worth (Kish 1965). */
  readonly worth: number
  /** Differences of the values from the law, oldest first. */
  readonly residuals: Float64Array
  /** Their weighted mean square. */
  readonly spread: number
  /** How much of a difference is still there a step later, 0 to 0.99. */
  readonly persistence: number
}

/**
 * Weighted least squares. `us` are the times from now in ages, ascending to 0; after `memory` ages a value counts only 1/e.
 * @param count values that are known: the first ones
 */
export function fitLaw(law: Law, memory: number, us: Float64Array, values: Float64Array, count: number): Fit {
  let sum = 0
  let squares = 0
  let [sumB, sumV, sumBB, sumBV] = [0, 0, 0, 0]
  const weights = new Float64Array(count)
  const basis = new Float64Array(count)
  for (let i = 0; i < count; i += 1) {
    const weight = (weights[i] = Math.exp(us[i]! / memory))
    const b = (basis[i] = law.basis(us[i]!))
    sum += weight
    squares += weight * weight
    sumB += weight * b
    sumV += weight * values[i]!
    sumBB += weight * b * b
    sumBV += weight * b * values[i]!
  }
  const mean = sumB / sum
  const variance = Math.max(1e-12, sumBB / sum - mean * mean)
  const slope = (sumBV / sum - (mean * sumV) / sum) / variance
  const level = sumV / sum - slope * mean
  const residuals = Float64Array.from(basis, (b, i) => values[i]! - level - slope * b)
  const worth = (sum * sum) / squares
  const spread = residuals.reduce((squares, residual, i) => squares + weights[i]! * residual * residual, 0) / sum
  const persistence = persistenceOf(residuals, weights, worth)
  return { level, slope, mean, variance, worth, residuals, spread, persistence }
}

/**
 * Correlation of a difference with the one before, corrected for what a fitted line takes away from it
 * (Kendall 1954; Marriott, Pope 1954: -(2 + 4 rho) / n).
 */
function persistenceOf(residuals: Float64Array, weights: Float64Array, worth: number): number {
  let products = 0
  let squares = 0
  for (let i = 1; i < residuals.length; i += 1) {
    products += weights[i]! * residuals[i]! * residuals[i - 1]!
    squares += weights[i]! * residuals[i - 1]! ** 2
  }
  if (squares === 0) return 0
  const corrected = (products / squares + 2 / worth) / (1 - Math.min(0.5, 4 / worth))
  return Math.min(0.99, Math.max(0, corrected))
}
