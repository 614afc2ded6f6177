import { idealOf, quantitiesOf, ratio, timesOf, type IsoTimes, type Kpis, type Quantities } from './report.ts'
import type { Counter } from './settings.ts'
import type { Totals } from './totals.ts'

/** One machine's totals over the period of a line or a plant. */
export interface Member {
  readonly asset: string
  readonly counters: ReadonlySet<Counter>
  readonly totals: Totals
}

/** How the OEE of a line was found: which machine gives the pace, which one counts. */
export interface LineReport {
  /** Machine whose times and ideal cycle are the line's: the bottleneck. */
  readonly pace: string
  /** Whether the bottleneck was named in the config, or is the machine with the longest ideal cycle of those that produced. */
  readonly paceBy: 'config' | 'longest-ideal-cycle'
  /** Machine whose items are the line's produced quantity. */
  readonly producedAt: string
  /** Machine whose good items are the line's: always the last one. */
  readonly goodAt: string
  readonly times: IsoTimes
  readonly quantities: Pick<Quantities, 'PQ' | 'GQ'>
  /** Scrap and rework of all machines of the line. */
  readonly scrapAndRework: number
  readonly kpis: Kpis
  readonly unknownMs: number
  readonly unknownShare: number
}

/** Which machine counts: see `lineReport`. */
export interface LineRules {
  /** Asset of the bottleneck; absent: found by ideal cycles. */
  readonly bottleneck?: string
  /** Machine whose items are the produced quantity. */
  readonly produced: 'bottleneck' | 'last'
}

/**
 * The OEE of machines in series, given in the order in which items go through them.
 *
 * A line can make no more than its slowest machine, so the bottleneck gives planned busy time, production time and planned
 * run time per item. What leaves the line is what its last machine counts as good. With produced quantity at the bottleneck,
 * what is lost between it and the end is a loss of quality; at the last machine, a loss of effectiveness. OEE is the same.
 */
export function lineReport(machines: readonly Member[], rules: LineRules): LineReport | undefined {
  const last = machines.at(-1)
  if (last === undefined) return undefined
  const named = machines.find(({ asset }) => asset === rules.bottleneck)
  const pace = named ?? slowest(machines)
  const source = rules.produced === 'last' ? last : pace
  const PQ = quantitiesOf(source.totals.made.counts, source.counters).PQ
  const GQ = quantitiesOf(last.totals.made.counts, last.counters).GQ
  const times = timesOf(pace.totals)
  const unknownMs = pace.totals.ms.unknown
  return {
    pace: pace.asset,
    paceBy: named === undefined ? 'longest-ideal-cycle' : 'config',
    producedAt: source.asset,
    goodAt: last.asset,
    times,
    quantities: { PQ, GQ },
    scrapAndRework: machines.reduce((sum, machine) => sum + badOf(machine), 0),
    kpis: lineKpis(times, unknownMs, cycleMs(pace), PQ, GQ),
    unknownMs,
    unknownShare: ratio(unknownMs, times.PBT) ?? 0,
  }
}

/** The machine with the longest ideal cycle over what it made; the first of several. */
function slowest(machines: readonly Member[]): Member {
  return machines.reduce((found, machine) => ((cycleMs(machine) ?? 0) > (cycleMs(found) ?? 0) ? machine : found))
}

/** Planned run time per item over all that a machine made: that of its products, weighted by their quantities. */
function cycleMs({ totals, counters }: Member): number | null {
  const made = quantitiesOf(totals.made.counts, counters).PQ
  return totals.withoutCycleMs > 0 ? null : ratio(idealOf(totals, counters).PQ, made)
}

function badOf({ totals, counters }: Member): number {
  const { SQ, RQ } = quantitiesOf(totals.made.counts, counters)
  return SQ + RQ
}

function lineKpis({ PBT, APT }: IsoTimes, unknownMs: number, cycle: number | null, PQ: number, GQ: number): Kpis {
  const ideal = (count: number, whole: number) => (cycle === null ? null : ratio(cycle * count, whole))
  const known = PBT - unknownMs
  const good = (cycle ?? 0) * GQ
  return {
    availability: ratio(APT, known),
    effectiveness: ideal(PQ, APT),
    qualityRatio: ratio(GQ, PQ),
    oee: ideal(GQ, known),
    oeeLow: ideal(GQ, PBT),
    oeeHigh: cycle === null ? null : ratio(good + unknownMs, PBT),
  }
}

/** What a plant, or any group of machines beside each other, came to. */
export interface RollUp {
  readonly kpis: Kpis
  readonly times: Pick<IsoTimes, 'PBT' | 'APT'>
  readonly unknownMs: number
  readonly unknownShare: number
  /** Machines that are not in `kpis`, as they have no ideal cycle or no counter; their times are not in it either. */
  readonly without: readonly string[]
}

/**
 * Machines rolled up: sums of times are divided, never ratios averaged, so a machine counts by its planned busy time. The
 * roll-up's OEE is the mean of the machines' OEE weighted by their known planned busy time.
 */
export function rollUp(machines: readonly Member[]): RollUp {
  const able = machines.filter(({ totals, counters }) => counters.size > 0 && totals.withoutCycleMs === 0)
  const sums = { PBT: 0, APT: 0, unknown: 0, ideal: 0, good: 0, goodUnknown: 0, high: 0 }
  for (const { totals, counters } of able) {
    const { PBT, APT } = timesOf(totals)
    const ideal = idealOf(totals, counters)
    sums.PBT += PBT
    sums.APT += APT
    sums.unknown += totals.ms.unknown
    sums.ideal += ideal.PQ
    sums.good += ideal.GQ
    sums.goodUnknown += ideal.goodUnknown
    sums.high += ideal.GQ + Math.max(ideal.goodUnknown, totals.ms.unknown)
  }
  return {
    kpis: {
      availability: ratio(sums.APT, sums.PBT - sums.unknown),
      effectiveness: ratio(sums.ideal, sums.APT),
      qualityRatio: ratio(sums.good, sums.ideal),
      oee: ratio(sums.good, sums.PBT - sums.unknown),
      oeeLow: ratio(sums.good + sums.goodUnknown, sums.PBT),
      oeeHigh: ratio(sums.high, sums.PBT),
    },
    times: { PBT: sums.PBT, APT: sums.APT },
    unknownMs: sums.unknown,
    unknownShare: ratio(sums.unknown, sums.PBT) ?? 0,
    without: machines.filter((machine) => !able.includes(machine)).map(({ asset }) => asset),
  }
}
