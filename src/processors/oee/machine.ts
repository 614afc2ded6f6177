import { Calendar } from './calendar.ts'
import {
  entryOf,
  type Entry,
  type OeeEvent,
  type OeeReading,
  type PlannedStopEvent,
  type ReasonEvent,
} from './entry.ts'
import { Fold, newFold, type FoldState } from './fold.ts'
import { clip, judge, type Interval } from './judge.ts'
import { movingBy, newMoving, withMoving, type MovingState } from './moving.ts'
import { Periods, startOf, type PeriodsState } from './periods.ts'
import { reportsOf, type OeeResult, type Refusal, type Skipped } from './result.ts'
import type { Segment } from './segment.ts'
import { COUNTERS, type Counter, type OeeSettings } from './settings.ts'
import { addToGroups, type Groups } from './totals.ts'

/** All that is remembered of a machine. Plain JSON: a machine that is made of its text goes on as though nothing had been. */
export interface MachineState {
  readonly version: 1
  /** No reading or event before this time comes any more, but late ones; null: nothing has come yet. */
  watermark: number | null
  /** Entries before this are in `fold`; what is older is refused. */
  floor: number
  fold: FoldState | null
  moving: MovingState | null
  /** Segments that have ended, from the oldest time that can still be corrected. */
  segments: Segment[]
  /** Entries that are not in `fold` yet, in order of time; those of one time in the order in which they came. */
  entries: Entry[]
  reasons: ReasonEvent[]
  stops: PlannedStopEvent[]
  periods: PeriodsState
}

/** Most entries that wait for late ones among them; beyond, the older half is settled and what is late for it is refused. */
const MAX_ENTRIES = 100_000
/** So many entries are settled at once. */
const SETTLE_ENTRIES = 100
/** Most reasons and planned stops that are kept of the time that can still be corrected, each. */
const MAX_NOTES = 1_000
/** After so long without a watermark what lies between is skipped, and said to be. */
const MAX_SILENCE_MS = 31 * 86_400_000

/**
 * The OEE of one machine (ISO 22400-2): takes what it says and what is said of it, and tells what its hours, shifts, days
 * and orders came to. Deterministic: no clock, no chance, no I/O; the same inputs give the same results, whether they come
 * in order or late, at once or between restarts.
 *
 * `reading` and `event` only take in. `watermark` tells: results of periods that have closed, each once, and corrections
 * of those that late inputs changed.
 */
export class OeeMachine {
  readonly #settings: OeeSettings
  readonly #calendar: Calendar
  readonly #fold: Fold
  readonly #periods: Periods
  readonly #movingBy: Counter | undefined
  readonly #state: MachineState

  constructor(settings: OeeSettings, saved?: MachineState) {
    this.#settings = settings
    this.#calendar = new Calendar(settings)
    this.#fold = new Fold(settings, this.#calendar)
    this.#movingBy = movingBy(settings)
    this.#state = saved === undefined ? newState() : structuredClone(saved)
    this.#periods = new Periods(this.#calendar, settings, countersOf(settings))
  }

  /** The state as it is now; to be written before the next input is taken. */
  save(): MachineState {
    return this.#state
  }

  /** Takes what the machine says; undefined: taken. */
  reading(reading: OeeReading): Refusal | undefined {
    return this.#take(entryOf(reading, this.#settings.tags))
  }

  /** Takes what is said of the machine; undefined: taken. */
  event(event: OeeEvent): Refusal | undefined {
    switch (event.kind) {
      case 'order': {
        const { order: id, product, idealCycleMs, time, cause } = event
        const cycleUs = idealCycleMs === undefined ? {} : { cycleUs: Math.round(idealCycleMs * 1000) }
        const order = { id, ...(product === undefined ? {} : { product }), ...cycleUs }
        return this.#take({ time: Math.floor(time), cause, order })
      }
      case 'offline':
        return this.#take({ time: Math.floor(event.time), cause: event.cause, offline: true })
      case 'reason':
        return this.#note(event, this.#state.reasons)
      default:
        return this.#plannedStop(event)
    }
  }

