import type { Json } from '../../model/json-value.ts'
import { regimeOf, type Regimes } from './regimes.ts'

/** What features are made by: part of a model, plain JSON. */
export interface FeatureSettings {
  readonly regimes: Regimes
  /** Columns that are used: those that change within a regime. */
  readonly columns: readonly number[]
  /** Rows of a typical life; windows are shares of it. */
  readonly rowsPerLife: number
}

/** Window of the mean that says where a column is now, as a share of a typical life. */
const LEVEL_WINDOW = 0.05
/** Windows of the slopes. */
const SLOPE_WINDOWS = [0.1, 0.3]
/** Deviations from normal that are no more told apart. */
const FARTHEST = 6

/** How many features a row has: level and slopes of each column, and the age. */
function featureCount({ columns }: FeatureSettings): number {
  return columns.length * (1 + SLOPE_WINDOWS.length) + 1
}

/**
 * What a unit's past says of its wear, row by row, in memory that does not grow: for each column, seen against what is
 * normal in the regime of the row, where it is (exponentially weighted mean) and how fast it moves (slope of an
 * exponentially weighted line, over a short and a long window). Slopes do not depend on how the unit was when it was new,
 * which differs much from unit to unit.
 */
export class Features {
  readonly #settings: FeatureSettings
  /** The last values, which stand for missing ones. */
  #row: Float64Array
  /** Deviations from normal of the last row whose regime is known. */
  #deviations: Float64Array
  #level: Level
  #slopes: Slope[]
  #first: number | undefined
  #last = 0

  constructor(settings: FeatureSettings) {
    this.#settings = settings
    const { columns, regimes, rowsPerLife } = settings
    this.#row = new Float64Array(regimes.means.length).fill(NaN)
    this.#deviations = new Float64Array(columns.length)
    this.#level = newLevel(columns.length)
    this.#slopes = SLOPE_WINDOWS.map((window) => newSlope(window * rowsPerLife, columns.length))
  }

  static restore(settings: FeatureSettings, json: Json): Features {
    const saved = json as unknown as Saved
    const features = new Features(settings)
    features.#row = Float64Array.from(saved.row, (value) => value ?? NaN)
    features.#deviations = Float64Array.from(saved.deviations)
    features.#level = { weight: saved.level.weight, sums: Float64Array.from(saved.level.sums) }
    features.#slopes = saved.slopes.map(({ weights, values, moments }, at) => ({
      ...features.#slopes[at]!,
      weights: [...weights],
      values: Float64Array.from(values),
      moments: Float64Array.from(moments),
    }))
    features.#first = saved.first ?? undefined
    features.#last = saved.last
    return features
  }

  /** It began there, before the first row that is taken. */
  begin(first: number): void {
    this.#first = first
    this.#last = first
  }

  take(at: number, values: readonly number[]): void {
    if (!Number.isFinite(at) || (this.#first !== undefined && at <= this.#last)) return
    this.#first ??= at
    this.#last = at
    values.forEach((value, column) => {
      if (Number.isFinite(value)) this.#row[column] = value
    })
    const regime = regimeOf(this.#settings.regimes, this.#row)
    if (regime !== undefined) this.#judge(regime)
    addToLevel(this.#level, this.#deviations, LEVEL_WINDOW * this.#settings.rowsPerLife)
    for (const slope of this.#slopes) addToSlope(slope, this.#deviations)
  }

  /** From the first row on. */
  age(): number {
    return this.#first === undefined ? 0 : this.#last - this.#first
  }

  hasRows(): boolean {
    return this.#level.weight > 0
  }

  /** The features at the last row. */
  vector(): Float32Array {
    const vector = new Float32Array(featureCount(this.#settings))
    let at = 0
    for (let column = 0; column < this.#settings.columns.length; column += 1) {
      vector[at++] = this.#level.sums[column]! / this.#level.weight
      for (const slope of this.#slopes) vector[at++] = slopeOf(slope, column)
    }
    vector[at] = this.age()
    return vector
  }

  save(): Json {
    return {
      row: Array.from(this.#row, (value) => (Number.isNaN(value) ? null : value)),
      deviations: [...this.#deviations],
      level: { weight: this.#level.weight, sums: [...this.#level.sums] },
      slopes: this.#slopes.map(({ weights, values, moments }) => ({
        weights: [...weights],
        values: [...values],
        moments: [...moments],
      })),
      first: this.#first ?? null,
      last: this.#last,
    }
  }

  #judge(regime: number): void {
    const { means, deviations } = this.#settings.regimes.normal[regime]!
    this.#settings.columns.forEach((column, at) => {
      const value = (this.#row[column]! - means[column]!) / deviations[column]!
      // `+ 0`: JSON knows no negative zero.
      if (Number.isFinite(value)) this.#deviations[at] = Math.max(-FARTHEST, Math.min(FARTHEST, value)) + 0
    })
  }
}

interface Saved {
  readonly row: readonly (number | null)[]
  readonly deviations: readonly number[]
  readonly level: { readonly weight: number; readonly sums: readonly number[] }
  readonly slopes: readonly {
    readonly weights: [number, number, number]
    readonly values: readonly number[]
    readonly moments: readonly number[]
  }[]
  readonly first: number | null
  readonly last: number
}

/** An exponentially weighted mean that is right from the first row on: sums of weights and of weighted values. */
interface Level {
  weight: number
  readonly sums: Float64Array
}

function newLevel(columns: number): Level {
  return { weight: 0, sums: new Float64Array(columns) }
}

function addToLevel(level: Level, values: Float64Array, window: number): void {
  const keep = 1 - Math.min(1, 2 / (window + 1))
  level.weight = level.weight * keep + 1
  for (let column = 0; column < values.length; column += 1) {
    level.sums[column] = level.sums[column]! * keep + values[column]!
  }
}

/** Sums of an exponentially weighted line over time in rows, now being 0; so all of them move with every row. */
interface Slope {
  readonly window: number
  /** Sums of the weights, of weight by time and of weight by its square. */
  weights: [number, number, number]
  /** By column: sums of weighted values, and of weighted values by time. */
  readonly values: Float64Array
  readonly moments: Float64Array
}

function newSlope(window: number, columns: number): Slope {
  return { window, weights: [0, 0, 0], values: new Float64Array(columns), moments: new Float64Array(columns) }
}

function addToSlope(slope: Slope, values: Float64Array): void {
  const keep = 1 - Math.min(1, 1 / slope.window)
  const [zero, one, two] = slope.weights
  slope.weights = [keep * zero + 1, keep * (one - zero) + 0, keep * (two - 2 * one + zero)]
  for (let column = 0; column < values.length; column += 1) {
    slope.moments[column] = keep * (slope.moments[column]! - slope.values[column]!) + 0
    slope.values[column] = slope.values[column]! * keep + values[column]!
  }
}

/** Least squares, held towards 0 as if a fifth of the window had been seen to be flat: a few noisy rows make no slope. */
function slopeOf({ window, weights: [zero, one, two], values, moments }: Slope, column: number): number {
  const spread = zero * two - one * one
  return (window * (zero * moments[column]! - one * values[column]!)) / (spread + zero * (1 + (window / 5) ** 2))
}
