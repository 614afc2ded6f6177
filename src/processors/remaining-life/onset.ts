/** Values on either side of an onset, at least. */
const LEAST_SIDE = 5
/** What a flat beginning and then a line must leave unexplained at most, as a share of what a line through all leaves. */
const MUCH_BETTER = 0.5

/**
 * Where degradation begins: the index of the value up to which the indicator stood still (within its noise), or 0 where it
 * has moved from the beginning. A bearing vibrates the same for months and then goes within days; what it did before
 * says nothing of how fast. The bent line with the least squares over all bends (Hinkley 1971), of the values and,
 * where they are positive, of their logarithms.
 */
export function findOnset(values: readonly number[]): number {
  if (values.length < 4 * LEAST_SIDE) return 0
  const scales = [Float64Array.from(values)]
  if (values.every((value) => value > 0)) scales.push(Float64Array.from(values, Math.log))
  let onset = 0
  let least = MUCH_BETTER * Math.min(...scales.map((scale) => unexplained(scale, 0)))
  for (const scale of scales) {
    for (let bend = LEAST_SIDE; bend < values.length - LEAST_SIDE; bend += 1) {
      const left = unexplained(scale, bend)
      if (left >= least) continue
      least = left
      onset = bend
    }
  }
  return onset
}

/** Share of the variance that a line which is flat up to the bend does not explain. */
function unexplained(values: Float64Array, bend: number): number {
  const n = values.length
  let [sumX, sumY, sumXX, sumXY, sumYY] = [0, 0, 0, 0, 0]
  // About the first value, so that squares of large values do not swallow small changes.
  const origin = values[0]!
  for (let i = 0; i < n; i += 1) {
    const x = Math.max(0, i - bend)
    const y = values[i]! - origin
    sumX += x
    sumY += y
    sumXX += x * x
    sumXY += x * y
    sumYY += y * y
  }
  const total = sumYY - (sumY * sumY) / n
  if (total <= 0) return 1
  const along = sumXY - (sumX * sumY) / n
  return Math.max(0, 1 - (along * along) / (sumXX - (sumX * sumX) / n) / total)
}
