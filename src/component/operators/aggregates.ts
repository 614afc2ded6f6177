import { Quality } from '../../model/quality.ts'
import type { Scalar } from './row.ts'
import { quantile } from './quantiles.ts'
import type { Needs, Summary } from './summary.ts'

/** One number that a window says of a tag. */
export interface Figure {
  /** `mean`; of `duration` one for each state: `duration.Execute`. */
  readonly name: string
  readonly value: Scalar | null
  readonly quality: number
}

/** How much of a window has to be good, in per cent (OPC 10000-13, 4.2.1.2, AggregateConfiguration). */
export interface Limits {
  /** As much of good data, and the result is Good. */
  readonly percentDataGood: number
  /** As much of bad data, and the result is Bad. */
  readonly percentDataBad: number
}

/** What a summary is turned into. */
interface Aggregate {
  /** In words, for the docs. */
  readonly what: string
  /** The aggregate of OPC 10000-13 that it is or comes nearest to. */
  readonly opcua?: string
  readonly needs?: keyof Needs
  /** undefined: it has nothing to say, for want of values. */
  of(summary: Summary, windowMs: number): Scalar | undefined
  /** What its quality goes by; absent: the values that were numbers. */
  readonly share?: 'values' | 'time' | 'none'
}

/** The aggregates, by the name that the config and the derived tags have; percentiles are `p50`, `p99.9`. */
export const AGGREGATES = {
  count: { what: 'values that can be used', opcua: 'Count', of: ({ good }) => good, share: 'values' },
  sum: { what: 'their sum', of: ({ sum }) => sum },
  mean: { what: 'their arithmetic mean', opcua: 'Average', of: ({ mean }) => mean },
  min: { what: 'the lowest', opcua: 'Minimum', of: ({ min }) => min },
  max: { what: 'the highest', opcua: 'Maximum', of: ({ max }) => max },
  range: { what: 'the highest less the lowest', opcua: 'Range', of: ({ min, max }) => max - min },
  first: { what: 'the earliest', opcua: 'Start', of: ({ first }) => first ?? undefined, share: 'values' },
  last: { what: 'the latest', opcua: 'End', of: ({ last }) => last ?? undefined, share: 'values' },
  stddev: {
    what: 'standard deviation of the sample (n - 1); 0 of a single value',
    opcua: 'StandardDeviationSample',
    of: ({ squares, numbers }) => (numbers > 1 ? Math.sqrt(squares / (numbers - 1)) : 0),
  },
  timeAverage: {
    what: 'mean weighted by how long each value held',
    opcua: 'TimeAverage2 (stepped)',
    needs: 'time',
    of: ({ area, numberMs }) => (numberMs > 0 ? area / numberMs : undefined),
    share: 'time',
  },
  duration: {
    what: 'seconds in each state: one tag a state, `duration.Execute`',
    opcua: 'DurationInStateNonZero',
    needs: 'states',
    of: () => undefined,
    share: 'time',
  },
  delta: {
    what: 'what a counter has counted since its last value before the window',
    opcua: 'Delta',
    needs: 'counter',
    of: ({ delta, pairs }) => (pairs > 0 ? delta : undefined),
  },
  resets: {
    what: 'how often a counter has fallen without rolling over',
    needs: 'counter',
    of: ({ resets, pairs }) => (pairs > 0 ? resets : undefined),
  },
  percentGood: {
    what: 'per cent of the time of the window for which a usable value held',
    opcua: 'PercentGood',
    needs: 'time',
    of: ({ heldMs, seen, good }, windowMs) => {
      if (windowMs > 0) return Math.min(100, (100 * heldMs) / windowMs)
      return seen > 0 ? (100 * good) / seen : undefined
    },
    share: 'none',
  },
  worstQuality: {
    what: 'StatusCode of the worst value',
    opcua: 'WorstQuality',
    of: ({ worst, seen }) => (seen > 0 ? worst : undefined),
    share: 'none',
  },
} as const satisfies { readonly [name: string]: Aggregate }

