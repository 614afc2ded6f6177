import { seededRandom, type Random } from '../../system/random.ts'
import { Features, type FeatureSettings } from './features.ts'
import { growForest } from './grow.ts'
import { scoreOf, type LifeModel } from './life-model.ts'
import { findRegimes, type Regimes } from './regimes.ts'
import { answer } from './trees.ts'

/** A unit from its first row, as good as new, to its last one, where it failed. */
export interface FailedUnit {
  /** Rows in order: cycle, hours or ms, and the values, NaN where there is none. */
  readonly rows: readonly { readonly at: number; readonly values: readonly number[] }[]
}

/** Units from which something can be learned. */
const LEAST_UNITS = 4
/** Forests, each of which learns from all units but its own share. */
const FORESTS = 4
/** Rows that a forest learns from at most, and rows that bear witness. */
const MOST_ROWS = 20_000
const WITNESSES = 2_000
const SEED = 1

/**
 * Learns from units that have failed how rows tell what is left. Deterministic; a fleet of 100 units with 200 rows each takes
 * some seconds.
 *
 * @throws Error where there are fewer than four units, or none of their values changes
 */
export function learnLife(units: readonly FailedUnit[]): LifeModel {
  const used = units.filter(({ rows }) => rows.length > 1)
  if (used.length < LEAST_UNITS) {
    throw new Error(`Cannot learn remaining life: ${used.length} units have failed, want at least ${LEAST_UNITS}`)
  }
  const regimes = findRegimes(used.map(({ rows }) => rows.map(({ values }) => Float64Array.from(values))))
  const columns = changingColumns(regimes)
  if (columns.length === 0) throw new Error('Cannot learn remaining life: no value ever changes, want one that does')
  const settings = { regimes, columns, rowsPerLife: median(used.map(({ rows }) => rows.length)) }
  const life = median(used.map(({ rows }) => rows.at(-1)!.at - rows[0]!.at))
  const pasts = used.map((unit) => pastOf(unit, settings))
  const random = seededRandom(SEED)
  const shares = sharesOf(pasts.length, random)
  const grown = Array.from({ length: FORESTS }, (_, share) => {
    const own = pasts.filter((_, unit) => shares[unit] === share)
    const others = pasts.filter((_, unit) => shares[unit] !== share)
    const forest = growFrom(others, life, random)
    const scored = (vector: Float32Array) => Number(answer(forest, vector).toFixed(4))
    return {
      forest,
      witnesses: thinned(own, WITNESSES / FORESTS).map((row) => ({ ...row, score: scored(row.vector) })),
    }
  })
  const witnesses = grown.flatMap((one) => one.witnesses)
  return {
    ...settings,
    life,
    units: used.length,
    forests: grown.map(({ forest }) => forest),
    witnesses: {
      scores: witnesses.map(({ score }) => score),
      ages: witnesses.map(({ age }) => age),
      left: witnesses.map(({ left }) => left),
    },
  }
}

/** Columns that change within every regime that has rows. */
function changingColumns({ means, normal }: Regimes): number[] {
  return means.flatMap((_, column) => (normal.some(({ deviations }) => deviations[column]! > 0) ? [column] : []))
}

interface PastRow {
  readonly vector: Float32Array
  readonly age: number
  /** How long the unit lasted from here. */
  readonly left: number
}

function pastOf({ rows }: FailedUnit, settings: FeatureSettings): PastRow[] {
  const features = new Features(settings)
  const end = rows.at(-1)!.at
  return rows.map(({ at, values }) => {
    features.take(at, values)
    return { vector: features.vector(), age: features.age(), left: end - at }
  })
}

/** Which forest does not see a unit: as many units each, in a random order. */
function sharesOf(units: number, random: Random): number[] {
  const order = Array.from({ length: units }, (_, unit) => ({ unit, chance: random.next() }))
  const shares: number[] = []
  order.sort((a, b) => a.chance - b.chance).forEach(({ unit }, rank) => (shares[unit] = rank % FORESTS))
  return shares
}

function growFrom(pasts: readonly (readonly PastRow[])[], life: number, random: Random) {
  const rows = thinned(pasts, MOST_ROWS)
  const columns = Array.from(rows[0]!.vector, (_, feature) => Float32Array.from(rows, ({ vector }) => vector[feature]!))
  return growForest(
    columns,
    Float64Array.from(rows, ({ left }) => scoreOf(left, life)),
    random,
  )
}

/** At most so many rows of all units together, evenly over their lives. */
function thinned(pasts: readonly (readonly PastRow[])[], most: number): PastRow[] {
  const every = Math.ceil(pasts.reduce((sum, past) => sum + past.length, 0) / most)
  return pasts.flatMap((past, unit) => past.filter((_, row) => (row + unit) % every === 0))
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}
