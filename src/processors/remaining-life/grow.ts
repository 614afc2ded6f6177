import type { Random } from '../../system/random.ts'
import { binned, MOST_BINS, type Bins } from './bins.ts'
import type { Forest } from './trees.ts'

const TREES = 200
const DEPTH = 5
/** Part of what a tree has learned that is believed. */
const RATE = 0.05
/** Chance of a row, and of a feature at least, to be looked at by a tree. */
const ROWS = 0.2
const FEATURES = 0.3
/** Where there are few, so many of them are looked at by each. */
const ENOUGH_FEATURES = 8
/** Rows of a leaf at least: the share of all rows, and no fewer than. */
const LEAF_SHARE = 1 / 400
const LEAST_LEAF = 5
/** A leaf is held towards 0 as by so many rows that say 0. */
const HELD = 10
const DIGITS = 4

/**
 * Stochastic gradient boosting of least squares (Friedman, Comput. Stat. Data Anal. 38, 2002) on histograms (Chen, Guestrin,
 * KDD 2016; Ke et al., NeurIPS 2017), level by level.
 *
 * @param columns features by row, one array each
 */
export function growForest(columns: readonly Float32Array[], target: Float64Array, random: Random): Forest {
  const bins = columns.map(binned)
  const base = target.reduce((sum, value) => sum + value, 0) / target.length
  const left = target.map((value) => value - base)
  const share = Math.max(FEATURES, ENOUGH_FEATURES / columns.length)
  const leastLeaf = Math.max(LEAST_LEAF, Math.round(ROWS * target.length * LEAF_SHARE))
  const forest = { base, depth: DEPTH, features: [] as number[], thresholds: [] as number[], leaves: [] as number[] }
  for (let tree = 0; tree < TREES; tree += 1) {
    const rows = Int32Array.from(target.keys()).filter(() => random.next() < ROWS)
    const chosen = bins.flatMap((one, feature) =>
      one.edges.length > 0 && random.next() < share ? [{ feature, ...one }] : [],
    )
    const grown = growTree(chosen, left, rows, leastLeaf)
    forest.features.push(...grown.features)
    forest.thresholds.push(...grown.thresholds)
    forest.leaves.push(...grown.leaves)
    for (let row = 0; row < left.length; row += 1) left[row]! -= grown.leaves[grown.leafOf[row]!]!
  }
  return forest
}

interface Chosen extends Bins {
  readonly feature: number
}

function growTree(chosen: readonly Chosen[], left: Float64Array, rows: Int32Array, leastLeaf: number) {
  const inner = (1 << DEPTH) - 1
  const features: number[] = []
  const thresholds: number[] = []
  /** By row: its node, counted from the left within the level. */
  const nodeOf = new Int32Array(left.length)
  for (let level = 0; level < DEPTH; level += 1) {
    const splits = bestSplits(chosen, left, rows, nodeOf, 1 << level, leastLeaf)
    for (const split of splits) {
      features.push(split?.chosen.feature ?? -1)
      thresholds.push(split?.chosen.edges[split.bin] ?? 0)
    }
    for (let row = 0; row < nodeOf.length; row += 1) {
      const split = splits[nodeOf[row]!]
      nodeOf[row] = 2 * nodeOf[row]! + (split !== undefined && split.chosen.bins[row]! > split.bin ? 1 : 0)
    }
  }
  const sums = new Float64Array(inner + 1)
  const counts = new Float64Array(inner + 1)
  for (const row of rows) {
    sums[nodeOf[row]!]! += left[row]!
    counts[nodeOf[row]!]! += 1
  }
  const leaves = Array.from(sums, (sum, leaf) => Number(((RATE * sum) / (counts[leaf]! + HELD)).toPrecision(DIGITS)))
  return { features, thresholds, leaves, leafOf: nodeOf }
}

/** Rows whose bin is above `bin` go right. */
interface Split {
  readonly chosen: Chosen
  readonly bin: number
  readonly gain: number
}

/** The split of each node of a level that explains most; none where nothing does, or a side would be too small. */
function bestSplits(
  chosen: readonly Chosen[],
  left: Float64Array,
  rows: Int32Array,
  nodeOf: Int32Array,
  nodes: number,
  leastLeaf: number,
): (Split | undefined)[] {
  const best = Array.from({ length: nodes }, (): Split | undefined => undefined)
  const sums = new Float64Array(nodes * MOST_BINS)
  const counts = new Float64Array(nodes * MOST_BINS)
  for (const one of chosen) {
    sums.fill(0)
    counts.fill(0)
    const { bins } = one
    for (let i = 0; i < rows.length; i += 1) {
      const row = rows[i]!
      const at = nodeOf[row]! * MOST_BINS + bins[row]!
      sums[at]! += left[row]!
      counts[at]! += 1
    }
    for (let node = 0; node < nodes; node += 1) {
      const at = node * MOST_BINS
      const split = bestSplit(sums.subarray(at, at + MOST_BINS), counts.subarray(at, at + MOST_BINS), one, leastLeaf)
      if (split !== undefined && split.gain > (best[node]?.gain ?? 0)) best[node] = split
    }
  }
  return best
}

function bestSplit(sums: Float64Array, counts: Float64Array, chosen: Chosen, leastLeaf: number): Split | undefined {
  const sum = sums.reduce((total, one) => total + one, 0)
  const count = counts.reduce((total, one) => total + one, 0)
  let best: Split | undefined
  let leftSum = 0
  let leftCount = 0
  for (let bin = 0; bin < chosen.edges.length; bin += 1) {
    leftSum += sums[bin]!
    leftCount += counts[bin]!
    if (leftCount < leastLeaf) continue
    if (count - leftCount < leastLeaf) break
    const gain = explained(leftSum, leftCount) + explained(sum - leftSum, count - leftCount) - explained(sum, count)
    if (gain > (best?.gain ?? 0)) best = { chosen, bin, gain }
  }
  return best
}

function explained(sum: number, count: number): number {
  return (sum * sum) / (count + HELD)
}