  /** Time has passed up to `time`: nothing older comes any more, but what is late. */
  watermark(time: number): (OeeResult | Skipped)[] {
    const state = this.#state
    const to = Math.floor(time)
    if (state.watermark !== null && to <= state.watermark) return this.#tell()
    if (state.watermark === null || to - state.watermark <= MAX_SILENCE_MS) {
      state.watermark = to
      return this.#tell()
    }
    state.watermark += MAX_SILENCE_MS
    const told = this.#tell()
    const from = state.periods.closedTo
    const { entries, stops } = state
    Object.assign(state, newState(), { stops, watermark: to })
    this.#start(to)
    state.entries = entries.filter((entry) => entry.time >= state.floor)
    return [...told, { type: 'skipped', from, to: state.floor }, ...this.#tell()]
  }

  /** When `watermark` has something to tell at the earliest; null before anything has come. */
  nextDue(): number | null {
    return this.#state.watermark === null ? null : this.#periods.nextDue(this.#state.periods)
  }

  /**
   * What is known of [from, to) now: also of a period that has not ended. It reaches back as far as a correction does, and
   * up to the watermark; beyond, `from` and `to` of the answer say what it is about.
   */
  report(from: number, to: number): Omit<OeeResult, 'kind' | 'name' | 'revision' | 'type'> {
    const { watermark, periods } = this.#state
    const begin = Math.max(from, periods.kept)
    const end = Math.max(begin, Math.min(to, watermark ?? begin))
    const intervals = clip(this.#intervals(), begin, end)
    const groups: Groups = {}
    for (const interval of intervals) addToGroups(groups, interval)
    return { from: begin, to: end, ...reportsOf(groups, countersOf(this.#settings)), intervals }
  }

  #take(entry: Entry): Refusal | undefined {
    const state = this.#state
    const { time, cause } = entry
    if (state.fold === null) this.#start(time)
    const horizon = Math.max(this.#horizon(), state.floor)
    if (time < horizon) return tooLate(time, horizon, cause)
    const { entries } = state
    let at = entries.length
    while (at > 0 && entries[at - 1]!.time > time) at -= 1
    entries.splice(at, 0, entry)
    const order = entry.order === undefined ? entry.set?.order : entry.order.id
    this.#periods.heard(state.periods, time, order, state.watermark)
    if (entries.length > MAX_ENTRIES) this.#settle(entries[MAX_ENTRIES / 2]!.time, entries.at(-1)!.time)
    return undefined
  }

  #start(time: number): void {
    const state = this.#state
    const from = startOf(this.#calendar, time)
    state.fold = newFold(from, this.#settings)
    state.floor = from
    Object.assign(state.periods, { begun: from, kept: from, closedTo: from })
    state.watermark ??= from
    if (this.#movingBy !== undefined) state.moving = newMoving(this.#movingBy, this.#settings)
  }

  #note(event: ReasonEvent, notes: ReasonEvent[]): Refusal | undefined {
    const refusal = this.#refuseNote(event, notes.length)
    if (refusal !== undefined) return refusal
    notes.push(whole(event))
    this.#periods.changed(this.#state.periods)
    return undefined
  }

  #plannedStop(event: PlannedStopEvent): Refusal | undefined {
    const { stops, periods } = this.#state
    const known = stops.findIndex(({ id }) => id === event.id)
    const takesBack = event.to <= event.from
    const refusal = takesBack && known >= 0 ? undefined : this.#refuseNote(event, known >= 0 ? 0 : stops.length)
    if (refusal !== undefined) return refusal
    if (known >= 0) stops.splice(known, 1)
    if (!takesBack) stops.push(whole(event))
    this.#periods.changed(periods)
    return undefined
  }

  #refuseNote({ from, to, cause }: ReasonEvent | PlannedStopEvent, others: number): Refusal | undefined {
    if (to <= from) {
      return { why: 'empty', cause, message: `Cannot note "${iso(from)}": it ends at ${iso(to)}, want an end after it` }
    }
    const { kept } = this.#state.periods
    if (this.#state.fold !== null && to <= kept) return tooLate(to, kept, cause)
    if (others < MAX_NOTES) return undefined
    return {
      why: 'too-many',
      cause,
      message: `Cannot note "${iso(from)}": ${others} are kept, want fewer than ${MAX_NOTES}`,
    }
  }

  #horizon(): number {
    const { watermark } = this.#state
    return watermark === null ? -Infinity : watermark - this.#settings.latenessMs
  }

  #tell(): (OeeResult | Skipped)[] {
    const state = this.#state
    const watermark = state.watermark!
    if (state.fold === null) this.#start(watermark)
    const due = this.#periods.nextDue(state.periods) <= watermark
    if (due || (state.entries[SETTLE_ENTRIES]?.time ?? Infinity) < this.#horizon()) this.#settle(this.#horizon())
    if (!due) return []
    const told = this.#periods.tell(state.periods, this.#intervals(), watermark)
    const settledTo = state.fold!.open?.from ?? state.fold!.at
    const kept = this.#periods.forget(state.periods, () => this.#intervals(), watermark, settledTo)
    state.segments = state.segments.filter(({ to }) => to > kept)
    state.reasons = state.reasons.filter(({ to }) => to > kept)
    state.stops = state.stops.filter(({ to }) => to > kept)
    return told
  }

  /** Takes entries before `horizon` into the fold: nothing comes among them any more. */
  #settle(horizon: number, complete = horizon): void {
    const state = this.#state
    const lookAheadMs = this.#movingBy === undefined ? 0 : this.#settings.movedWithinMs
    const until = Math.min(horizon, complete - lookAheadMs)
    if (until <= state.floor) return
    for (const entry of this.#entriesBefore(state.moving, until, complete)) {
      this.#fold.take(state.fold!, entry, state.segments)
    }
    this.#fold.advance(state.fold!, until, state.segments)
    state.entries = state.entries.filter(({ time }) => time >= until)
    state.floor = until
  }

  #entriesBefore(moving: MovingState | null, until: number, complete: number): readonly Entry[] {
    const { entries } = this.#state
    if (moving === null) return entries.filter(({ time }) => time < until)
    return withMoving(moving, this.#movingBy!, entries, until, complete, this.#settings)
  }

  /** What the time from the oldest that can be corrected up to the watermark went to, as far as is known now. */
  #intervals(): Interval[] {
    const { fold, moving, segments, watermark, reasons, stops } = this.#state
    if (fold === null) return []
    const ahead = structuredClone(fold)
    const all = [...segments]
    const now = watermark!
    for (const entry of this.#entriesBefore(structuredClone(moving), now + 1, now)) this.#fold.take(ahead, entry, all)
    this.#fold.advance(ahead, now, all)
    if (ahead.open !== null) all.push(ahead.open)
    return judge(all, this.#calendar, { reasons, stops }, this.#settings)
  }
}

function newState(): MachineState {
  return {
    version: 1,
    watermark: null,
    floor: Number.MIN_SAFE_INTEGER,
    fold: null,
    moving: null,
    segments: [],
    entries: [],
    reasons: [],
    stops: [],
    periods: {
      begun: 0,
      kept: 0,
      closedTo: 0,
      changed: false,
      correctedAt: 0,
      order: null,
      orderChanges: [],
      told: {},
    },
  }
}

/** Counters that the machine has. */
export function countersOf({ tags }: OeeSettings): ReadonlySet<Counter> {
  return new Set(COUNTERS.filter((counter) => tags[counter] !== undefined))
}

function whole<T extends ReasonEvent | PlannedStopEvent>(event: T): T {
  return { ...event, from: Math.floor(event.from), to: Math.floor(event.to) }
}

function tooLate(time: number, horizon: number, cause: string): Refusal {
  return {
    why: 'too-late',
    cause,
    message: `Cannot take "${cause}": its time is ${iso(time)}, want ${iso(horizon)} or later`,
  }
}

function iso(time: number): string {
  return Number.isFinite(time) && Math.abs(time) < 8.64e15 ? new Date(time).toISOString() : String(time)
}
