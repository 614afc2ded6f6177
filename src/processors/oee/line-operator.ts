import type { Operator, StepContext } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { lineReport, type LineReport, type LineRules, type Member } from './line.ts'
import { eventOf, readingOf, RESULT, type LineShare } from './told.ts'
import type { Counter } from './settings.ts'

export interface LineOptions extends LineRules {
  /** Name of the processor. */
  readonly name: string
  /** Full paths of its machines in the order in which items go through them; those that are not named follow by name. */
  readonly machines: readonly string[]
}

/** Data of `oee.result` of a line. */
export interface ToldLine {
  readonly key: string
  readonly kind: LineShare['kind']
  readonly name: string
  readonly from: number
  readonly to: number
  readonly revision: number
  readonly line: LineReport
  readonly machines: readonly string[]
}

interface LineKey {
  /** By `kind:from`, oldest first. */
  readonly periods: { [key: string]: LinePeriod }
}

interface LinePeriod {
  readonly kind: LineShare['kind']
  readonly name: string
  readonly from: number
  readonly to: number
  revision: number
  readonly members: { [asset: string]: Pick<LineShare, 'counters' | 'totals'> }
  /** Something has come that was not told. */
  changed: boolean
}

/** Machines tell a period in the same moment, or soon after each other: so long after the first one the line's is told. */
const TELL_AFTER_MS = 10_000
/** Periods that are remembered, so that a correction of one machine corrects the line. */
const MAX_PERIODS = 40

/** Second stage, by line: what machines in series came to together, as `oee.result` and tags of the line. */
export function lineOperator(options: LineOptions): Operator<LineKey> {
  return {
    create: () => ({ periods: {} }),
    take(state, fact, context) {
      if (fact.kind !== 'keyed') return
      note(state, fact.data as unknown as LineShare)
      context.setTimer('tell', context.now + TELL_AFTER_MS)
    },
    due(state, _timer, context) {
      for (const period of Object.values(state.periods)) if (period.changed) tell(period, options, context)
    },
    save: ({ periods }) => ({ periods }) as unknown as Json,
    restore: (json) => json as unknown as LineKey,
  }
}

function note({ periods }: LineKey, { asset, kind, name, from, to, counters, totals }: LineShare): void {
  // Of the last hour only the newest is of use.
  const key = kind === 'now' ? kind : `${kind}:${from}`
  const known = periods[key]
  const keep = known !== undefined && (kind !== 'now' || known.to === to)
  const period = keep ? known : { kind, name, from, to, revision: -1, members: {}, changed: true }
  period.members[asset] = { counters, totals }
  period.changed = true
  periods[key] = period
  const inOrder = Object.entries(periods).sort(([, a], [, b]) => a.to - b.to)
  for (const [old] of inOrder.slice(0, Math.max(0, inOrder.length - MAX_PERIODS))) delete periods[old]
}

function tell(period: LinePeriod, options: LineOptions, context: StepContext): void {
  const members = membersOf(period, options.machines)
  const line = lineReport(members, options)
  period.changed = false
  if (line === undefined) return
  const { kind, name, from, to } = period
  if (kind === 'now') {
    context.emit(readingOf(context.key, line.kpis, line.unknownShare, context))
    return
  }
  period.revision += 1
  const machines = members.map(({ asset }) => asset)
  const told: ToldLine = { key: `${kind}:${from}`, kind, name, from, to, revision: period.revision, line, machines }
  const { availability, effectiveness, qualityRatio, oee } = line.kpis
  const ratios = { availability, effectiveness, qualityRatio, oee, unknownShare: line.unknownShare }
  context.emit(eventOf(RESULT, context.key, options.name, { ...told, ...ratios }, context))
}

function membersOf({ members }: LinePeriod, order: readonly string[]): Member[] {
  return inLineOrder(Object.keys(members), order).map((asset) => {
    const { counters, totals } = members[asset]!
    return { asset, totals, counters: new Set<Counter>(counters) }
  })
}

/** Machines in the order in which items go through them; those that the config does not name follow, 2 before 10. */
export function inLineOrder(assets: readonly string[], order: readonly string[]): string[] {
  const rank = (asset: string) => (order.includes(asset) ? order.indexOf(asset) : order.length)
  const byName = new Intl.Collator('en', { numeric: true })
  return [...assets].sort((a, b) => rank(a) - rank(b) || byName.compare(a, b))
}
