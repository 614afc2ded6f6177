import type { Severity } from '../../model/quality.ts'
import { severity } from '../../model/quality.ts'
import { simpleBound } from './bounds.ts'
import { isBad, numberOf, type RawValue } from './raw-value.ts'
import { isUsable, type AggregateRules } from './rules.ts'
import { innerValues, type Slice } from './slice.ts'

/** A part of an interval between two values, or a value and a bound (OPC 10000-13 clause 5.4.3.2.1). */
export interface Region {
  readonly durationMs: number
  /** 0 where the region is bad. */
  readonly startValue: number
  /** Where the line through it ends; the start value where that holds. */
  readonly endValue: number
  readonly severity: Severity
}

/**
 * How long the one value lasts after which nothing is stored: one unit of time (clause 5.4.2.4), since what comes after
 * it is not known.
 */
const TIME_UNIT_MS = 1

/** A value or a bound, judged. */
interface Point {
  readonly time: number
  readonly value: number
  readonly severity: Severity
  /** Beyond the last value stored. */
  readonly beyond: boolean
}

/**
 * The regions of an interval with Simple Bounding Values. `stepped`: each region is as its beginning is; else its end
 * counts too, and a region whose end is not usable is stepped and uncertain.
 */
export function regionsOf(slice: Slice, rules: AggregateRules, stepped: boolean): Region[] {
  const points = pointsOf(slice, rules)
  const regions: Region[] = []
  for (let nth = 0; nth + 1 < points.length; nth++) {
    const [from, to] = [points[nth]!, points[nth + 1]!]
    const lastOfAll = to.beyond && from.severity !== 'bad'
    const durationMs = lastOfAll ? TIME_UNIT_MS : to.time - from.time
    const held = stepped || to.severity === 'bad'
    regions.push({
      durationMs,
      startValue: from.value,
      endValue: held ? from.value : to.value,
      severity: stepped ? from.severity : worseOf(from.severity, to.severity),
    })
  }
  return regions
}

function pointsOf(slice: Slice, rules: AggregateRules): Point[] {
  const inner = innerValues(slice).map((raw) => rawPoint(raw, rules))
  const bound = (edge: Slice['early']): Point => {
    const { time, value, quality, beyond } = simpleBound(edge, rules)
    return { time, value: numberOf(value) ?? 0, severity: severity(quality), beyond }
  }
  return [bound(slice.early), ...inner, bound(slice.late)]
}

/** A stored value that may not be used is bad, whatever it calls itself. */
function rawPoint(raw: RawValue, rules: AggregateRules): Point {
  const usable = isUsable(raw, rules) && !isBad(raw)
  return {
    time: raw.time,
    value: numberOf(raw.value) ?? 0,
    severity: usable ? severity(raw.quality) : 'bad',
    beyond: false,
  }
}

/** Of a region between two points: bad is only what begins bad. */
function worseOf(from: Severity, to: Severity): Severity {
  if (from === 'bad') return 'bad'
  return from === 'good' && to === 'good' ? 'good' : 'uncertain'
}
