import type {
  OeeBarView,
  OeeGroupView,
  OeeIntervalView,
  OeeMemberView,
  OeePeriodView,
  OeeStepView,
  OeeTimelineView,
  OeeView,
} from '../api/contract-oee.ts'
import type { EventsPort } from '../api/events-port.ts'
import type { OeePort, OeeQuery } from '../api/oee-port.ts'
import { under } from '../model/path.ts'
import { clip, type Category, type Interval } from '../processors/oee/judge.ts'
import { lineReport, rollUp, type Member } from '../processors/oee/line.ts'
import { pastReport } from '../processors/oee/past.ts'
import { pareto, type ParetoBy, type Report } from '../processors/oee/report.ts'
import type { OeeSettings } from '../processors/oee/settings.ts'
import { AVAILABILITY_LOSSES } from '../processors/oee/totals.ts'
import type { Clock } from '../system/clock.ts'
import { periodAt, type OeeMachines, type OeeMachineSetting, type OeePlace } from './oee-machines.ts'
import { recordOf, type OeeRecord } from './oee-record.ts'

export interface OeeBoardOptions {
  readonly site: string
  readonly machines: OeeMachines
  readonly events: EventsPort
  readonly clock: Clock
}

const HOUR_MS = 3_600_000
/** Most intervals of an answer, about, shared among its machines, and most bars of a chart. */
const MOST_INTERVALS = 4_000
const MOST_BARS = 30

/** One machine of a place, and what its time came to. */
interface MachineRecord extends OeeRecord {
  readonly machine: OeeMachineSetting
}

/** Answers what the OEE of a machine, a line or a place was, at any past time, out of what was told of its hours. */
export class OeeBoard implements OeePort {
  readonly #options: OeeBoardOptions

  constructor(options: OeeBoardOptions) {
    this.#options = options
  }

  async oee(path: string, query: OeeQuery, signal: AbortSignal): Promise<OeeView | undefined> {
    const { machines, events, clock, site } = this.#options
    const place = machines.at(path)
    if (place === undefined) return undefined
    const now = clock.now()
    const period = periodOf(place, query, now)
    const read = async ({ from, to }: Pick<OeePeriodView, 'from' | 'to'>) => {
      const records: MachineRecord[] = []
      for (const machine of place.machines) {
        const record = await recordOf(machine, from, Math.min(to, now), now, events, signal)
        records.push({ ...record, machine })
      }
      return records
    }
    let records = await read(period)
    if (query.period === 'now') {
      // Of a plant that has just been connected the last hour is as long as it is there.
      period.from = Math.min(...records.map(heardFrom))
      records = records.map((record) => since(record, period.from))
    }
    const knownTo = Math.max(...records.map(({ to }) => to))
    const { config } = place.processor
    return {
      asset: path,
      level: place.level,
      zone: config.settings.zone,
      ...(config.target !== undefined && { target: config.target }),
      period: { ...period, knownTo },
      ...figuresOf(place, records, site),
      pareto: paretosOf(records, config.settings),
      timelines: records.map((record) => timelineOf(record, Math.ceil(MOST_INTERVALS / records.length))),
      members: records.map(memberOf),
    }
  }
}

/** Since when anything is known of a machine in the time that was asked for. */
function heardFrom({ from, to, intervals }: MachineRecord): number {
  const first = intervals.find(({ category }) => category !== 'unknown')
  return first === undefined ? to : Math.max(from, first.from)
}

function since(record: MachineRecord, from: number): MachineRecord {
  if (from <= record.from || from >= record.to) return record
  const { machine, to, intervals } = record
  return {
    ...pastReport([{ from, intervals: clip(intervals, from, to) }], from, to, new Set(machine.counters)),
    machine,
  }
}

type Asked = { -readonly [field in keyof Omit<OeePeriodView, 'knownTo'>]: OeePeriodView[field] }

function periodOf(place: OeePlace, query: OeeQuery, now: number): Asked {
  if (query.period === 'span') return { kind: 'span', name: '', from: query.from, to: query.to }
  const at = query.at ?? now
  if (query.period === 'now') return { kind: 'now', name: '', from: at - HOUR_MS, to: at }
  const { calendar } = place.processor
  // Where there are no shifts, the day is the one.
  const found = periodAt(calendar, query.period, at) ?? periodAt(calendar, 'day', at)!
  return { kind: found.kind, name: found.name, from: found.from, to: found.to }
}

type Figures = Pick<
  OeeView,
  'kpis' | 'unknownShare' | 'quantities' | 'waterfall' | 'waterfallOf' | 'flags' | 'products' | 'orders' | 'without'
>

