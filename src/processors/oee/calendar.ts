import { DAY_MS, HOUR_MS, instantOf, MINUTE_MS, offsetAt } from './zone.ts'

/** A shift of the weekly pattern, in wall-clock minutes of the plant's zone. */
export interface Shift {
  readonly name: string
  readonly fromMinute: number
  /** At or before `fromMinute`: on the next day. */
  readonly toMinute: number
  /** Days on which it begins: 0 is Monday, 6 Sunday. */
  readonly days: readonly number[]
  readonly breaks: readonly Break[]
}

interface Break {
  readonly name: string
  readonly atMinute: number
  readonly forMs: number
}

export interface CalendarSettings {
  /** IANA name of the plant's time zone: `Europe/Berlin`. */
  readonly zone: string
  /** None: all time is planned operation time. */
  readonly shifts: readonly Shift[]
  /** Local dates (`2026-12-25`) on which no shift begins. */
  readonly closed: readonly string[]
  /** When the production day begins, wall-clock minutes. */
  readonly dayStartMinute: number
}

/** The plan for a span of time: planned operation time (POT, ISO 22400-2 clause 5.1) or not, shift, break. */
export interface Plan {
  readonly planned: boolean
  readonly shift: string
  /** Name of the break; '' outside breaks. */
  readonly break: string
}

export interface Span extends Plan {
  readonly from: number
  readonly to: number
}

export const PERIOD_KINDS = ['hour', 'shift', 'day'] as const
export type PeriodKind = (typeof PERIOD_KINDS)[number]

/** A period [from, to) that results are told for. */
export interface Period {
  readonly kind: PeriodKind
  /** Name of the shift; local time at which an hour or a day begins. */
  readonly name: string
  readonly from: number
  readonly to: number
}

/** All edges and spans of one local day: from midnight to midnight. */
interface Day {
  readonly from: number
  readonly to: number
  /** Instants in [from, to) at which an hour, a day, a shift or a break begins or ends. */
  readonly edges: readonly number[]
  readonly hours: readonly number[]
  readonly dayStart: number
  readonly spans: readonly Span[]
}

/** Days that are kept worked out; a longer past is worked out again. */
const KEPT_DAYS = 64

/**
 * The plant's calendar: which time is planned, and where hours, shifts and days begin. A function of its settings and the
 * rules of the time zone; what it keeps is only what it has worked out before. A shift over a change of the clocks has the
 * hours that really pass.
 */
export class Calendar {
  readonly #settings: CalendarSettings
  readonly #days = new Map<number, Day>()
  #last: Day | undefined

  constructor(settings: CalendarSettings) {
    this.#settings = settings
  }

  /** The first instant after `time` at which any period, shift or break begins or ends. */
  nextEdge(time: number): number {
    const { edges, to } = this.#dayOf(time)
    return edges[firstAfter(edges, time)] ?? to
  }

  /** [from, to) cut at every change of plan; contiguous. */
  *spans(from: number, to: number): Generator<Span> {
    for (let at = from; at < to;) {
      const day = this.#dayOf(at)
      for (const span of day.spans) {
        if (span.to <= at || span.from >= to) continue
        yield { ...span, from: Math.max(span.from, from), to: Math.min(span.to, to) }
      }
      at = day.to
    }
  }

  /** Periods of a kind that share time with [from, to), in order. */
  periods(kind: PeriodKind, from: number, to: number): Generator<Period> {
    return kind === 'shift' ? this.#shifts(from, to) : this.#clockPeriods(kind, from, to)
  }

  *#clockPeriods(kind: 'hour' | 'day', from: number, to: number): Generator<Period> {
    let begin = this.#periodStart(kind, from)
    while (begin < to) {
      const end = this.#periodEnd(kind, begin)
      yield { kind, name: this.#localName(kind, begin), from: begin, to: end }
      begin = end
    }
  }

