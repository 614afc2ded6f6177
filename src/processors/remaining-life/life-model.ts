import { Ends } from './ends.ts'
import type { FeatureSettings } from './features.ts'
import { answer, type Forest } from './trees.ts'

/** What was learned from units that have failed; plain JSON. */
export interface LifeModel extends FeatureSettings {
  /** Median life of the units. */
  readonly life: number
  /** Units that it was learned from. */
  readonly units: number
  /** Each learned from other units; together they answer with their mean. */
  readonly forests: readonly Forest[]
  /** Rows of units that their forest had not seen: what it said of them, how old they were, and what was left. */
  readonly witnesses: {
    readonly scores: readonly number[]
    readonly ages: readonly number[]
    readonly left: readonly number[]
  }
}

/** Small differences of what is left count for more the less there is: the scale of scores bends at a tenth of a life. */
const BEND = 0.1
/** Width of what counts as alike: in score, and in age as a share of a life. */
const LIKE_SCORE = 0.08
const LIKE_AGE = 0.15
/** Witnesses that count less than this (e^-12) against the best one are left out. */
const FAINT = -12

/** What is left, on the scale on which it is learned. */
export function scoreOf(left: number, life: number): number {
  return Math.log1p(left / (BEND * life))
}

function leftOf(score: number, life: number): number {
  return Math.max(0, BEND * life * Math.expm1(score))
}

/**
 * When a unit may end: the ends of the witnesses that looked like it, each by how alike it is in score and age. A witness of
 * which a little more was said is taken as if it had a little more left. Since their forests had not seen them, they err
 * as the model errs with new units, so the intervals hold what they say (cross-conformal: Vovk 2015; the weights by likeness:
 * Lei, Wasserman, J. R. Stat. Soc. B 76, 2014).
 */
export function endsOf(model: LifeModel, vector: Float32Array, age: number): Ends {
  const { forests, life, witnesses } = model
  const score = forests.reduce((sum, forest) => sum + answer(forest, vector), 0) / forests.length
  const likeness = witnesses.scores.map((other, i) => {
    const byScore = (score - other) / LIKE_SCORE
    const byAge = (age - witnesses.ages[i]!) / (LIKE_AGE * life)
    return -0.5 * (byScore * byScore + byAge * byAge)
  })
  const best = likeness.reduce((most, one) => Math.max(most, one), -Infinity)
  const ends: number[] = []
  const weights: number[] = []
  likeness.forEach((one, i) => {
    if (one - best < FAINT) return
    ends.push(leftOf(scoreOf(witnesses.left[i]!, life) + score - witnesses.scores[i]!, life))
    weights.push(Math.exp(one - best))
  })
  return new Ends(ends, weights)
}
