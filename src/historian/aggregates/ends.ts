import { Quality } from '../../model/quality.ts'
import { simpleBound } from './bounds.ts'
import { CALCULATED, withCode, withInfo } from './info-bits.ts'
import { isBad, isGood, numberOf } from './raw-value.ts'
import { noData, type Aggregate, type AggregatePoint } from './result.ts'
import { endEdge, startEdge, startOf, type Slice } from './slice.ts'

/** The first value of the interval, with its own time and quality (OPC 10000-13 clause 5.4.3.25). */
export const start: Aggregate = (slice) => stored(slice, 0)

/** The last value of the interval, with its own time and quality (clause 5.4.3.26). */
export const end: Aggregate = (slice) => stored(slice, -1)

/** The last Good value less the first one; uncertain where anything else stands before or after them (clause 5.4.3.27). */
export const delta: Aggregate = (slice) => {
  const values = inOrder(slice)
  const [first, last] = [values.find(isGood), values.findLast(isGood)]
  if (first === undefined || last === undefined) return noData(slice)
  const skipped = values[0] !== first || values.at(-1) !== last
  const value = numberOf(last.value)! - numberOf(first.value)!
  return {
    time: startOf(slice),
    value,
    quality: withCode(CALCULATED, skipped ? Quality.UncertainDataSubNormal : Quality.Good),
  }
}

/** The Simple Bounding Value at the beginning (clause 5.4.3.28). */
export const startBound: Aggregate = (slice, rules) => {
  const { value, quality } = simpleBound(startEdge(slice), rules)
  return { time: startOf(slice), value, quality }
}

/** The Simple Bounding Value at the end, dated by the beginning (clause 5.4.3.29). */
export const endBound: Aggregate = (slice, rules) => {
  const { value, quality } = simpleBound(endEdge(slice), rules)
  // Calculated in place of how the bound came about: its time is not that of the result.
  return { time: startOf(slice), value, quality: isBad({ quality }) ? quality : withCode(CALCULATED, quality) }
}

/** The bound at the end less the one at the beginning; both have to be there (clause 5.4.3.30). */
export const deltaBounds: Aggregate = (slice, rules) => {
  const [first, last] = [simpleBound(startEdge(slice), rules), simpleBound(endEdge(slice), rules)]
  if (isBad(first) || isBad(last)) return noData(slice)
  const code = isGood(first) && isGood(last) ? Quality.Good : Quality.UncertainDataSubNormal
  const value = numberOf(last.value)! - numberOf(first.value)!
  return { time: startOf(slice), value, quality: withInfo(code, 'Calculated') }
}

function stored(slice: Slice, index: 0 | -1): AggregatePoint {
  const raw = inOrder(slice).at(index)
  if (raw === undefined) return noData(slice)
  const { time, value, quality } = raw
  return { time, value: isBad(raw) ? null : value, quality }
}

/** As they follow each other in the direction of the request. */
function inOrder({ values, backwards }: Slice) {
  return backwards ? values.toReversed() : values
}
