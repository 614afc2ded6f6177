import { createHash } from 'node:crypto'
import { PERIOD_KINDS, type Calendar, type Period } from './calendar.ts'
import type { Interval } from './judge.ts'
import { reportsOf, type OeeResult } from './result.ts'
import type { Counter, OeeSettings } from './settings.ts'
import { addGroups, addToGroups, type Groups } from './totals.ts'

/** What is remembered of periods: which have been told, and what those that are older than the segments came to. Plain JSON. */
export interface PeriodsState {
  /** The beginning of all: a period that began before is never told. */
  begun: number
  /** Segments are kept from here on, from the beginning of an hour; periods that end before are final and forgotten. */
  kept: number
  /** Periods that end up to here have been told. */
  closedTo: number
  /** Something has come that may change what was told. */
  changed: boolean
  /** Watermark of the last look for corrections. */
  correctedAt: number
  /** Order of the last entry that named one. */
  order: string | null
  /** Times of changes of the order that have not been looked at. */
  orderChanges: number[]
  /** By `kind:from`, of orders by `order:name`. */
  readonly told: { [key: string]: Told }
}

interface Told {
  /** -1: not yet. */
  revision: number
  /** Of the last result told: a result that has not changed is not told again. */
  print: string
  /** Begin of an order. */
  from?: number
  /** End of the last of an order that is no longer in segments. */
  to?: number
  /** What its time before `kept` came to. */
  carried: Groups
}

/** Corrections are looked for once in so much event time, or when a period closes. */
const CORRECT_EVERY_MS = 60_000

/** The beginning of the hour in which the first period begins that has `time` in it. */
export function startOf(calendar: Calendar, time: number): number {
  const all = PERIOD_KINDS.flatMap((kind) => [...calendar.periods(kind, time, time + 1)])
  const first = Math.min(...all.map(({ from }) => from))
  return calendar.periods('hour', first, first + 1).next().value!.from
}

/** Closes periods and orders, corrects them, and forgets them when they can no longer change. */
export class Periods {
  readonly #calendar: Calendar
  readonly #reviseMs: number
  readonly #counters: ReadonlySet<Counter>
  /** A period is told so long after its end: until it is certain whether a stop over its end is short, or one at all. */
  readonly #delayMs: number

  constructor(calendar: Calendar, settings: OeeSettings, counters: ReadonlySet<Counter>) {
    this.#calendar = calendar
    this.#reviseMs = Math.max(settings.reviseMs, settings.latenessMs)
    this.#counters = counters
    const { state, running } = settings.tags
    const moving = state === undefined && running === undefined
    this.#delayMs = Math.max(1, settings.microStopMs, moving ? settings.movedWithinMs + 1 : 0)
  }

  /** An entry has come; `order` is that which it names, if it names one. */
  heard(state: PeriodsState, time: number, order: unknown, watermark: number | null): void {
    if (watermark !== null && time < watermark) state.changed = true
    if (order === undefined || order === state.order) return
    state.order = order as string | null
    state.orderChanges.push(time)
  }

  /** Something has been said of a time that may have been told. */
  changed(state: PeriodsState): void {
    state.changed = true
  }

