import { UNIT } from './counter.ts'
import type { Category } from './judge.ts'
import type { Counts } from './segment.ts'
import { COUNTERS, type Counter } from './settings.ts'
import { AVAILABILITY_LOSSES, readLossKey, type Made, type Totals } from './totals.ts'

/** Time elements of ISO 22400-2 clause 5.1, ms. Reference: calendar time is all of them. */
export interface IsoTimes {
  /** Calendar time: the length of the period. */
  readonly calendar: number
  /** Planned operation time: calendar time less what no shift covers. */
  readonly POT: number
  /** Planned busy time: POT less planned stops. Unknown time is in it. */
  readonly PBT: number
  /** Actual production time: production, and stops shorter than the threshold, which lose performance. */
  readonly APT: number
  /** Actual unit set-up time. */
  readonly AUST: number
  /** Actual unit processing time: APT + AUST. */
  readonly AUPT: number
  /** Actual unit delay time: stops in planned busy time that delay an order. */
  readonly ADET: number
  /** Actual unit down time: stops in planned busy time while no order runs. */
  readonly ADOT: number
  /** Actual unit busy time: AUPT + ADET. */
  readonly AUBT: number
}

/** Quantities of ISO 22400-2 clause 5 (logistical and quality elements), units of the counters. */
export interface Quantities {
  /** Produced quantity. */
  readonly PQ: number
  /** Good quantity: right the first time. */
  readonly GQ: number
  /** Scrap quantity. */
  readonly SQ: number
  /** Rework quantity. */
  readonly RQ: number
}

/** Key performance indicators of ISO 22400-2 clause 6 as ratios (1 is 100 %), over known time; null where nothing can be divided. */
export interface Kpis {
  /** APT / PBT, both of known time. */
  readonly availability: number | null
  /** PRI * PQ / APT. Never capped: above 1 the ideal cycle is too long. */
  readonly effectiveness: number | null
  /** GQ / PQ; of several products weighted by their PRI, so that the three make the OEE index. */
  readonly qualityRatio: number | null
  /** Availability * effectiveness * quality ratio = PRI * GQ / PBT. */
  readonly oee: number | null
  /** What OEE can be at least and at most, whatever happened in the unknown time. */
  readonly oeeLow: number | null
  readonly oeeHigh: number | null
}

/** Something a reader has to know before believing a result. */
type Flag =
  | 'effectiveness-above-1'
  | 'good-above-produced'
  | 'no-ideal-cycle'
  | 'quality-not-measured'
  | 'quantity-not-measured'
  | 'unknown-time'
  | 'made-in-unknown-time'
  | 'made-outside-plan'
  | 'counter-rollover'
  | 'counter-reset'
  | 'counter-set-back'

/** A step of the waterfall from calendar time down to the time that made good items. */
interface Step {
  readonly name: 'calendar' | 'planned' | 'busy' | 'known' | 'running' | 'at-speed' | 'good'
  /** What is left, ms. */
  readonly ms: number
  /** What was lost to get there, ms by kind; they and `ms` add up to the step before. */
  readonly lost: { readonly [loss: string]: number }
}

/** The result of a time, of one machine, an order, a product. */
export interface Report {
  readonly times: IsoTimes
  /** In known planned busy time: what the indicators are made of. */
  readonly quantities: Quantities
  readonly quantitiesUnknown: Quantities
  readonly quantitiesOutside: Quantities
  readonly kpis: Kpis
  readonly unknownMs: number
  /** Unknown time as a share of planned busy time, 0 to 1. */
  readonly unknownShare: number
  readonly waterfall: readonly Step[]
  readonly flags: readonly Flag[]
  readonly totals: Totals
}

