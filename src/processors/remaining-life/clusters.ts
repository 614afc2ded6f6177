import type { Random } from '../../system/random.ts'

const STARTS = 5
const ROUNDS = 8

/**
 * Middles of `count` groups of points: k-means (Lloyd 1982) from spread-out beginnings (k-means++: Arthur, Vassilvitskii, SODA
 * 2007), the best of some. Points are already on a common scale.
 */
export function findCentres(points: readonly Float64Array[], count: number, random: Random): Float64Array[] {
  let best: Float64Array[] = []
  let least = Infinity
  for (let start = 0; start < STARTS; start += 1) {
    let centres = beginning(points, count, random)
    for (let round = 0; round < ROUNDS; round += 1) centres = moved(points, centres)
    const cost = points.reduce((sum, point) => sum + nearestCentre(centres, point).distance, 0)
    if (cost >= least) continue
    least = cost
    best = centres
  }
  return best
}

/** The centre that is nearest, and the square of its distance; columns that are NaN are left out. */
export function nearestCentre(
  centres: readonly ArrayLike<number>[],
  point: ArrayLike<number>,
): { index: number; distance: number } {
  let index = 0
  let least = Infinity
  for (let at = 0; at < centres.length; at += 1) {
    const centre = centres[at]!
    let distance = 0
    for (let column = 0; column < centre.length; column += 1) {
      const difference = point[column]! - centre[column]!
      if (difference === difference) distance += difference * difference
    }
    if (distance >= least) continue
    least = distance
    index = at
  }
  return { index, distance: least }
}

/** Points as far from each other as chance has it: each next one with a probability by the square of its distance. */
function beginning(points: readonly Float64Array[], count: number, random: Random): Float64Array[] {
  const centres = [points[random.integer(points.length)]!]
  const distances = new Float64Array(points.length).fill(Infinity)
  while (centres.length < count) {
    points.forEach((point, i) => {
      distances[i] = Math.min(distances[i]!, nearestCentre([centres.at(-1)!], point).distance)
    })
    let left = random.next() * distances.reduce((sum, distance) => sum + distance, 0)
    const next = distances.findIndex((distance) => (left -= distance) <= 0)
    centres.push(points[Math.max(0, next)]!)
  }
  return centres
}

/** Each centre in the middle of the points that are nearest to it. */
function moved(points: readonly Float64Array[], centres: readonly Float64Array[]): Float64Array[] {
  const sums = centres.map((centre) => new Float64Array(centre.length))
  const counts = new Float64Array(centres.length)
  for (const point of points) {
    const { index } = nearestCentre(centres, point)
    const sum = sums[index]!
    counts[index]! += 1
    for (let column = 0; column < sum.length; column += 1) sum[column]! += point[column]!
  }
  return sums.map((sum, index) => (counts[index] === 0 ? centres[index]! : sum.map((value) => value / counts[index]!)))
}