function figuresOf(place: OeePlace, records: readonly MachineRecord[], site: string): Figures {
  const [first] = records as [MachineRecord]
  if (place.level === 'machine') return machineFigures(first)
  const members = records.map(asMember)
  const rest = { flags: flagsOf(records), products: [], orders: [] }
  const { line } = place.processor.config
  if (place.level === 'line' && line !== undefined) {
    const { bottleneck, produced } = line
    const report = lineReport(members, { produced, ...(bottleneck && { bottleneck: under(site, bottleneck) }) })!
    const pace = records.find(({ machine }) => machine.asset === report.pace)!
    const { kpis, unknownShare, quantities } = report
    return {
      kpis,
      unknownShare,
      quantities,
      waterfall: pace.report.waterfall,
      waterfallOf: report.pace,
      without: [],
      ...rest,
    }
  }
  const { kpis, unknownShare, without } = rollUp(members)
  return { kpis, unknownShare, without, waterfall: summed(records.map(({ report }) => report)), ...rest }
}

function machineFigures({ report, products, orders }: MachineRecord): Figures {
  const { kpis, unknownShare, quantities, waterfall, flags } = report
  const made = products.map(({ product, report: own }) => ({ product, ...groupOf(own) }))
  const worked = orders.map(({ order, product, report: own }): OeeGroupView => {
    return { order, ...(product !== null && { product }), ...groupOf(own) }
  })
  return { kpis, unknownShare, quantities, waterfall, flags, products: made, orders: worked, without: [] }
}

function groupOf({ kpis, quantities, times }: Report): Pick<OeeGroupView, 'kpis' | 'quantities' | 'ms'> {
  return { kpis, quantities, ms: times.PBT }
}

function asMember({ machine, report }: MachineRecord): Member {
  return { asset: machine.asset, counters: new Set(machine.counters), totals: report.totals }
}

function memberOf({ machine, report }: MachineRecord): OeeMemberView {
  const { kpis, unknownShare, quantities } = report
  return { asset: machine.asset, kpis, unknownShare, quantities }
}

function flagsOf(records: readonly MachineRecord[]): string[] {
  return [...new Set(records.flatMap(({ report }) => report.flags))]
}

/** Waterfalls of machines beside each other, step by step. */
function summed(reports: readonly Report[]): OeeStepView[] {
  const [first, ...others] = reports.map(({ waterfall }) => waterfall)
  return first!.map(({ name, ms, lost }, index) => {
    const steps = others.map((waterfall) => waterfall[index]!)
    const sum = (own: number, of: (step: OeeStepView) => number) => steps.reduce((all, step) => all + of(step), own)
    const losses = Object.entries(lost).map(([loss, own]) => [loss, sum(own, (step) => step.lost[loss] ?? 0)] as const)
    return { name, ms: sum(ms, (step) => step.ms), lost: Object.fromEntries(losses) }
  })
}

/** Losses that have a state and a reason: of unknown time nobody can say why. */
const STOPS: ReadonlySet<Category> = new Set([...AVAILABILITY_LOSSES, 'micro-stop'])

function paretosOf(records: readonly MachineRecord[], { reasons }: OeeSettings): OeeView['pareto'] {
  const members = records.map(asMember)
  const by = (what: ParetoBy) => pareto(members, what, STOPS).slice(0, MOST_BARS)
  const named = by('reason').map((bar): OeeBarView => {
    const name = Object.hasOwn(reasons, bar.key) ? reasons[bar.key]!.name : undefined
    return name === undefined ? bar : { ...bar, name }
  })
  const all = { category: pareto(members, 'category'), state: by('state'), reason: named }
  return records.length > 1 ? { ...all, asset: by('asset') } : all
}

function timelineOf({ machine, intervals, from, to }: MachineRecord, most: number): OeeTimelineView {
  const coarse = intervals.length > most
  const shown = coarse ? joined(intervals, (to - from) / most) : intervals
  return { asset: machine.asset, coarse, intervals: shown.map(intervalView) }
}

/** Neighbours of one kind as one, and what is too short to be seen as part of what is beside it; the longer one says what it is. */
function joined(intervals: readonly Interval[], shortMs: number): Interval[] {
  const found: Interval[] = []
  for (const interval of intervals) {
    const before = found.at(-1)
    const [length, lengthBefore] = [interval.to - interval.from, before === undefined ? 0 : before.to - before.from]
    if (before === undefined || (before.category !== interval.category && lengthBefore >= shortMs)) {
      found.push(interval)
    } else {
      const { from, first } = before
      found[found.length - 1] = {
        ...(length > lengthBefore ? interval : before),
        from,
        first,
        to: interval.to,
        last: interval.last,
      }
    }
  }
  return found
}

function intervalView(interval: Interval): OeeIntervalView {
  const { from, to, category, state, reason, order, product, first, last } = interval
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
  }
}