  nextDue({ closedTo, changed, correctedAt, orderChanges }: PeriodsState): number {
    return Math.min(
      this.#calendar.nextEdge(closedTo) + this.#delayMs,
      changed ? correctedAt + CORRECT_EVERY_MS : Infinity,
      ...orderChanges.map((time) => time + this.#delayMs),
    )
  }

  /** Results that are due at a watermark: new ones first of those that end first, then corrections. */
  tell(state: PeriodsState, intervals: readonly Interval[], watermark: number): OeeResult[] {
    const closed = watermark - this.#delayMs
    const corrects = state.changed
    const results: OeeResult[] = []
    for (const period of this.#periods(state, closed)) {
      if (!corrects && period.to <= state.closedTo) continue
      results.push(...this.#tellPeriod(state, period, intervals))
    }
    results.push(...this.#tellOrders(state, intervals, closed))
    while (this.#calendar.nextEdge(state.closedTo) <= closed) state.closedTo = this.#calendar.nextEdge(state.closedTo)
    state.orderChanges = state.orderChanges.filter((time) => time > closed)
    if (corrects) Object.assign(state, { changed: false, correctedAt: watermark })
    return results
  }

  /** Periods that share time with what is kept and have ended, those that end first first. */
  #periods({ kept, begun }: PeriodsState, closed: number): Period[] {
    const all = PERIOD_KINDS.flatMap((kind) => [...this.#calendar.periods(kind, kept, closed)])
    return all.filter(({ from, to }) => from >= begun && to <= closed && to > kept).sort((a, b) => a.to - b.to)
  }

  #tellPeriod(state: PeriodsState, period: Period, intervals: readonly Interval[]): OeeResult[] {
    const { kind, name, from, to } = period
    const own = intervals.filter((interval) => interval.from >= from && interval.to <= to)
    const made = { kind, name, from, to, ...(kind === 'hour' ? { intervals: own } : {}) }
    return this.#result(state, keyOf(period), own, made)
  }

  #tellOrders(state: PeriodsState, intervals: readonly Interval[], closed: number): OeeResult[] {
    const byOrder = Map.groupBy(intervals, ({ order }) => order)
    byOrder.delete(null)
    for (const key of Object.keys(state.told)) if (key.startsWith(ORDER)) setDefault(byOrder, key.slice(ORDER.length))
    const running = intervals.at(-1)?.order
    return [...byOrder].flatMap(([order, own]) => {
      const told = state.told[ORDER + order!]
      const to = own.at(-1)?.to ?? told?.to ?? closed
      const from = told?.from ?? own[0]?.from ?? to
      if (order === running || to > closed) return []
      if (told !== undefined && told.revision >= 0 && own.length === 0 && !state.changed) return []
      return this.#result(state, ORDER + order!, own, { kind: 'order', name: order!, from, to })
    })
  }

  #result(
    state: PeriodsState,
    key: string,
    own: readonly Interval[],
    made: Pick<OeeResult, 'kind' | 'name' | 'from' | 'to' | 'intervals'>,
  ): OeeResult[] {
    const told = (state.told[key] ??= { revision: -1, print: '', carried: {} })
    const groups: Groups = {}
    addGroups(groups, told.carried)
    for (const interval of own) addToGroups(groups, interval)
    const result = { ...made, ...reportsOf(groups, this.#counters) }
    const print = createHash('sha256').update(JSON.stringify(result)).digest('base64').slice(0, 16)
    if (print === told.print) return []
    told.print = print
    told.revision += 1
    return [{ type: 'result', revision: told.revision, ...result }]
  }

  /**
   * Forgets what can no longer be corrected, and carries what it came to in those periods and orders that still can.
   * @returns the time from which segments are to be kept
   */
  forget(state: PeriodsState, intervalsOf: () => readonly Interval[], watermark: number, settledTo: number): number {
    const limit = Math.min(watermark - this.#delayMs - this.#reviseMs, settledTo)
    const before = state.kept
    let kept = before
    for (const { to } of this.#calendar.periods('hour', before, limit)) if (to <= limit) kept = to
    if (kept === before) return kept
    const intervals = intervalsOf()
    const leaving = intervals.filter(({ to }) => to <= kept)
    const staying = PERIOD_KINDS.flatMap((kind) => [...this.#calendar.periods(kind, before, kept)])
    for (const period of staying) this.#carry(state, period, leaving, kept)
    carryOrders(state, leaving, new Set(intervals.slice(leaving.length).map(({ order }) => order)))
    state.kept = kept
    return kept
  }

  #carry(state: PeriodsState, period: Period, leaving: readonly Interval[], kept: number): void {
    const key = keyOf(period)
    if (period.to <= kept || period.from < state.begun) {
      delete state.told[key]
      return
    }
    const told = (state.told[key] ??= { revision: -1, print: '', carried: {} })
    for (const interval of leaving) {
      if (interval.from >= period.from && interval.to <= period.to) addToGroups(told.carried, interval)
    }
  }
}

const ORDER = 'order:'

function keyOf({ kind, from }: Period): string {
  return `${kind}:${from}`
}

function setDefault(map: Map<string | null, Interval[]>, key: string): void {
  if (!map.has(key)) map.set(key, [])
}

/** So many orders that have ended are remembered, to be added to if they are taken up again. */
const MAX_ENDED_ORDERS = 20

/** Carries what orders came to, and forgets those that ended first of those that were told and have left. */
function carryOrders(state: PeriodsState, leaving: readonly Interval[], staying: ReadonlySet<string | null>): void {
  for (const interval of leaving) {
    if (interval.order === null) continue
    const told = (state.told[ORDER + interval.order] ??= { revision: -1, print: '', carried: {} })
    told.from ??= interval.from
    told.to = interval.to
    addToGroups(told.carried, interval)
  }
  const left = Object.entries(state.told).filter(
    ([key, { revision }]) => key.startsWith(ORDER) && revision >= 0 && !staying.has(key.slice(ORDER.length)),
  )
  const inOrder = left.sort(([, a], [, b]) => (a.to ?? 0) - (b.to ?? 0))
  for (const [key] of inOrder.slice(0, Math.max(0, left.length - MAX_ENDED_ORDERS))) delete state.told[key]
}
