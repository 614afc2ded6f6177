import { Quality } from '../../model/quality.ts'
import { CALCULATED, withCode } from './info-bits.ts'
import { isGood, numberOf } from './raw-value.ts'
import { noData, type Aggregate } from './result.ts'
import { startOf } from './slice.ts'

/** Of the Good values as a sample of more (OPC 10000-13 clause 5.4.3.37); of one value 0. */
export const standardDeviationSample = deviation(1, Math.sqrt)

/** The square of it (clause 5.4.3.38). */
export const varianceSample = deviation(1, (variance) => variance)

/** Of the Good values as all there are (clause 5.4.3.39). */
export const standardDeviationPopulation = deviation(0, Math.sqrt)

/** The square of it (clause 5.4.3.40). */
export const variancePopulation = deviation(0, (variance) => variance)

function deviation(less: 0 | 1, measure: (variance: number) => number): Aggregate {
  return (slice) => {
    const good = slice.values.filter(isGood).map(({ value }) => numberOf(value) ?? 0)
    if (good.length === 0) return noData(slice)
    const mean = good.reduce((sum, one) => sum + one, 0) / good.length
    const squares = good.reduce((sum, one) => sum + (one - mean) ** 2, 0)
    const variance = good.length > less ? squares / (good.length - less) : 0
    const code = good.length < slice.values.length ? Quality.UncertainDataSubNormal : Quality.Good
    return { time: startOf(slice), value: measure(variance), quality: withCode(CALCULATED, code) }
  }
}
