import { severity } from '../../model/quality.ts'
import { simpleBound } from './bounds.ts'
import { CALCULATED, withInfo } from './info-bits.ts'
import { noData, type Aggregate, type AggregatePoint } from './result.ts'
import { innerValues, startOf, type Slice } from './slice.ts'

/** The worst StatusCode of the values, as a number; the first of several (OPC 10000-13 clause 5.4.3.35). */
export const worstQuality: Aggregate = (slice) =>
  slice.values.length === 0 ? noData(slice) : worstOf(slice, slice.values)

/** The same with Simple Bounding Values (clause 5.4.3.36). */
export const worstQuality2: Aggregate = (slice, rules) =>
  worstOf(slice, [simpleBound(slice.early, rules), ...innerValues(slice), simpleBound(slice.late, rules)])

const RANK = { good: 0, uncertain: 1, bad: 2 } as const

function worstOf(slice: Slice, values: readonly { readonly quality: number }[]): AggregatePoint {
  const ranks = values.map(({ quality }) => RANK[severity(quality)])
  const worst = ranks.reduce<number>((most, rank) => Math.max(most, rank), 0)
  const value = (values[ranks.findIndex((rank) => rank === worst)]!.quality & 0xffff0000) >>> 0
  const several = worst > 0 && ranks.filter((rank) => rank === worst).length > 1
  return { time: startOf(slice), value, quality: several ? withInfo(CALCULATED, 'MultipleValues') : CALCULATED }
}
