/**
 * What a tag can hold. A bigint is an int64; bytes are opaque. Inside arrays and structures an integer is a bigint
 * exactly when it is beyond 2^53, and bytes do not occur.
 */
export type Value =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value | null }

/** One tag's value at one moment, with its quality and its three times: the noun that people and APIs see. */
export interface Sample {
  readonly asset: string
  readonly tag: string
  /** null: there is no value, and `quality` says why. */
  readonly value: Value | null
  /** OPC UA StatusCode, 0 = Good. */
  readonly quality: number
  /** When the machine measured it: ms since the epoch, fractions down to the microsecond. */
  readonly sourceTime: number
  /** When the machine's server saw it, where there is one. */
  readonly serverTime?: number
  /** When Millrace received it. */
  readonly receivedTime: number
}

/**
 * The samples of one asset that were measured together: the unit that sources hand over and that one record of the
 * log holds (docs/architecture.md, "The record"). Immutable once handed over.
 */
export interface Reading {
  /** Full path of the asset, checked by `parsePath`. */
  readonly asset: string
  readonly sourceTime: number
  readonly serverTime?: number
  readonly receivedTime: number
  /**
   * Values by tag. null: no value, and then `quality` has an entry that is not Good. Names come from machines:
   * enumerate with `Object.keys`, never look one up without `Object.hasOwn`, never assign by such a name.
   */
  readonly values: { readonly [tag: string]: Value | null }
  /** Quality by tag, only of tags that are not Good. */
  readonly quality?: { readonly [tag: string]: number }
}

/** A reading's samples, one per tag. */
export function samplesOf(reading: Reading): Sample[] {
  const { asset, sourceTime, serverTime, receivedTime } = reading
  return Object.entries(reading.values).map(([tag, value]) => ({
    asset,
    tag,
    value,
    quality: qualityOf(reading, tag),
    sourceTime,
    ...(serverTime === undefined ? {} : { serverTime }),
    receivedTime,
  }))
}

/** The quality of one tag of a reading. */
export function qualityOf(reading: Reading, tag: string): number {
  const { quality } = reading
  return quality !== undefined && Object.hasOwn(quality, tag) ? quality[tag]! : 0
}
