/**
 * The numbers of a window, for its percentiles: all of them as long as there are few, then how many lie in each bucket of
 * a logarithmic scale. That is DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019): whatever the numbers are, what it answers is
 * within 0.5 % of one of them that is at that rank. Plain JSON; equal numbers in any order give equal answers.
 */
export interface Quantiles {
  /** In the order in which they came; null once they are in buckets. */
  exact: number[] | null
  /** Count by bucket: `n:i` of negative numbers, `z` of zeros, `p:i` of positive ones. */
  buckets: { [bucket: string]: number }
  count: number
}

/** Numbers that are kept one by one, 8 kB. */
export const MOST_EXACT = 1_000

/** Largest relative error of what the buckets answer. */
export const RELATIVE_ERROR = 0.005

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)

/** What is nearer to zero is zero: with the largest number there is, 1e100, about 24,000 buckets a sign at the very most. */
const SMALLEST = 1e-9

export function newQuantiles(): Quantiles {
  return { exact: [], buckets: {}, count: 0 }
}

export function addTo(quantiles: Quantiles, value: number): void {
  quantiles.count += 1
  if (quantiles.exact === null) return count(quantiles, value)
  quantiles.exact.push(value)
  if (quantiles.exact.length <= MOST_EXACT) return
  for (const one of quantiles.exact) count(quantiles, one)
  quantiles.exact = null
}

/**
 * The number below which a share of them lies, 0 to 1; undefined of none. Between two numbers on a straight line (R-7 of
 * Hyndman and Fan, The American Statistician 50, 1996, as spreadsheets have it); from buckets the one at the rank below.
 */
export function quantile({ exact, buckets, count }: Quantiles, share: number): number | undefined {
  if (count === 0) return undefined
  const rank = share * (count - 1)
  if (exact === null) return fromBuckets(buckets, Math.floor(rank))
  const sorted = [...exact].sort((a, b) => a - b)
  const below = sorted[Math.floor(rank)]!
  const above = sorted[Math.ceil(rank)]!
  return below + (above - below) * (rank - Math.floor(rank))
}

function count(quantiles: Quantiles, value: number): void {
  const bucket = bucketOf(value)
  quantiles.buckets[bucket] = (quantiles.buckets[bucket] ?? 0) + 1
}

function bucketOf(value: number): string {
  const size = Math.abs(value)
  if (size < SMALLEST) return 'z'
  return `${value < 0 ? 'n' : 'p'}:${Math.ceil(Math.log(size) / LOG_GAMMA)}`
}

function fromBuckets(buckets: Quantiles['buckets'], rank: number): number {
  const inOrder = Object.entries(buckets).map(([bucket, count]) => ({ value: middleOf(bucket), count }))
  inOrder.sort((a, b) => a.value - b.value)
  let passed = 0
  for (const { value, count } of inOrder) {
    passed += count
    if (passed > rank) return value
  }
  return inOrder.at(-1)!.value
}

function middleOf(bucket: string): number {
  if (bucket === 'z') return 0
  const size = (2 * GAMMA ** Number(bucket.slice(2))) / (GAMMA + 1)
  return bucket.startsWith('n') ? -size : size
}
