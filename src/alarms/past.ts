import type { Log, StoredRecord } from '../log/log.ts'
import { readUpTo } from '../log/up-to.ts'
import { decodeAlarm } from '../model/alarm-record.ts'
import { ModelError } from '../model/errors.ts'
import { textOf } from '../system/text.ts'
import { keyOf, standingOf, type ShownAlarm, type StandingFilter } from './standing.ts'
import { newTracked, track, type Tracked } from './tracked.ts'

export interface PastAlarmsOptions {
  readonly log: Pick<Log, 'ends' | 'offsetsAt' | 'read'>
  /** Full name of the topic of their steps. */
  readonly topic: string
  readonly site: string
  /** Most steps that one question looks at; default 500,000. */
  readonly mostSteps?: number
}

export interface PastAlarms {
  /** Those that were not normal then, in no order. */
  readonly standing: ShownAlarm[]
  /**
   * Received time of the oldest step that was looked at, where there were older ones, or retention has removed some: an alarm
   * that has stood since before is not here. Absent: all steps were.
   */
  readonly knownFrom?: number
}

const MOST_STEPS = 500_000

/**
 * The alarms as people saw them at a moment: the fold of the steps that the hub had been told by then, out of the log. Their
 * order is that of the log, and `time` is by received times: what stands is what is known to stand.
 * @throws as `Log.ends` and `Log.read`
 */
export async function alarmsAt(
  { log, topic, site, mostSteps = MOST_STEPS }: PastAlarmsOptions,
  time: number,
  filter: StandingFilter,
  signal: AbortSignal,
): Promise<PastAlarms> {
  const known = new Map<string, Tracked>()
  let knownFrom: number | undefined
  const { exactly } = filter
  const query = { topic, time, most: mostSteps, ...(exactly !== undefined && { key: exactly }) }
  const reader = {
    take: (record: StoredRecord) => take(known, record),
    begins: ({ timestamp }: StoredRecord) => (knownFrom = Math.max(knownFrom ?? 0, timestamp)),
  }
  await readUpTo(log, query, reader, signal)
  const standing = standingOf(known.values(), filter, site, time)
  return { standing, ...(knownFrom !== undefined && { knownFrom }) }
}

function take(known: Map<string, Tracked>, { value, headers, timestamp }: StoredRecord): void {
  if (value === null) return
  try {
    const transition = decodeAlarm(value)
    const { asset, alarm } = transition
    const key = keyOf(asset, alarm)
    let tracked = known.get(key)
    if (tracked === undefined) known.set(key, (tracked = newTracked(asset, alarm)))
    const cause = headers.find(([name]) => name === 'cause')?.[1]
    track(tracked, transition, cause === undefined ? '' : textOf(cause), timestamp)
  } catch (error) {
    // Somebody else wrote into the topic: the view has said so in the log of the hub.
    if (!(error instanceof ModelError)) throw error
  }
}
