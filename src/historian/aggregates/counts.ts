import { CALCULATED, withCode } from './info-bits.ts'
import { isBad, isGood, type RawValue } from './raw-value.ts'
import type { Aggregate, AggregatePoint } from './result.ts'
import { isUsable, type AggregateRules } from './rules.ts'
import { startOf, type Slice } from './slice.ts'
import { codeByValues } from './status.ts'

/** How many Good values there are (OPC 10000-13 clause 5.4.3.20). */
export const count: Aggregate = (slice, rules) => counted(slice, rules, slice.values.filter(isGood).length)

/**
 * How many annotations there are (clause 5.4.3.21). The values it is given are the annotations: one for each, at the
 * time of the value that it is about (several of one time are told apart by their own times, or count once).
 */
export const annotationCount: Aggregate = (slice) => ({
  time: startOf(slice),
  value: slice.values.length,
  quality: CALCULATED,
})

/** How often the value became another; the very first value of all counts too (clause 5.4.3.24). */
export const numberOfTransitions: Aggregate = (slice, rules) => {
  let previous: RawValue | undefined = slice.early.usableBefore
  // Running backwards the interval does not include its early edge, and what is there comes before it.
  if (slice.backwards && slice.early.at !== undefined && isUsable(slice.early.at, rules)) previous = slice.early.at
  let transitions = 0
  for (const raw of slice.values) {
    if (!isUsable(raw, rules)) continue
    if (previous === undefined || !isSame(previous, raw)) transitions++
    previous = raw
  }
  return counted(slice, rules, transitions)
}

function counted(slice: Slice, rules: AggregateRules, value: number): AggregatePoint {
  const code = codeByValues(slice.values, rules)
  const time = startOf(slice)
  return isBad({ quality: code })
    ? { time, value: null, quality: code }
    : { time, value, quality: withCode(CALCULATED, code) }
}

function isSame(one: RawValue, other: RawValue): boolean {
  if (typeof one.value !== 'object' || one.value === null) return one.value === other.value
  return JSON.stringify(one.value) === JSON.stringify(other.value)
}
