import { contributions, JOINT_SCALES } from './joint.ts'
import type { Model, Verdict } from './model.ts'
import { describe, SCALES } from './tag.ts'

/** How one tag departs from its usual. */
export interface Deviation {
  readonly tag: string
  /** Its level; how it changes; the time of day; how it goes with the other tags. */
  readonly kind: 'level' | 'change' | 'season' | 'together'
  /** Averaged over about so many rows. */
  readonly rows: number
  readonly seen: number
  readonly expected: number
  /** Nearly all usual rows are between. */
  readonly low: number
  readonly high: number
  /** What the tag was like before: its long mean. */
  readonly before: number
}

const MAX_DEVIATIONS = 5
/** A tag is named when it is at least this share as rare as the rarest, or adds this much to what the tags do together. */
const NAMED_SHARE = 0.1
const NAMED_CONTRIBUTION = 0.15

/** Which tags, and how far: the most unusual first. */
export function explain(model: Model, verdict: Verdict, columns: readonly string[]): Deviation[] {
  const named = model.tags
    .map((_, part) => part)
    .filter((part) => verdict.periods[part]! > 1 && verdict.periods[part]! >= NAMED_SHARE * verdict.rarest)
    .sort((a, b) => verdict.periods[b]! - verdict.periods[a]!)
  const alone = (model.joint === undefined ? [0] : named).map((part) => single(model, verdict, columns, part))
  if (verdict.leading < model.tags.length) return alone.slice(0, MAX_DEVIATIONS)
  const together = jointly(model, verdict, columns)
  const seen = new Set(together.map(({ tag }) => tag))
  return [...together, ...alone.filter(({ tag }) => !seen.has(tag))].slice(0, MAX_DEVIATIONS)
}

function single(model: Model, verdict: Verdict, columns: readonly string[], part: number): Deviation {
  const tag = model.tags[part]!
  const { kind, scale } = verdict.tags[part]!
  return {
    tag: columns[part]!,
    kind,
    rows: SCALES[scale]!,
    ...describe(tag, verdict.tags[part]!),
    before: tag.mean,
  }
}

function jointly(model: Model, verdict: Verdict, columns: readonly string[]): Deviation[] {
  const joint = model.joint!
  return contributions(joint, verdict.joint)
    .map((part, tag) => ({ ...part, tag }))
    .filter(({ share }) => share >= NAMED_CONTRIBUTION)
    .sort((a, b) => b.share - a.share)
    .map(({ tag, seen, expected }): Deviation => {
      const { mean } = model.tags[tag]!
      const sigma = joint.sigma[tag]!
      const middle = mean + expected * sigma
      return {
        tag: columns[tag]!,
        kind: 'together',
        rows: JOINT_SCALES[verdict.joint.scale]!,
        seen: mean + seen * sigma,
        expected: middle,
        low: middle - 2 * sigma,
        high: middle + 2 * sigma,
        before: mean,
      }
    })
}
