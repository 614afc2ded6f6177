import type { Retention } from '../../log/log.ts'

/** What a replication carries, and how; checked by the config. */
export interface ReplicationRules {
  readonly name: string
  /** The site whose topics are carried. */
  readonly site: string
  /** Kinds of topics; a trailing `*` takes all that begin so. */
  readonly topics: readonly string[]
  /** Patterns of assets (`press-shop/**`, below the site); empty: all. Topics that are not kept by asset go whole. */
  readonly assets: readonly string[]
  /** Names of tags, `*` at the end takes all that begin so; empty: all. */
  readonly tags: readonly string[]
  readonly thin: readonly ThinRule[]
  readonly catchUp: CatchUp
  /** Partitions of topics that are missing in the target, where their order is per key. */
  readonly partitions: number
  /** How else those are made; absent: as their kind is, and as the target likes it. */
  readonly retention?: Retention
  readonly replication?: number
  readonly minInSync?: number
}

/** Fewer points of numbers, within a bound. */
export interface ThinRule {
  /** Pattern of assets, and a tag's name or the beginning of it with `*`. */
  readonly asset: string
  readonly tag: string
  readonly method: ThinMethod
}

/**
 * - `deadband`: a value passes when it differs from the last one that passed by more than `band`
 * - `swinging-door`: straight lines between the points that passed stay within `error` of every point left out
 * A point passes at the latest `atLeastEveryMs` (by source time) after the last one.
 */
export type ThinMethod =
  | { readonly kind: 'deadband'; readonly band: number; readonly atLeastEveryMs: number }
  | { readonly kind: 'swinging-door'; readonly error: number; readonly atLeastEveryMs: number }

interface CatchUp {
  /** `in-order`: order per key always. `fresh-first`: what is new goes at once, the backlog behind it. */
  readonly order: 'in-order' | 'fresh-first'
  /** Most bytes a second of records that are not fresh; absent: as fast as it goes. */
  readonly bytesPerSecond?: number
}

/** Whether everything of the chosen topics is carried, so that the books can be proved from the copy. */
export function isWhole({ assets, tags, thin }: ReplicationRules): boolean {
  return assets.length === 0 && tags.length === 0 && thin.length === 0
}
