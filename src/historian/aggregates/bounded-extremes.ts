import { simpleBound } from './bounds.ts'
import { found, type Direction } from './extremes.ts'
import { hasInfo, withCode, withInfo } from './info-bits.ts'
import { isBad, numberOf } from './raw-value.ts'
import { regionsOf } from './regions.ts'
import { noData, type Aggregate, type AggregatePoint } from './result.ts'
import { isUsable, type AggregateRules } from './rules.ts'
import { endEdge, innerValues, startOf, type Edge, type Slice } from './slice.ts'
import { codeByTime } from './status.ts'

/** How long before the interval's end a value at its end is said to be: the time must lie within (EffectiveEndTime). */
const TIME_UNIT_MS = 1

/** As Minimum, with Simple Bounding Values (OPC 10000-13 clause 5.4.3.15). */
export const minimum2: Aggregate = (slice, rules) => extreme(slice, rules, 1, false)

/** As Maximum, with Simple Bounding Values (clause 5.4.3.16). */
export const maximum2: Aggregate = (slice, rules) => extreme(slice, rules, -1, false)

/** As MinimumActualTime, with Simple Bounding Values (clause 5.4.3.17). */
export const minimumActualTime2: Aggregate = (slice, rules) => extreme(slice, rules, 1, true)

/** As MaximumActualTime, with Simple Bounding Values (clause 5.4.3.18). */
export const maximumActualTime2: Aggregate = (slice, rules) => extreme(slice, rules, -1, true)

/** As Range, with Simple Bounding Values (clause 5.4.3.19). */
export const range2: Aggregate = (slice, rules) => {
  const values = candidates(slice, rules)
  const [low, high] = [found(values, 1), found(values, -1)]
  if (low === undefined || high === undefined) return noData(slice)
  const value = numberOf(high.raw.value)! - numberOf(low.raw.value)!
  return coded({ time: startOf(slice), value, quality: withInfo(0, 'Calculated') }, slice, rules)
}

function extreme(slice: Slice, rules: AggregateRules, direction: Direction, actualTime: boolean): AggregatePoint {
  const best = found(candidates(slice, rules), direction)
  if (best === undefined) return noData(slice)
  const { raw, several } = best
  const atEnd = raw.time === endEdge(slice).time
  let { quality } = raw
  if (several) quality = withInfo(quality, 'MultipleValues')
  if (!actualTime) {
    if (raw.time !== startOf(slice) && !hasInfo(quality, 'Interpolated')) quality = withInfo(quality, 'Calculated')
    return coded({ time: startOf(slice), value: raw.value, quality }, slice, rules)
  }
  if (!atEnd) return coded({ time: raw.time, value: raw.value, quality }, slice, rules)
  const time = raw.time + (slice.backwards ? TIME_UNIT_MS : -TIME_UNIT_MS)
  return coded({ time, value: raw.value, quality: withInfo(quality, 'Interpolated') }, slice, rules)
}

/** Bounds and values between them that may be used; stepped, what begins at the late edge does not count. */
function candidates(slice: Slice, rules: AggregateRules) {
  const bound = (edge: Edge) => simpleBound(edge, rules)
  const late = rules.stepped && (!slice.backwards || slice.late.at === undefined) ? [] : [bound(slice.late)]
  return [bound(slice.early), ...innerValues(slice), ...late].filter(
    (one) => isUsable(one, rules) && one.value !== null,
  )
}

/** The code by time, the bits as they are; what is Bad has no value. */
function coded(point: AggregatePoint, slice: Slice, rules: AggregateRules): AggregatePoint {
  const quality = withCode(point.quality, codeByTime(regionsOf(slice, rules, rules.stepped), rules))
  return isBad({ quality }) ? { ...point, value: null, quality } : { ...point, quality }
}
