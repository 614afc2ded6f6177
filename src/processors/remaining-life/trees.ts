/** Regression trees whose leaves add up: what one tree leaves is learned by the next. Plain JSON, one line of numbers a part. */
export interface Forest {
  /** What is answered before any tree. */
  readonly base: number
  readonly depth: number
  /** By tree and node, from the root downwards: the feature that decides, or -1 where both ways lead to the same. */
  readonly features: readonly number[]
  /** A feature that is at least this goes right. */
  readonly thresholds: readonly number[]
  /** By tree and leaf, from left to right. */
  readonly leaves: readonly number[]
}

/** Every tree is complete: node `n` has the children `2n + 1` and `2n + 2`. */
export function answer({ base, depth, features, thresholds, leaves }: Forest, vector: Float32Array): number {
  const nodes = (1 << depth) - 1
  const count = features.length / nodes
  let sum = base
  for (let tree = 0; tree < count; tree += 1) {
    let node = 0
    while (node < nodes) {
      const feature = features[tree * nodes + node]!
      const isRight = feature >= 0 && vector[feature]! >= thresholds[tree * nodes + node]!
      node = 2 * node + (isRight ? 2 : 1)
    }
    sum += leaves[tree * (nodes + 1) + node - nodes]!
  }
  return sum
}
