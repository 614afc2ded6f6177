import type { Value } from '../model/reading.ts'

/** One stored value of one tag. */
export interface HistorySample {
  /** When the machine measured it: ms since the epoch, fractions down to the microsecond. */
  readonly time: number
  /** Typed by the tag's definition, as a twin's values are; null: there is none, and `quality` says why. */
  readonly value: Value | null
  /** OPC UA StatusCode, 0 = Good. */
  readonly quality: number
  /** When Millrace received it: ms since the epoch. */
  readonly receivedTime: number
}

/** Samples of one tag. */
export interface HistorySeries {
  /** In the order that was asked for. */
  readonly samples: readonly HistorySample[]
  /** There are more in the range beyond the last one: go on just after its time (just before it, when backwards). */
  readonly more: boolean
}

export interface HistoryRange {
  readonly asset: string
  readonly tags: readonly string[]
  /** The first moment, ms since the epoch. */
  readonly from: number
  /** The first moment that is not asked for any more. */
  readonly to: number
  /** Most samples of each tag; default: all of them. */
  readonly limit?: number
  /** From the newest to the oldest: `limit` then keeps the newest. */
  readonly backwards?: boolean
}

export interface HistoryMoment {
  /** Names of tags, by asset. What is asked for together takes hardly longer than one asset does, and is answered as a whole. */
  readonly tags: ReadonlyMap<string, readonly string[]>
  readonly time: number
  /** Only samples whose quality is Good (OPC 10000-4 clause 7.39: the two severity bits are 0). */
  readonly goodOnly?: boolean
}

/** One sample of each tag, by asset and tag; every asset that was asked for has an entry. */
export type HistorySamples = ReadonlyMap<string, ReadonlyMap<string, HistorySample>>

export interface BucketsQuery {
  /** Every pair of an asset and a tag that is stored is answered. */
  readonly assets: readonly string[]
  readonly tags: readonly string[]
  readonly from: number
  readonly to: number
  /** Length of a bucket; buckets begin at whole multiples of it since the epoch. From 1 ms. */
  readonly everyMs: number
}

/** Buckets of one tag, in order of time. An array is one; else each is made when it is asked for: there may be millions. */
export interface BucketSeries {
  readonly asset: string
  readonly tag: string
  readonly buckets: BucketList
}

export type BucketList = Pick<readonly Bucket[], 'length' | 'at'> & Iterable<Bucket>

/** What means of buckets of one tag are made of, column by column, in order of time: the same as in `Bucket`. */
export interface MeanSeries {
  readonly asset: string
  readonly tag: string
  readonly start: Float64Array
  readonly count: Float64Array
  readonly usable: Float64Array
  /** NaN: there is none. */
  readonly sum: Float64Array
  readonly worstQuality: Float64Array
}

/**
 * What one tag did from `start` to `start + everyMs`, cut to what was asked for. "Usable" samples are numbers (booleans
 * are 0 and 1) whose quality is not Bad; a bucket without any has no minimum, maximum, sum.
 */
export interface Bucket {
  /** ms since the epoch. */
  readonly start: number
  /** Samples of any quality. Of samples with equal source times only the last one of the log counts. */
  readonly count: number
  /** Usable samples. */
  readonly usable: number
  /** Samples whose quality is Good. */
  readonly good: number
  readonly minimum?: number
  readonly maximum?: number
  /** Of the usable samples. */
  readonly sum?: number
  readonly first: BucketEdge
  readonly last: BucketEdge
  /** The worst quality: the highest code of the worst severity. */
  readonly worstQuality: number
  /**
   * Integral of the value over time, in its unit times ms, from the first to the last sample: each usable sample holds
   * until the next sample, one that is not usable counts for nothing.
   */
  readonly integral: number
  /**
   * The same where the value lies on straight lines from sample to sample. Absent unless every sample is usable, and none
   * came twice for one time.
   */
  readonly trapezoid?: number
  /** How long that was, in ms: the time from the first to the last sample that usable samples held. */
  readonly usableMs: number
}

/** The first or last sample of a bucket. */
export interface BucketEdge {
  readonly time: number
  /** As it is stored: undefined where it is not a number, or there is none. */
  readonly number?: number
  readonly quality: number
}

/** What is stored of an asset, or of all. */
export interface HistoryExtent {
  /** Times of the first and of the last sample, ms since the epoch. */
  readonly from: number
  readonly to: number
  /** Samples, those with equal times of one tag included. */
  readonly samples: number
}

/**
 * Everything that machines sent and processors derived, by source time. What the log has acknowledged is seen about a
 * second later. Of samples of one tag with equal times the one counts that is later in the log. Reads run beside the storing,
 * never in its way. While the historian catches up with the log, reads answer what is there so far.
 *
 * All calls: an aborted signal rejects with its reason.
 * @throws HistoryError `HISTORY_UNAVAILABLE` where the store cannot be read now (a later call may), `HISTORY_TOO_LARGE`
 * where the answer does not fit into the memory that the historian may use
 */
export interface HistoryReader {
  /** Samples with from <= time < to, by tag; every tag that was asked for has an entry. */
  read(query: HistoryRange, signal: AbortSignal): Promise<Map<string, HistorySeries>>
  /** The newest sample of each tag at or before a time; tags without one have no entry. What twins as of then need. */
  before(query: HistoryMoment, signal: AbortSignal): Promise<HistorySamples>
  /** The oldest sample of each tag at or after a time. */
  after(query: HistoryMoment, signal: AbortSignal): Promise<HistorySamples>
  /** Undefined: nothing is stored. */
  extent(query: { readonly asset?: string }, signal: AbortSignal): Promise<HistoryExtent | undefined>
  /** Buckets that hold samples, of tags that have any, in order of asset and tag; from the roll-ups of minutes where these hold. */
  buckets(query: BucketsQuery, signal: AbortSignal): Promise<readonly BucketSeries[]>
  /** The same, of what a mean takes alone: a day of a thousand tags in minutes is no more than 70 MB. */
  means(query: BucketsQuery, signal: AbortSignal): Promise<readonly MeanSeries[]>
}