  *#shifts(from: number, to: number): Generator<Period> {
    const first = this.#dayNumber(from) - 1
    for (let day = first; day <= this.#dayNumber(to) + 1; day += 1) {
      for (const shift of this.#shiftsBegun(day)) {
        if (shift.to <= from || shift.from >= to) continue
        yield { kind: 'shift', name: shift.name, from: shift.from, to: shift.to }
      }
    }
  }

  #periodStart(kind: 'hour' | 'day', time: number): number {
    const day = this.#dayOf(time)
    if (kind === 'hour') return day.hours[firstAfter(day.hours, time) - 1]!
    if (time >= day.dayStart) return day.dayStart
    return this.#dayOf(day.from - 1).dayStart
  }

  #periodEnd(kind: 'hour' | 'day', begin: number): number {
    const day = this.#dayOf(begin)
    if (kind === 'hour') return day.hours[firstAfter(day.hours, begin)] ?? day.to
    return this.#dayOf(day.to).dayStart
  }

  #localName(kind: 'hour' | 'day', instant: number): string {
    const text = new Date(instant + offsetAt(instant, this.#settings.zone)).toISOString()
    return kind === 'day' ? text.slice(0, 10) : text.slice(0, 16).replace('T', ' ')
  }

  #dayOf(time: number): Day {
    const last = this.#last
    if (last !== undefined && last.from <= time && time < last.to) return last
    const day = this.#day(this.#dayNumber(time))
    this.#last = day
    return day
  }

  /** Days since 1970 on the wall. */
  #dayNumber(time: number): number {
    return Math.floor((time + offsetAt(time, this.#settings.zone)) / DAY_MS)
  }

  #day(number: number): Day {
    let day = this.#days.get(number)
    if (day === undefined) {
      if (this.#days.size >= KEPT_DAYS) this.#days.delete(this.#days.keys().next().value!)
      day = this.#workOut(number)
      this.#days.set(number, day)
    }
    return day
  }

  #workOut(number: number): Day {
    const { zone, dayStartMinute } = this.#settings
    const from = instantOf(number * DAY_MS, zone)
    const to = instantOf((number + 1) * DAY_MS, zone)
    const hours = hoursOf(from, to, zone)
    const dayStart = instantOf(number * DAY_MS + dayStartMinute * MINUTE_MS, zone)
    const shifts = [...this.#shiftsBegun(number - 1), ...this.#shiftsBegun(number)]
    const spans = this.#settings.shifts.length === 0 ? [always(from, to)] : spansOf(shifts, from, to)
    const edges = [...new Set([...hours, dayStart, ...spans.map((span) => span.from)])].sort((a, b) => a - b)
    return { from, to, hours, dayStart, spans, edges }
  }

  /** Shifts that begin on a local day, as instants, in order; none begins before the one before it has ended. */
  #shiftsBegun(number: number): ShiftTimes[] {
    const { shifts, zone, closed } = this.#settings
    // 1970-01-01 was a Thursday, day 3 of a week that begins on Monday.
    const weekday = (((number + 3) % 7) + 7) % 7
    if (closed.includes(new Date(number * DAY_MS).toISOString().slice(0, 10))) return []
    const at = (minute: number) => instantOf(number * DAY_MS + minute * MINUTE_MS, zone)
    const begun = shifts.filter(({ days }) => days.includes(weekday)).sort((a, b) => a.fromMinute - b.fromMinute)
    return begun.map((shift) => {
      const later = (minute: number) => (minute < shift.fromMinute ? minute + DAY_MINUTES : minute)
      const to = at(shift.toMinute <= shift.fromMinute ? shift.toMinute + DAY_MINUTES : shift.toMinute)
      const breaks = shift.breaks.map(({ name, atMinute, forMs }) => {
        const from = at(later(atMinute))
        return { name, from, to: Math.min(from + forMs, to) }
      })
      return { name: shift.name, from: at(shift.fromMinute), to, breaks: breaks.sort((a, b) => a.from - b.from) }
    })
  }
}

const DAY_MINUTES = DAY_MS / MINUTE_MS

interface ShiftTimes {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly breaks: readonly { readonly name: string; readonly from: number; readonly to: number }[]
}

/** Instants of a day at which the minute hand is at 12; zones differ from UTC by quarters of an hour. */
function hoursOf(from: number, to: number, zone: string): number[] {
  const hours = [from]
  for (let at = from + HOUR_MS / 4; at < to; at += HOUR_MS / 4) {
    if ((at + offsetAt(at, zone)) % HOUR_MS === 0) hours.push(at)
  }
  return hours
}

function always(from: number, to: number): Span {
  return { from, to, planned: true, shift: '', break: '' }
}

function spansOf(shifts: readonly ShiftTimes[], from: number, to: number): Span[] {
  const spans: Span[] = []
  let at = from
  const until = (end: number, plan: Plan) => {
    const stop = Math.min(end, to)
    if (stop > at) spans.push({ ...plan, from: at, to: stop })
    at = Math.max(at, stop)
  }
  for (const { name, from: begin, to: end, breaks } of shifts) {
    until(begin, { planned: false, shift: '', break: '' })
    for (const pause of breaks) {
      until(pause.from, { planned: true, shift: name, break: '' })
      until(pause.to, { planned: true, shift: name, break: pause.name })
    }
    until(end, { planned: true, shift: name, break: '' })
  }
  until(to, { planned: false, shift: '', break: '' })
  return spans
}

/** Index of the first number after `limit` in a rising list. */
function firstAfter(numbers: readonly number[], limit: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numbers[middle]! <= limit) low = middle + 1
    else high = middle
  }
  return low
}
