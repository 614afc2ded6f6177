import { Quality } from '../../model/quality.ts'
import { interpolatedBound } from './bounds.ts'
import { CALCULATED, withCode } from './info-bits.ts'
import { isBad, isGood, numberOf } from './raw-value.ts'
import { regionsOf } from './regions.ts'
import { noData, type Aggregate } from './result.ts'
import { isUsable, type AggregateRules } from './rules.ts'
import { innerValues, startOf, type Slice } from './slice.ts'
import { codeByTime } from './status.ts'

/** The area under the values, in value times seconds, and over how many seconds. */
interface Area {
  readonly area: number
  readonly seconds: number
  readonly code: number
}

type Measure = (area: Area) => number

const perTime: Measure = ({ area, seconds }) => area / seconds
const asItIs: Measure = ({ area }) => area

/** The area divided by the time, with Interpolated Bounding Values (OPC 10000-13 clause 5.4.3.6). */
export const timeAverage: Aggregate = (slice, rules) => pointOf(slice, interpolatedArea(slice, rules), perTime)

/** The same with Simple Bounding Values (clause 5.4.3.7). */
export const timeAverage2: Aggregate = (slice, rules) => pointOf(slice, simpleArea(slice, rules), perTime)

/** The area, in value times seconds, with Interpolated Bounding Values (clause 5.4.3.8). */
export const total: Aggregate = (slice, rules) => pointOf(slice, interpolatedArea(slice, rules), asItIs)

/** The same with Simple Bounding Values (clause 5.4.3.9). */
export const total2: Aggregate = (slice, rules) => pointOf(slice, simpleArea(slice, rules), asItIs)

function pointOf(slice: Slice, area: Area, measure: Measure) {
  if (area.seconds === 0) return noData(slice)
  return { time: startOf(slice), value: measure(area), quality: withCode(CALCULATED, area.code) }
}

/** Bad values are passed over; that, and anything uncertain, makes the result uncertain. */
function interpolatedArea(slice: Slice, rules: AggregateRules): Area {
  const inner = innerValues(slice)
  const [early, late] = [interpolatedBound(slice.early, rules), interpolatedBound(slice.late, rules)]
  const points = [early, ...inner.filter((raw) => isUsable(raw, rules)), late].filter((one) => !isBad(one))
  let [area, seconds] = [0, 0]
  for (let nth = 0; nth + 1 < points.length; nth++) {
    const [from, to] = [points[nth]!, points[nth + 1]!]
    const first = numberOf(from.value) ?? 0
    const last = rules.stepped ? first : (numberOf(to.value) ?? 0)
    const lasts = (to.time - from.time) / 1000
    area += ((first + last) / 2) * lasts
    seconds += lasts
  }
  // Stepped, what is at the end says nothing of the time before it.
  const told = rules.stepped ? [early, ...inner] : [early, ...inner, late]
  return { area, seconds, code: told.every(isGood) ? Quality.Good : Quality.UncertainDataSubNormal }
}

function simpleArea(slice: Slice, rules: AggregateRules): Area {
  const regions = regionsOf(slice, rules, rules.stepped)
  let [area, seconds] = [0, 0]
  for (const { durationMs, startValue, endValue, severity } of regions) {
    if (severity === 'bad') continue
    area += ((startValue + endValue) / 2) * (durationMs / 1000)
    seconds += durationMs / 1000
  }
  return { area, seconds, code: codeByTime(regions, rules) }
}
