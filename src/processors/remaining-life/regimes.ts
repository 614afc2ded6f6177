import { seededRandom } from '../../system/random.ts'
import { findCentres, nearestCentre } from './clusters.ts'

/**
 * The ways in which assets of a kind are run (speed and height of a flight, product on a press), and what is normal for each
 * column in each. Plain JSON.
 */
export interface Regimes {
  /** Mean and inverse deviation of each column over all rows; 0 where a column never changes. */
  readonly means: readonly number[]
  readonly scales: readonly number[]
  /** Middle of each regime, on that scale. */
  readonly centres: readonly (readonly number[])[]
  /** Square of the distance from its middle within which a row belongs to a regime that is known. */
  readonly reach: number
  /** Mean and deviation of each column within each regime. */
  readonly normal: readonly { readonly means: readonly number[]; readonly deviations: readonly number[] }[]
}

const MOST_REGIMES = 10
/** Rows that regimes are looked for in. */
const SAMPLE = 3_000
/** Units whose changes from row to row are looked at. */
const SAMPLE_UNITS = 40
/** A further regime must take away three quarters of the changes that are left, and is not looked for where hardly any are. */
const TAKES_AWAY = 0.25
const HARDLY_ANY = 0.001
/** A group of which so much lies in one half of the lives is a stage of wear. */
const ONE_SIDED = 0.9
const SEED = 1

/**
 * Finds the regimes of a fleet. Wear moves the values too, but slowly; a change of regime is a jump from one row to the
 * next. So regimes are as many as take away most of the changes from row to row: and each is there early and late in the lives:
 * that is what tells ways of running from stages of wear, and a fleet that is run one way gets one regime.
 *
 * @param units rows of each unit in order; NaN is no value
 */
export function findRegimes(units: readonly (readonly Float64Array[])[]): Regimes {
  const rows = units.flat()
  const { means, deviations } = spreadOf(rows)
  const scales = deviations.map((deviation) => (deviation > 0 ? 1 / deviation : 0))
  const scaled = (row: Float64Array) => row.map((value, column) => scaledValue(value, means[column]!, scales[column]!))
  const whole = (row: Float64Array) => scaled(row).map((value) => (Number.isNaN(value) ? 0 : value))
  const sample = everyNth(rows, SAMPLE).map(whole)
  const paths = everyNth(units, SAMPLE_UNITS).map((unit) => unit.map(whole))
  const random = seededRandom(SEED)
  let centres: Float64Array[] = [new Float64Array(means.length)]
  let left = 1
  for (let count = 2; count <= MOST_REGIMES && left > HARDLY_ANY; count += 1) {
    const tried = findCentres(sample, count, random)
    const groups = paths.map((path) => path.map((row) => nearestCentre(tried, row).index))
    const leaves = changesLeft(paths, groups, count)
    if (leaves >= TAKES_AWAY * left || hasStage(groups, count)) continue
    centres = tried
    left = leaves
  }
  return { means: [...means], scales: [...scales], ...describe(rows, centres, scaled) }
}

/** Which regime a row belongs to; undefined where it is far from all that are known. */
export function regimeOf({ means, scales, centres, reach }: Regimes, row: Float64Array): number | undefined {
  const scaled = row.map((value, column) => scaledValue(value, means[column]!, scales[column]!))
  const { index, distance } = nearestCentre(centres, scaled)
  return distance <= reach ? index : undefined
}

/** NaN stays NaN; a column that never changes tells nothing. */
function scaledValue(value: number, mean: number, scale: number): number {
  return scale === 0 ? 0 : (value - mean) * scale
}

/**
 * Median over the columns of how much of the changes from row to row is left when each row is seen against the mean of its
 * regime. Where groups are none that rows jump between, it is near 1 or above.
 */
function changesLeft(
  paths: readonly (readonly Float64Array[])[],
  groups: readonly (readonly number[])[],
  count: number,
): number {
  const columns = paths[0]![0]!.length
  const means = meansOf(paths.flat(), groups.flat(), count)
  const before = new Float64Array(columns)
  const after = new Float64Array(columns)
  paths.forEach((path, unit) => {
    for (let at = 1; at < path.length; at += 1) {
      const mean = means[groups[unit]![at]!]!
      const meanBefore = means[groups[unit]![at - 1]!]!
      for (let column = 0; column < columns; column += 1) {
        const change = path[at]![column]! - path[at - 1]![column]!
        before[column]! += change * change
        after[column]! += (change - mean[column]! + meanBefore[column]!) ** 2
      }
    }
  })
  const shares = after.map((sum, column) => sum / before[column]!).filter((share) => Number.isFinite(share))
  return shares.length === 0 ? 1 : shares.sort()[shares.length >> 1]!
}

/** Whether a group is no way of running but a stage of wear: it is there nearly only in one half of the lives. */
function hasStage(groups: readonly (readonly number[])[], count: number): boolean {
  const early = new Float64Array(count)
  const all = new Float64Array(count)
  for (const path of groups) {
    path.forEach((group, row) => {
      all[group]! += 1
      if (row < path.length / 2) early[group]! += 1
    })
  }
  return early.some((rows, group) => rows > ONE_SIDED * all[group]! || rows < (1 - ONE_SIDED) * all[group]!)
}

function meansOf(rows: readonly Float64Array[], groups: readonly number[], count: number): Float64Array[] {
  return Array.from({ length: count }, (_, group) => spreadOf(rows.filter((_, i) => groups[i] === group)).means)
}

/** A row may be half as far again from its regime as the farthest one that was seen. */
const FARTHER = 1.5 ** 2

function describe(
  rows: readonly Float64Array[],
  centres: readonly Float64Array[],
  scaled: (row: Float64Array) => Float64Array,
): Pick<Regimes, 'centres' | 'reach' | 'normal'> {
  const members: Float64Array[][] = centres.map(() => [])
  let farthest = 0
  for (const row of rows) {
    const { index, distance } = nearestCentre(centres, scaled(row))
    members[index]!.push(row)
    farthest = Math.max(farthest, distance)
  }
  const normal = members.map((own) => {
    const { means, deviations } = spreadOf(own)
    return { means: [...means], deviations: [...deviations] }
  })
  return { centres: centres.map((centre) => [...centre]), reach: FARTHER * farthest, normal }
}

/** Differences below this share of a value are rounding. */
const ROUNDING = 1e-9

/** Mean and deviation of each column over the rows that have it; 0 where it does not change, or there is none. */
function spreadOf(rows: readonly Float64Array[]): { means: Float64Array; deviations: Float64Array } {
  const columns = rows[0]?.length ?? 0
  const means = new Float64Array(columns)
  const deviations = new Float64Array(columns)
  for (let column = 0; column < columns; column += 1) {
    const values = Float64Array.from(rows, (row) => row[column]!).filter((value) => !Number.isNaN(value))
    if (values.length === 0) continue
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    const deviation = Math.sqrt(squares / values.length)
    means[column] = mean
    deviations[column] = deviation > ROUNDING * Math.abs(mean) ? deviation : 0
  }
  return { means, deviations }
}

/** At most `most` of a list, evenly. */
function everyNth<T>(list: readonly T[], most: number): readonly T[] {
  const every = Math.ceil(list.length / most)
  return list.filter((_, index) => index % every === 0)
}
