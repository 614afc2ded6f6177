import type { JsonValue } from './contract.ts'

/** The body of `POST /api/v1/forecasts`. */
export interface ForecastRequest {
  /** Full path of an asset whose model has a behaviour. */
  readonly asset: string
  /** How far: `8h`. Absent: as the behaviour says. */
  readonly horizon?: string
  /** What if: values to begin with, in place of those of now. */
  readonly set?: { readonly [tag: string]: JsonValue }
}

/** What a behaviour makes of the values of now. It is never a value of the machine. */
export interface ForecastView {
  readonly isForecast: true
  readonly asset: string
  /** The moment of now that it begins at, and its end; ms since the epoch. */
  readonly from: number
  readonly to: number
  readonly stepMs: number
  readonly series: readonly ForecastSeries[]
  /** By how much tags grow until the end. */
  readonly totals: readonly ForecastTotal[]
  readonly reaches: readonly ForecastReach[]
  /** What the conditions of the plant would say, the earliest first. */
  readonly alarms: readonly ForecastAlarm[]
  /** There are more alarms than are told. */
  readonly moreAlarms?: true
  readonly basis: ForecastBasis
}

export interface ForecastSeries {
  readonly tag: string
  readonly unit?: string
  /** Thinned to 500 at most; the last is the end. */
  readonly points: readonly (readonly [time: number, value: number])[]
}

export interface ForecastTotal {
  readonly name: string
  readonly tag: string
  readonly unit?: string
  readonly value: number
}

export interface ForecastReach {
  readonly name: string
  /** In CEL. */
  readonly condition: string
  /** The end of the first step at which it is true; absent: at none of them. */
  readonly at?: number
  readonly afterMs?: number
}

export interface ForecastAlarm {
  readonly alarm: string
  readonly priority: string
  readonly message: string
  readonly at: number
  /** When it would be gone again. */
  readonly clearedAt?: number
}

/** What it rests on. */
export interface ForecastBasis {
  readonly model: string
  /** The equations, as the config has them. */
  readonly behaviour: BehaviourView
  /** What it began with: every tag that the behaviour looks at. */
  readonly start: readonly ForecastStart[]
  /** Tags that are thought to stay as they were at the start. */
  readonly constant: readonly string[]
  /** Processors whose alarms were looked for. */
  readonly conditions: readonly string[]
  readonly assumptions: readonly string[]
}

/** A value at the start; without quality and time where it was set for the forecast. */
export interface ForecastStart {
  readonly tag: string
  readonly value: JsonValue
  readonly unit?: string
  readonly isSet: boolean
  readonly quality?: number
  readonly qualityName?: string
  readonly sourceTime?: number
}

/** How machines of a model go on by themselves. */
export interface BehaviourView {
  readonly stepMs: number
  readonly horizonMs: number
  readonly tags: { readonly [tag: string]: string }
  readonly reaches: { readonly [name: string]: string }
  readonly totals: { readonly [name: string]: string }
  /** Tags that need a value to begin with: fresh and not Bad, or set. */
  readonly needs: readonly string[]
}