/** Whether there is an aggregate of this name. */
export function isAggregate(name: string): boolean {
  return Object.hasOwn(AGGREGATES, name) || percentOf(name) !== undefined
}

/** What has to be kept for aggregates. */
export function needsOf(names: readonly string[]): Needs {
  const needs = new Set<keyof Needs | undefined>(
    names.map((name) => (known(name) ? aggregateOf(name).needs : 'quantiles')),
  )
  return {
    quantiles: needs.has('quantiles'),
    time: needs.has('time') || needs.has('states'),
    states: needs.has('states'),
    counter: needs.has('counter'),
  }
}

/**
 * What a window says of a tag. Nothing where it knows nothing of it; null and BadNoData where values came and none could be
 * used. Else the share of the good decides between Good, Uncertain and Bad.
 */
export function figuresOf(names: readonly string[], summary: Summary, windowMs: number, limits: Limits): Figure[] {
  if (summary.seen === 0 && summary.heldMs === 0) return []
  return names.flatMap((name) => {
    if (name === 'duration') return durations(summary, windowMs, limits)
    const percent = known(name) ? undefined : percentOf(name)
    const aggregate: Aggregate = percent === undefined ? aggregateOf(name) : percentile(percent)
    return figure(name, aggregate, summary, windowMs, limits)
  })
}

function figure(name: string, aggregate: Aggregate, summary: Summary, windowMs: number, limits: Limits): Figure[] {
  const { share = 'numbers' } = aggregate
  // A window in which a value only held says nothing of the values that came.
  if (summary.seen === 0 && share !== 'time' && aggregate.needs !== 'time') return []
  if (share === 'numbers' && summary.numbers === 0) return [none(name)]
  const value = aggregate.of(summary, windowMs)
  if (value === undefined) return [none(name)]
  return [{ name, value, quality: qualityOf(share, summary, windowMs, limits) }]
}

function none(name: string): Figure {
  return { name, value: null, quality: Quality.BadNoData }
}

function durations(summary: Summary, windowMs: number, limits: Limits): Figure[] {
  const quality = qualityOf('time', summary, windowMs, limits)
  return summary.states.map(([state, ms]) => ({ name: `duration.${state}`, value: ms / 1000, quality }))
}

/** Sums of fractions of a millisecond may end a hair below the whole. */
const WHOLE = 100 - 1e-6

function qualityOf(
  share: NonNullable<Aggregate['share']> | 'numbers',
  summary: Summary,
  windowMs: number,
  limits: Limits,
) {
  if (share === 'none') return Quality.Good
  const percent = percentGood(share, summary, windowMs)
  if (percent >= Math.min(limits.percentDataGood, WHOLE)) return Quality.Good
  return 100 - percent >= Math.min(limits.percentDataBad, WHOLE) ? Quality.Bad : Quality.UncertainDataSubNormal
}

function percentGood(share: 'numbers' | 'values' | 'time', summary: Summary, windowMs: number): number {
  if (share === 'time' && windowMs > 0) return (100 * summary.heldMs) / windowMs
  if (summary.seen === 0) return 100
  return (100 * (share === 'numbers' ? summary.numbers : summary.good)) / summary.seen
}

function percentile(percent: number): Aggregate {
  return {
    what: 'percentile',
    of: ({ quantiles }) => (quantiles === null ? undefined : quantile(quantiles, percent / 100)),
  }
}

function percentOf(name: string): number | undefined {
  const match = /^p(\d{1,2}(?:\.\d{1,3})?|100)$/.exec(name)
  return match ? Number(match[1]) : undefined
}

function known(name: string): name is keyof typeof AGGREGATES {
  return Object.hasOwn(AGGREGATES, name)
}

function aggregateOf(name: string): Aggregate {
  return AGGREGATES[name as keyof typeof AGGREGATES]
}
