import type { Calendar, Plan, Span } from './calendar.ts'
import { UNIT } from './counter.ts'
import type { PlannedStopEvent, ReasonEvent } from './entry.ts'
import { motionOf, shareOf, type Counts, type Segment } from './segment.ts'
import type { OeeSettings } from './settings.ts'
import type { StateClass } from './states.ts'

/**
 * What time goes to. The six big losses of TPM (Nakajima 1988) that are measured in time, and what lies around them;
 * reduced speed, scrap and rework are losses within `running` and are computed.
 */
export const CATEGORIES = [
  /** Outside every shift: calendar time that is not planned operation time. */
  'unplanned',
  /** Breaks that are taken out, planned maintenance: planned operation time that is not planned busy time. */
  'planned-stop',
  /** Nothing is known: bad quality, no data, an unknown state. Never guessed. */
  'unknown',
  /** Stops with an inner cause: the machine or its operation. */
  'breakdown',
  /** Set-up and adjustment. */
  'setup',
  /** Stops with an outer cause: no material, no room, no order. */
  'waiting',
  /** Breaks, where they count as a loss. */
  'break',
  /** Stops that are shorter than the threshold: a loss of performance. */
  'micro-stop',
  /** Production. */
  'running',
] as const
export type Category = (typeof CATEGORIES)[number]

/** A span of time with what it went to and the readings that say so. Plain JSON. */
export interface Interval {
  readonly from: number
  readonly to: number
  readonly category: Category
  readonly state: string
  readonly reason: string | null
  readonly order: string | null
  readonly withoutOrder: boolean
  readonly product: string | null
  /** When the machine began to run, to stand or to be unknown: pieces of one stop share it. */
  readonly since: number
  /** Whether it begins here; false: it is cut off from the one before. */
  readonly begins: boolean
  readonly cycleUs: number
  readonly counts: Counts
  readonly oddities: Segment['oddities']
  /** Causes of the first and the last reading that made it. */
  readonly first: string
  readonly last: string
  /** Cause of the event that gave it its reason or its plan; absent where none did. */
  readonly said?: string
}

/** What people have said of a time, in the order in which they said it. Plain JSON. */
export interface Notes {
  readonly reasons: readonly ReasonEvent[]
  readonly stops: readonly PlannedStopEvent[]
}

/**
 * Judges what the time of segments went to: the plan, then what people said, then what the machine said. Segments follow
 * each other without a gap, and so do the intervals: they share the time out, to the millisecond.
 */
export function judge(
  segments: readonly Segment[],
  calendar: Calendar,
  notes: Notes,
  settings: OeeSettings,
): Interval[] {
  const first = segments[0]
  if (first === undefined) return []
  const plans = calendar.spans(first.from, segments.at(-1)!.to)
  let plan = plans.next().value as Span
  const ends = stretchEnds(segments)
  return segments.flatMap((segment, index) => {
    while (plan.to <= segment.from) plan = plans.next().value as Span
    const stretchMs = ends[index]! - segment.since
    return piecesOf(segment, notes).map((piece) => judged(segment, piece, plan, stretchMs, settings))
  })
}

/** For each segment when the stretch of running, standing or being unknown that it belongs to ends. */
function stretchEnds(segments: readonly Segment[]): number[] {
  const ends: number[] = []
  for (let index = segments.length - 1; index >= 0; index -= 1) {
    const segment = segments[index]!
    const next = segments[index + 1]
    const goesOn = next !== undefined && motionOf(next) === motionOf(segment)
    ends[index] = goesOn ? ends[index + 1]! : segment.to
  }
  return ends
}

/** A part of a segment of which the same things were said throughout. */
interface Piece {
  readonly from: number
  readonly to: number
  readonly reason: ReasonEvent | undefined
  readonly stop: PlannedStopEvent | undefined
}

