/** A CUSUM chart; in standard deviations. The usual 0.5 and 5 see a shift of 1 sigma after about 10 values. */
export interface CusumSettings {
  /** Half of the shift that is to be seen (k). */
  readonly slack: number
  /** Where the sum is an alarm (h). */
  readonly threshold: number
}

export interface Cusum {
  high: number
  low: number
}

/**
 * Takes a value in standard deviations from the mean. Answers the greater of the two sums, negative for the lower one, where 1
 * is at the limit (Page 1954; ISO 7870-4:2021, tabular form). Sums end at twice the threshold, so that they come back.
 */
export function addToCusum(cusum: Cusum, z: number, { slack, threshold }: CusumSettings): number {
  cusum.high = Math.min(Math.max(0, cusum.high + z - slack), 2 * threshold)
  cusum.low = Math.min(Math.max(0, cusum.low - z - slack), 2 * threshold)
  return (cusum.high >= cusum.low ? cusum.high : -cusum.low) / threshold
}
