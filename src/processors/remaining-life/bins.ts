/** A column of numbers as which of at most 32 ranges each lies in. */
export interface Bins {
  /** Ascending; range `n` is from edge `n - 1` to edge `n`, with the lower one. */
  readonly edges: readonly number[]
  readonly bins: Uint8Array
}

export const MOST_BINS = 32
/** Values that edges are looked for in. */
const SAMPLE = 4_000
/** Digits of an edge: enough to tell ranges apart, and few to store. */
const DIGITS = 5

/** Ranges that hold about as many values each. */
export function binned(column: Float32Array): Bins {
  const every = Math.ceil(column.length / SAMPLE)
  const sorted = column.filter((_, index) => index % every === 0).sort()
  const edges: number[] = []
  for (let bin = 1; bin < MOST_BINS; bin += 1) {
    const edge = Number(sorted[Math.floor((bin * sorted.length) / MOST_BINS)]!.toPrecision(DIGITS))
    if (edges.length === 0 || edge > edges.at(-1)!) edges.push(edge)
  }
  return { edges, bins: Uint8Array.from(column, (value) => binOf(edges, value)) }
}

/** How many edges are not above the value, by bisection. */
function binOf(edges: readonly number[], value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value >= edges[middle]!) low = middle + 1
    else high = middle
  }
  return low
}