/** What the indicators of totals are, for a machine that has these counters. */
export function reportOf(totals: Totals, counters: ReadonlySet<Counter>): Report {
  const times = timesOf(totals)
  const unknownMs = totals.ms.unknown
  const ideal = idealOf(totals, counters)
  const quantities = quantitiesOf(totals.made.counts, counters)
  return {
    times,
    quantities,
    quantitiesUnknown: quantitiesOf(totals.madeUnknown.counts, counters),
    quantitiesOutside: quantitiesOf(totals.madeOutside.counts, counters),
    kpis: kpisOf(totals, times, quantities, ideal, counters.size > 0),
    unknownMs,
    unknownShare: ratio(unknownMs, times.PBT) ?? 0,
    waterfall: waterfallOf(totals, times, ideal),
    flags: flagsOf(totals, times, quantities, ideal, counters),
    totals,
  }
}

export function timesOf({ ms, withoutOrderMs }: Totals): IsoTimes {
  const calendar = Object.values(ms).reduce((sum, part) => sum + part, 0)
  const POT = calendar - ms.unplanned
  const PBT = POT - ms['planned-stop']
  const APT = ms.running + ms['micro-stop']
  const AUST = ms.setup
  const AUPT = APT + AUST
  const ADOT = withoutOrderMs
  const ADET = ms.breakdown + ms.waiting + ms.break - ADOT
  return { calendar, POT, PBT, APT, AUST, AUPT, ADET, ADOT, AUBT: AUPT + ADET }
}

/**
 * Quantities out of the counters that there are: of total, good and scrap one is made of the other two, items for rework
 * are neither good nor scrap, and a machine that counts only one of them has no bad items that anybody knows of.
 */
export function quantitiesOf(counts: Counts, counters: ReadonlySet<Counter>): Quantities {
  const [total, good, scrap, RQ] = counts
  const hasTotal = counters.has('total')
  const hasGood = counters.has('good')
  const hasScrap = counters.has('scrap')
  const PQ = hasTotal ? total : hasGood ? good + scrap + RQ : scrap + RQ
  const GQ = hasGood ? good : hasTotal ? total - scrap - RQ : 0
  const SQ = hasScrap ? scrap : hasTotal && hasGood ? total - good - RQ : 0
  return { PQ: PQ / UNIT, GQ: GQ / UNIT, SQ: SQ / UNIT, RQ: RQ / UNIT }
}

/** Times that items should have taken, ms: the quantities weighted by their PRI. */
export interface Ideal extends Quantities {
  /** GQ counted over unknown time. */
  readonly goodUnknown: number
}

export function idealOf({ made, madeUnknown }: Totals, counters: ReadonlySet<Counter>): Ideal {
  const ms = ({ idealNs }: Made) => quantitiesOf(idealNs.map((ns) => ns / 1000) as unknown as Counts, counters)
  return { ...ms(made), goodUnknown: ms(madeUnknown).GQ }
}

function kpisOf(totals: Totals, { PBT, APT }: IsoTimes, { PQ, GQ }: Quantities, ideal: Ideal, counted: boolean): Kpis {
  const unknown = totals.ms.unknown
  const withCycle = counted && totals.withoutCycleMs === 0
  const availability = ratio(APT, PBT - unknown)
  const effectiveness = withCycle ? ratio(ideal.PQ, APT) : null
  const qualityRatio = (withCycle ? ratio(ideal.GQ, ideal.PQ) : null) ?? ratio(GQ, PQ)
  const low = ideal.GQ + ideal.goodUnknown
  return {
    availability,
    effectiveness,
    qualityRatio,
    oee: withCycle ? ratio(ideal.GQ, PBT - unknown) : null,
    oeeLow: withCycle ? ratio(low, PBT) : null,
    oeeHigh: withCycle ? ratio(Math.max(low, ideal.GQ + unknown), PBT) : null,
  }
}

export function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null
}

