import type { AlarmView, AssetSummary, JsonValue, TwinView, ValuesRow } from './contract.ts'

/** `GET /api/v1/assets/{path}?at=`: the twin as of a moment. Meta data and relations are those of now. */
export interface PastTwinView extends Omit<TwinView, 'revision' | 'source'> {
  /** The moment, ms since the epoch. */
  readonly at: number
  /** Alarms of the asset that stood then, those that want an answer first; at most 100. */
  readonly alarms: readonly AlarmView[]
  readonly basis: PastBasis
}

/** Where an answer about the past is from, and what it does not know. */
export interface PastBasis {
  /**
   * Values are those whose source time is at or before the moment, whenever they came: what came late is in it. Alarms are
   * those that the hub had been told of by then, and so are commands.
   */
  readonly by: { readonly values: 'source time'; readonly alarms: 'received time' }
  /** Tags whose value then is the one of now, and tags whose value is from history. */
  readonly present: number
  readonly history: number
  /** Source time of the first sample that history has of the asset, where history was asked. */
  readonly historyFrom?: number
  /** Tags of which it is not known what they were: history does not reach back so far, or there is none. */
  readonly unknown: readonly string[]
  /** What else one has to know, in sentences. */
  readonly notes: readonly string[]
}

/** `GET /api/v1/assets?at=`: as `AssetsView`, of a moment; an asset that had sent nothing by then has tags and no values. */
export interface PastAssetsView {
  readonly at: number
  readonly assets: readonly AssetSummary[]
  /** What `after` has to be for the page after this one. A page that takes too long ends early, so it may be short. */
  readonly next?: string
  readonly unknown?: { readonly assets: number; readonly reason?: string }
}

/** `GET /api/v1/values?at=`: as `ValuesView`, of a moment. */
export interface PastValuesView {
  readonly at: number
  readonly assets: readonly ValuesRow[]
  readonly next?: string
}

/** `GET /api/v1/assets/{path}/compare?a=&b=`: what differs between two moments. */
export interface CompareView {
  readonly path: string
  readonly a: number
  readonly b: number
  /** Tags whose value or quality is another one, in the order of the twin. */
  readonly tags: readonly ChangedTag[]
  /** How many are the same. */
  readonly same: number
  /** Alarms that stood at `b` and not at `a`, and the other way round. */
  readonly alarms: { readonly came: readonly AlarmView[]; readonly went: readonly AlarmView[] }
  readonly basis: { readonly a: PastBasis; readonly b: PastBasis }
}

export interface ChangedTag {
  readonly tag: string
  readonly type: string
  readonly unit?: string
  readonly a: MomentValue
  readonly b: MomentValue
  /** Of numbers: the value at `b` less that at `a`. */
  readonly change?: number
}

/** Absent times: nothing had come by then. */
export interface MomentValue {
  readonly value: JsonValue
  readonly quality: number
  readonly qualityName: string
  readonly sourceTime?: number
}