function piecesOf({ from, to }: Segment, { reasons, stops }: Notes): Piece[] {
  const touching = <T extends { readonly from: number; readonly to: number }>(notes: readonly T[]) =>
    notes.filter((note) => note.from < to && note.to > from)
  const saidReasons = touching(reasons)
  const saidStops = touching(stops)
  if (saidReasons.length + saidStops.length === 0) return [{ from, to, reason: undefined, stop: undefined }]
  const inner = [...saidReasons, ...saidStops].flatMap((note) => [note.from, note.to])
  const cuts = [...new Set([from, ...inner.filter((at) => at > from && at < to), to])].sort((a, b) => a - b)
  return cuts.slice(1).map((end, index) => {
    const begin = cuts[index]!
    const covers = (note: { readonly from: number; readonly to: number }) => note.from <= begin && note.to >= end
    const reason = saidReasons.findLast(covers)
    return { from: begin, to: end, reason: isTakenBack(reason) ? undefined : reason, stop: saidStops.findLast(covers) }
  })
}

function isTakenBack(note: ReasonEvent | undefined): boolean {
  return note !== undefined && note.reason === null && note.class === undefined
}

function judged(segment: Segment, piece: Piece, plan: Plan, stretchMs: number, settings: OeeSettings): Interval {
  const { from, to } = piece
  const category = categoryOf(segment, piece, plan, stretchMs, settings)
  const said = category === 'running' ? undefined : (piece.stop ?? piece.reason)
  return {
    from,
    to,
    category,
    state: segment.state,
    reason: reasonOf(segment, piece, plan, category),
    order: segment.order,
    withoutOrder: segment.withoutOrder,
    product: segment.product,
    since: segment.since,
    begins: from > segment.from || segment.begins,
    cycleUs: segment.cycleUs,
    counts: countsIn(segment, from, to),
    oddities: to === segment.to ? segment.oddities : {},
    first: segment.first,
    last: segment.last,
    ...(said === undefined ? {} : { said: said.cause }),
  }
}

function categoryOf(
  segment: Segment,
  { reason, stop }: Piece,
  plan: Plan,
  stretchMs: number,
  settings: OeeSettings,
): Category {
  if (!plan.planned) return 'unplanned'
  if (stop !== undefined || (plan.break !== '' && settings.breaks === 'excluded')) return 'planned-stop'
  const byPeople = reason === undefined ? undefined : (reason.class ?? classOf(reason.reason, settings))
  if (segment.class === 'unknown') return byPeople ?? 'unknown'
  if (segment.class === 'running') return 'running'
  if (plan.break !== '') return 'break'
  if (byPeople !== undefined) return byPeople
  const kind = classOf(segment.reason, settings) ?? segment.class
  const mayBeMicro = kind === 'breakdown' || kind === 'waiting'
  return mayBeMicro && stretchMs < settings.microStopMs ? 'micro-stop' : kind
}

function classOf(reason: string | null, { reasons }: OeeSettings): Exclude<StateClass, 'running'> | undefined {
  return reason !== null && Object.hasOwn(reasons, reason) ? reasons[reason]!.class : undefined
}

function reasonOf(segment: Segment, { reason, stop }: Piece, plan: Plan, category: Category): string | null {
  if (category === 'running') return null
  if (stop !== undefined) return stop.reason
  if (reason !== undefined) return reason.reason
  return segment.reason ?? (plan.break === '' ? null : plan.break)
}

function countsIn({ from, to, counts }: Pick<Segment, 'from' | 'to' | 'counts'>, begin: number, end: number): Counts {
  const share = (amount: number) => shareOf(amount, to - from, begin - from, end - from, UNIT)
  return [share(counts[0]), share(counts[1]), share(counts[2]), share(counts[3])]
}

/** The part of intervals that lies in [from, to); counts are shared out evenly within an interval that is cut. */
export function clip(intervals: readonly Interval[], from: number, to: number): Interval[] {
  return intervals
    .filter((interval) => interval.from < to && interval.to > from)
    .map((interval) => {
      const begin = Math.max(from, interval.from)
      const end = Math.min(to, interval.to)
      if (begin === interval.from && end === interval.to) return interval
      const oddities = end === interval.to ? interval.oddities : {}
      const begins = begin === interval.from && interval.begins
      return { ...interval, from: begin, to: end, begins, counts: countsIn(interval, begin, end), oddities }
    })
}