function waterfallOf({ ms }: Totals, { calendar, POT, PBT, APT }: IsoTimes, ideal: Ideal): Step[] {
  const atSpeed = Math.round(ideal.PQ)
  const good = Math.round(ideal.GQ)
  const rework = Math.round(ideal.RQ)
  const availabilityLosses = Object.fromEntries(AVAILABILITY_LOSSES.map((name) => [name, ms[name]]))
  return [
    { name: 'calendar', ms: calendar, lost: {} },
    { name: 'planned', ms: POT, lost: { unplanned: ms.unplanned } },
    { name: 'busy', ms: PBT, lost: { 'planned-stop': ms['planned-stop'] } },
    { name: 'known', ms: PBT - ms.unknown, lost: { unknown: ms.unknown } },
    { name: 'running', ms: APT, lost: availabilityLosses },
    // What is lost at reduced speed is what is missing; below 0 the machine was faster than its ideal cycle.
    {
      name: 'at-speed',
      ms: atSpeed,
      lost: { 'micro-stop': ms['micro-stop'], 'reduced-speed': APT - ms['micro-stop'] - atSpeed },
    },
    { name: 'good', ms: good, lost: { scrap: atSpeed - good - rework, rework } },
  ]
}

function flagsOf(
  totals: Totals,
  { APT }: IsoTimes,
  { PQ, GQ }: Quantities,
  ideal: Ideal,
  counters: ReadonlySet<Counter>,
): Flag[] {
  const some = (counts: Counts) => counts.some((number) => number > 0)
  const found: { readonly [flag in Flag]: boolean } = {
    'effectiveness-above-1': totals.withoutCycleMs === 0 && ideal.PQ > APT,
    'good-above-produced': GQ > PQ,
    'no-ideal-cycle': totals.withoutCycleMs > 0,
    'quality-not-measured': COUNTERS.filter((counter) => counters.has(counter)).length === 1,
    'quantity-not-measured': counters.size === 0,
    'unknown-time': totals.ms.unknown > 0,
    'made-in-unknown-time': some(totals.madeUnknown.counts),
    'made-outside-plan': some(totals.madeOutside.counts),
    'counter-rollover': totals.oddities.rollover > 0,
    'counter-reset': totals.oddities.reset > 0,
    'counter-set-back': totals.oddities.back > 0,
  }
  return (Object.keys(found) as Flag[]).filter((flag) => found[flag])
}

/** One bar of a Pareto chart. */
export interface Bar {
  readonly key: string
  readonly ms: number
  /** How often it began. */
  readonly times: number
  /** Of all bars, 0 to 1; and with those before it. */
  readonly share: number
  readonly cumulative: number
}

/** What the bars of a Pareto chart stand for. */
export type ParetoBy = 'category' | 'state' | 'reason' | 'asset'

/** Losses, greatest first. `unplanned` and `planned-stop` are none, unless they are asked for. */
export function pareto(
  given: readonly { readonly asset: string; readonly totals: Totals }[],
  by: ParetoBy,
  categories: ReadonlySet<Category> = LOSSES,
): Bar[] {
  const bars = new Map<string, { ms: number; times: number }>()
  for (const { asset, totals } of given) {
    for (const [key, { ms, begun }] of Object.entries(totals.losses)) {
      const loss = readLossKey(key)
      if (!categories.has(loss.category)) continue
      const name = by === 'asset' ? asset : (loss[by] ?? 'no reason given')
      const bar = bars.get(name) ?? { ms: 0, times: 0 }
      bars.set(name, { ms: bar.ms + ms, times: bar.times + begun })
    }
  }
  const all = [...bars.values()].reduce((sum, { ms }) => sum + ms, 0)
  let upTo = 0
  return [...bars]
    .sort(([a, one], [b, other]) => other.ms - one.ms || (a < b ? -1 : 1))
    .map(([key, { ms, times }]) => {
      upTo += ms
      return { key, ms, times, share: ratio(ms, all) ?? 0, cumulative: ratio(upTo, all) ?? 0 }
    })
}

const LOSSES: ReadonlySet<Category> = new Set([...AVAILABILITY_LOSSES, 'micro-stop', 'unknown'])
