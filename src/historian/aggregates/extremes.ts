import { Quality } from '../../model/quality.ts'
import { withInfo } from './info-bits.ts'
import { isBad, isGood, isUncertain, numberOf, type RawValue } from './raw-value.ts'
import { noData, type Aggregate, type AggregatePoint } from './result.ts'
import { isUsable, type AggregateRules } from './rules.ts'
import { startOf, type Slice } from './slice.ts'

/** 1: the smallest, -1: the largest. */
export type Direction = 1 | -1

/** The smallest Good value (OPC 10000-13 clause 5.4.3.10). */
export const minimum: Aggregate = (slice, rules) => extreme(slice, rules, 1, false)

/** The largest Good value (clause 5.4.3.11). */
export const maximum: Aggregate = (slice, rules) => extreme(slice, rules, -1, false)

/** The smallest Good value with its own time; the oldest of several (clause 5.4.3.12). */
export const minimumActualTime: Aggregate = (slice, rules) => extreme(slice, rules, 1, true)

/** The largest Good value with its own time (clause 5.4.3.13). */
export const maximumActualTime: Aggregate = (slice, rules) => extreme(slice, rules, -1, true)

/** How far apart the largest and the smallest Good value are (clause 5.4.3.14). */
export const range: Aggregate = (slice, rules) => {
  const [low, high] = [found(slice.values.filter(isGood), 1), found(slice.values.filter(isGood), -1)]
  if (low === undefined || high === undefined) return noData(slice)
  const doubtful = [codeOf(slice, rules, low.raw, 1), codeOf(slice, rules, high.raw, -1)].some((code) => code !== 0)
  const code = doubtful ? Quality.UncertainDataSubNormal : Quality.Good
  return {
    time: startOf(slice),
    value: numberOf(high.raw.value)! - numberOf(low.raw.value)!,
    quality: withInfo(code, 'Calculated'),
  }
}

function extreme(slice: Slice, rules: AggregateRules, direction: Direction, actualTime: boolean): AggregatePoint {
  const best = found(slice.values.filter(isGood), direction)
  if (best === undefined) return noData(slice)
  const { raw, several } = best
  let quality = codeOf(slice, rules, raw, direction)
  if (!actualTime && raw.time !== startOf(slice)) quality = withInfo(quality, 'Calculated')
  if (several) quality = withInfo(quality, 'MultipleValues')
  return { time: actualTime ? raw.time : startOf(slice), value: raw.value, quality }
}

/** The smallest or largest of values that are numbers, the oldest of several. */
export function found<T extends Pick<RawValue, 'value'>>(
  values: readonly T[],
  direction: Direction,
): { readonly raw: T; readonly several: boolean } | undefined {
  let best: T | undefined
  let several = false
  for (const one of values) {
    const ahead = best === undefined ? -1 : direction * (numberOf(one.value)! - numberOf(best.value)!)
    if (ahead === 0) several = true
    if (ahead >= 0) continue
    best = one
    several = false
  }
  return best === undefined ? undefined : { raw: best, several }
}

/** Uncertain where a Bad value is in the interval, or an Uncertain one that is more extreme still. */
function codeOf({ values }: Slice, rules: AggregateRules, best: RawValue, direction: Direction): number {
  const extremer = (raw: RawValue) => isUncertain(raw) && direction * (numberOf(raw.value)! - numberOf(best.value)!) < 0
  const doubtful = values.some((raw) => isBad(raw) || !isUsable(raw, rules) || extremer(raw))
  return doubtful ? Quality.UncertainDataSubNormal : Quality.Good
}
