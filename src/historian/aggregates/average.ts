import { CALCULATED, withCode } from './info-bits.ts'
import { isGood, numberOf } from './raw-value.ts'
import { noData, type AggregatePoint } from './result.ts'
import type { AggregateRules } from './rules.ts'
import { startOf, type Slice } from './slice.ts'
import { codeByValues } from './status.ts'

/** The mean of the Good values, whatever their times (OPC 10000-13 clause 5.4.3.5). */
export function average(slice: Slice, rules: AggregateRules): AggregatePoint {
  const good = slice.values.filter(isGood).map(({ value }) => numberOf(value) ?? 0)
  if (good.length === 0) return noData(slice)
  const value = good.reduce((sum, one) => sum + one, 0) / good.length
  return { time: startOf(slice), value, quality: withCode(CALCULATED, codeByValues(slice.values, rules)) }
}
