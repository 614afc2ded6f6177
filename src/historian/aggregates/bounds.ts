import { Quality } from '../../model/quality.ts'
import type { Value } from '../../model/reading.ts'
import { withInfo } from './info-bits.ts'
import { isBad, isGood, numberOf, type RawValue } from './raw-value.ts'
import { isUsable, type AggregateRules } from './rules.ts'
import type { Edge } from './slice.ts'

/** The value at an edge of an interval: stored, or made of those around it. */
export interface Bound {
  readonly time: number
  readonly value: Value | null
  readonly quality: number
  /** It lies beyond the last value stored. */
  readonly beyond: boolean
}

const INTERPOLATED = withInfo(Quality.Good, 'Interpolated')
const DOUBTFUL = withInfo(Quality.UncertainDataSubNormal, 'Interpolated')

/**
 * Simple Bounding Value (OPC 10000-13 clause 3.1.9): of the values next to the edge, even if these are Bad.
 *
 * Stepped, the clause says Uncertain_DataSubNormal of an Uncertain value before the edge; the standard's own tables keep
 * to that where TreatUncertainAsBad is set too, and so do we. Sloped, such a value is Bad to them, and to us.
 */
export function simpleBound(edge: Edge, rules: AggregateRules): Bound {
  const { time, at, before, after } = edge
  const beyond = at === undefined && after === undefined
  if (at !== undefined) return isUsable(at, rules) ? stored(at) : noData(time, false)
  if (before === undefined || beyond) return noData(time, beyond)
  if (rules.stepped) return isBad(before) ? noData(time, false) : held(time, before, !isGood(before), false)
  if (!isUsable(before, rules)) return noData(time, false)
  if (after === undefined || !isUsable(after, rules)) return held(time, before, true, false)
  return onLine(time, before, after, !isGood(before) || !isGood(after), false)
}

/** Interpolated Bounding Value (clause 3.1.8): of the usable values nearest to the edge, beyond the last one extrapolated. */
export function interpolatedBound(edge: Edge, rules: AggregateRules): Bound {
  const { time, at, before, after, usableBefore, secondUsableBefore, usableAfter } = edge
  if (at !== undefined && isUsable(at, rules)) return stored(at)
  const beyond = at === undefined && after === undefined
  if (usableBefore === undefined) return noData(time, beyond)
  const badBefore = usableBefore !== before || at !== undefined
  if (rules.stepped) return held(time, usableBefore, badBefore || beyond || !isGood(usableBefore), beyond)
  if (usableAfter !== undefined) {
    const doubtful = badBefore || usableAfter !== after || !isGood(usableBefore) || !isGood(usableAfter)
    return onLine(time, usableBefore, usableAfter, doubtful, beyond)
  }
  if (rules.slopedExtrapolation && secondUsableBefore !== undefined) {
    return onLine(time, secondUsableBefore, usableBefore, true, beyond)
  }
  return held(time, usableBefore, true, beyond)
}

function stored({ time, value, quality }: RawValue): Bound {
  return { time, value, quality, beyond: false }
}

function noData(time: number, beyond: boolean): Bound {
  return { time, value: null, quality: Quality.BadNoData, beyond }
}

function held(time: number, { value }: RawValue, doubtful: boolean, beyond: boolean): Bound {
  return { time, value, quality: doubtful ? DOUBTFUL : INTERPOLATED, beyond }
}

/** Where the line through two values is at a time; of what is no number, the first one. */
function onLine(time: number, first: RawValue, second: RawValue, doubtful: boolean, beyond: boolean): Bound {
  const [from, to] = [numberOf(first.value), numberOf(second.value)]
  if (from === undefined || to === undefined) return held(time, first, true, beyond)
  const value = from + ((to - from) * (time - first.time)) / (second.time - first.time)
  return { time, value, quality: doubtful ? DOUBTFUL : INTERPOLATED, beyond }
}
