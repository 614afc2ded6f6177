import { derivedEvent } from '../../component/derived.ts'
import type { Fact, StepContext } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { Quality } from '../../model/quality.ts'
import type { Interval } from './judge.ts'
import type { IsoTimes, Kpis, Quantities, Report } from './report.ts'
import type { OeeResult, Skipped } from './result.ts'
import { COUNTERS, type Counter } from './settings.ts'
import type { Totals } from './totals.ts'

/**
 * What is told of a machine or a line: events `oee.result` of periods that are over, `oee.running` of the last minutes, and tags
 * of the machine. The same words are read back by whoever shows them.
 */

/** Type of the event of a period or an order that is over. */
export const RESULT = 'oee.result'
/** Type of the event of the last minutes. */
export const RUNNING = 'oee.running'

/** Most intervals in one event: about 600 KB. An hour with more tells how many there were, and none of them. */
const MAX_INTERVALS = 3_000
/** Most orders and products in one event, each; the totals have all. */
const MAX_GROUPS = 200

/** An interval in an event: what is null, 0 or as usual is left out. */
export type ToldInterval = Pick<Interval, 'from' | 'to' | 'category' | 'state' | 'first' | 'last'> & Partial<Interval>

/** Data of `oee.result`. */
export interface ToldResult {
  /** What it is about: a later event of the asset with it takes the place of this one. */
  readonly key: string
  readonly kind: OeeResult['kind']
  readonly name: string
  readonly from: number
  readonly to: number
  readonly revision: number
  readonly availability: number | null
  readonly effectiveness: number | null
  readonly qualityRatio: number | null
  readonly oee: number | null
  readonly unknownShare: number
  /** Counters that the machine has: what its totals mean depends on them. */
  readonly counters: readonly Counter[]
  readonly report: Report
  readonly products: readonly ToldGroup[]
  readonly orders: readonly ToldGroup[]
  readonly intervals?: readonly ToldInterval[]
  /** So many intervals were too many to be told. */
  readonly intervalsLeftOut?: number
}

/** An order or a product within a period. */
interface ToldGroup {
  readonly order?: string
  readonly product: string | null
  readonly kpis: Kpis
  readonly times: IsoTimes
  readonly quantities: Quantities
}

/** Data of `oee.running`. */
export interface ToldRunning {
  readonly from: number
  readonly to: number
  readonly counters: readonly Counter[]
  readonly intervals: readonly ToldInterval[]
}

/** A machine's totals of a period, for the line that it is part of. */
export interface LineShare {
  readonly asset: string
  readonly kind: OeeResult['kind'] | 'now'
  readonly name: string
  readonly from: number
  readonly to: number
  readonly counters: readonly Counter[]
  readonly totals: Totals
}

export function toldResult(result: OeeResult, has: ReadonlySet<Counter>): ToldResult {
  const { kind, name, from, to, revision, report, products, orders, intervals } = result
  const { kpis, unknownShare } = report
  const { availability, effectiveness, qualityRatio, oee } = kpis
  const fits = intervals !== undefined && intervals.length <= MAX_INTERVALS
  return {
    key: kind === 'order' ? `order:${name}` : `${kind}:${from}`,
    kind,
    name,
    from,
    to,
    revision,
    availability,
    effectiveness,
    qualityRatio,
    oee,
    unknownShare,
    counters: COUNTERS.filter((counter) => has.has(counter)),
    report,
    products: products.slice(0, MAX_GROUPS).map(({ product, report: own }) => ({ product, ...groupOf(own) })),
    orders: orders.slice(0, MAX_GROUPS).map(({ order, product, report: own }) => ({ order, product, ...groupOf(own) })),
    ...(fits && { intervals: intervals.map(toldInterval) }),
    ...(intervals !== undefined && !fits && { intervalsLeftOut: intervals.length }),
  }
}

function groupOf({ kpis, times, quantities }: Report): Pick<ToldGroup, 'kpis' | 'times' | 'quantities'> {
  return { kpis, times, quantities }
}

export function toldInterval(interval: Interval): ToldInterval {
  const { from, to, category, state, first, last } = interval
  const { reason, order, product, withoutOrder, since, begins, cycleUs, counts, oddities, said } = interval
  return {
    from,
    to,
    category,
    state,
    first,
    last,
    ...(reason !== null && { reason }),
    ...(order !== null && { order }),
    ...(product !== null && { product }),
    ...(withoutOrder && { withoutOrder }),
    ...(since !== from && { since }),
    ...(!begins && { begins }),
    ...(cycleUs !== 0 && { cycleUs }),
    ...(counts.some((count) => count !== 0) && { counts }),
    ...(Object.keys(oddities).length > 0 && { oddities }),
    ...(said !== undefined && { said }),
  }
}

/** An interval as it was before it was told. */
export function wholeInterval(told: ToldInterval): Interval {
  const usual = { reason: null, order: null, product: null, withoutOrder: false, begins: true, cycleUs: 0 }
  return { ...usual, since: told.from, counts: [0, 0, 0, 0], oddities: {}, ...told }
}

/** The event of a machine or a line. */
export function eventOf(type: string, asset: string, source: string, data: object, context: StepContext): Fact {
  const { time, received } = context
  const event = { type, asset, time, receivedTime: received, source, data: data as Json }
  const { key = '', revision = 0, to = time } = data as { key?: string; revision?: number; to?: number }
  return { kind: 'event', event: derivedEvent(event, [asset, key, revision, to]) }
}

export function skippedEvent(asset: string, source: string, { from, to }: Skipped, context: StepContext): Fact {
  return eventOf('oee.skipped', asset, source, { from, to }, context)
}

/** The indicators as tags of the asset; what cannot be worked out has no value, and its quality says so. */
export function readingOf(asset: string, kpis: Kpis, unknownShare: number, { time, received }: StepContext): Fact {
  const values = {
    oee: kpis.oee,
    'oee.availability': kpis.availability,
    'oee.effectiveness': kpis.effectiveness,
    'oee.quality': kpis.qualityRatio,
    'oee.unknown': unknownShare,
  }
  const missing = Object.entries(values).filter(([, value]) => value === null)
  const quality = Object.fromEntries(missing.map(([tag]) => [tag, Quality.BadNoData]))
  const reading = { asset, sourceTime: time, receivedTime: received, values }
  return { kind: 'reading', reading: missing.length === 0 ? reading : { ...reading, quality } }
}
