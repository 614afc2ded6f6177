import type { EventsPort } from '../api/events-port.ts'
import type { EventsView } from '../api/contract.ts'
import { clip, type Interval } from '../processors/oee/judge.ts'
import { pastReport } from '../processors/oee/past.ts'
import { RESULT, RUNNING, wholeInterval, type ToldResult, type ToldRunning } from '../processors/oee/told.ts'
import type { OeeMachineSetting } from './oee-machines.ts'

/** What is on record of a machine over a time. */
export type OeeRecord = ReturnType<typeof pastReport>

/** Events of a machine that one question looks at: a quarter of a year of hours. */
const MOST_EVENTS = 5_000
/** A machine that says nothing is told each quarter of an hour. */
const QUIET_MS = 16 * 60_000

/**
 * What [from, to) of a machine came to: the newest results of its hours, and what was told of the minutes since. It ends where
 * nothing has been told yet; time before that of which nothing was told is unknown.
 */
export async function recordOf(
  { asset, counters }: OeeMachineSetting,
  from: number,
  to: number,
  now: number,
  port: EventsPort,
  signal: AbortSignal,
): Promise<OeeRecord> {
  // What machines kept while they were away is told long after: the end of the time says nothing of when.
  const page = await port.events({ type: RESULT, asset, from, latest: true, limit: MOST_EVENTS }, signal)
  const hours = dataOf<ToldResult>(page)
    .filter((result) => result.kind === 'hour' && result.to > from && result.from < to)
    .map((hour) => ({ from: hour.from, to: hour.to, intervals: hour.intervals?.map(wholeInterval) ?? [] }))
  const since = Math.max(from, ...hours.map((hour) => hour.to))
  const running = since < to && (await port.events({ type: RUNNING, asset, from: since, limit: MOST_EVENTS }, signal))
  const minutes = (running ? dataOf<ToldRunning>(running) : []).filter((minute) => minute.from < to).reverse()
  const knownTo = Math.max(since, minutes.at(-1)?.to ?? since)
  const end = Math.min(to, now - knownTo < QUIET_MS ? knownTo : now)
  const whole = [...hours, { from: since, intervals: clip(merged(minutes), since, end) }]
  return pastReport(whole, from, Math.max(from, end), new Set(counters))
}

/** What was told last of each moment, of minutes in the order in which they were told. */
function merged(minutes: readonly ToldRunning[]): Interval[] {
  let intervals: Interval[] = []
  for (const minute of minutes) {
    intervals = [...clip(intervals, -Infinity, minute.from), ...minute.intervals.map(wholeInterval)]
  }
  return intervals
}

/** Newest first. */
function dataOf<T>({ events }: EventsView): T[] {
  return events.map(({ data }) => data as unknown as T)
}
