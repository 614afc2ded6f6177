import { average } from './average.ts'
import { maximum2, maximumActualTime2, minimum2, minimumActualTime2, range2 } from './bounded-extremes.ts'
import { annotationCount, count, numberOfTransitions } from './counts.ts'
import {
  standardDeviationPopulation,
  standardDeviationSample,
  variancePopulation,
  varianceSample,
} from './deviation.ts'
import {
  durationBad,
  durationGood,
  durationInStateNonZero,
  durationInStateZero,
  percentBad,
  percentGood,
} from './durations.ts'
import { delta, deltaBounds, end, endBound, start, startBound } from './ends.ts'
import { maximum, maximumActualTime, minimum, minimumActualTime, range } from './extremes.ts'
import { interpolative } from './interpolative.ts'
import type { Aggregate } from './result.ts'
import { timeAverage, timeAverage2, total, total2 } from './time-average.ts'
import { worstQuality, worstQuality2 } from './worst-quality.ts'

/** What there is to know of an aggregate beside how it is calculated. */
interface AggregateEntry {
  readonly compute: Aggregate
  /** It takes values of any type; the others calculate, and want numbers. */
  readonly anyValue?: true
  /** It says something of moments before and after all data too. */
  readonly anywhere?: true
  /** It never says that an interval is partial: so the tables of the standard have it. */
  readonly neverPartial?: true
}

/** Every aggregate by its name in the standard (OPC 10000-13 clause 4.2.2.2). */
export const AGGREGATES = {
  Interpolative: { compute: interpolative, anyValue: true, anywhere: true, neverPartial: true },
  Average: { compute: average, neverPartial: true },
  TimeAverage: { compute: timeAverage },
  TimeAverage2: { compute: timeAverage2 },
  Total: { compute: total },
  Total2: { compute: total2 },
  Minimum: { compute: minimum },
  Maximum: { compute: maximum },
  MinimumActualTime: { compute: minimumActualTime },
  MaximumActualTime: { compute: maximumActualTime },
  Range: { compute: range },
  Minimum2: { compute: minimum2 },
  Maximum2: { compute: maximum2 },
  MinimumActualTime2: { compute: minimumActualTime2 },
  MaximumActualTime2: { compute: maximumActualTime2 },
  Range2: { compute: range2 },
  AnnotationCount: { compute: annotationCount, anyValue: true },
  Count: { compute: count, anyValue: true },
  DurationInStateZero: { compute: durationInStateZero },
  DurationInStateNonZero: { compute: durationInStateNonZero },
  NumberOfTransitions: { compute: numberOfTransitions, anyValue: true },
  Start: { compute: start, anyValue: true },
  End: { compute: end, anyValue: true },
  Delta: { compute: delta },
  StartBound: { compute: startBound, anyValue: true },
  EndBound: { compute: endBound, anyValue: true },
  DeltaBounds: { compute: deltaBounds },
  DurationGood: { compute: durationGood, anyValue: true },
  DurationBad: { compute: durationBad, anyValue: true },
  PercentGood: { compute: percentGood, anyValue: true },
  PercentBad: { compute: percentBad, anyValue: true },
  WorstQuality: { compute: worstQuality, anyValue: true },
  WorstQuality2: { compute: worstQuality2, anyValue: true },
  StandardDeviationSample: { compute: standardDeviationSample },
  VarianceSample: { compute: varianceSample },
  StandardDeviationPopulation: { compute: standardDeviationPopulation },
  VariancePopulation: { compute: variancePopulation },
} as const satisfies { readonly [name: string]: AggregateEntry }

export type AggregateName = keyof typeof AGGREGATES

/** What is known of an aggregate. */
export function aggregateEntry(name: AggregateName): AggregateEntry {
  return AGGREGATES[name]
}
