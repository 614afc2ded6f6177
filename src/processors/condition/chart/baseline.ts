/**
 * What a value is like while all is well. Given, or learned from the first values: the mean, and the standard deviation from
 * the mean moving range of neighbours, which a slow drift among them does not widen (ISO 7870-2:2023, individuals chart).
 */
export interface Baseline {
  /** Values that were learned from. */
  count: number
  mean: number
  /** Sum of the distances between neighbours. */
  ranges: number
  last: number
  /** Undefined: still learning. */
  sigma: number | undefined
}

/** Mean range of two values of a normal distribution, in standard deviations (d2 for n = 2). */
const D2 = 1.128379167

export function newBaseline(given: { readonly mean: number; readonly sigma: number } | undefined): Baseline {
  return { count: 0, mean: given?.mean ?? 0, ranges: 0, last: 0, sigma: given?.sigma }
}

/** Learns from a value until there are `learn` of them; values that are all the same teach nothing, and it goes on. */
export function learn(baseline: Baseline, value: number, learn: number): void {
  baseline.count += 1
  baseline.mean += (value - baseline.mean) / baseline.count
  if (baseline.count > 1) baseline.ranges += Math.abs(value - baseline.last)
  baseline.last = value
  const sigma = baseline.ranges / (baseline.count - 1) / D2
  if (baseline.count >= learn && sigma > 0) baseline.sigma = sigma
}
