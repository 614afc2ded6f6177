import type { AlarmTransition } from '../model/alarm.ts'
import type { Json } from '../model/json-value.ts'
import { atTime, evolve, isHidden, newAlarm, type Alarm } from './life-cycle.ts'

/** An alarm with what has to be known of its past. */
export interface Tracked {
  alarm: Alarm
  /** What led to its newest steps; a step that comes again with one of them is the same step. */
  causes: readonly string[]
  /** When it last began, oldest first; at most as many as chattering is about. */
  raises: readonly number[]
  /** How often it was annunciated, by hour since the epoch, oldest first. */
  hours: readonly (readonly [hour: number, count: number])[]
}

/** Steps of an alarm that are recognised when they come again. After a crash a processor says the last few once more. */
const MOST_CAUSES = 128

/** An alarm chatters that begins three times or more within a minute (ISA-18.2-2016 clause 3.1.14, 16.7). */
const CHATTER = { raises: 3, withinMs: 60_000 } as const
/** How long after its last beginning it still counts as chattering. */
const CHATTER_FOR_MS = 10 * 60_000

const HOUR_MS = 3_600_000
const KEPT_HOURS = 30 * 24

/** One that is active for longer than this is stale (clause 16.6). */
const STALE_AFTER_MS = 24 * HOUR_MS

export function newTracked(asset: string, alarm: string): Tracked {
  return { alarm: newAlarm(asset, alarm), causes: [], raises: [], hours: [] }
}

/** Takes a step; answers whether it was a new one, and whether it called the operator. */
export function track(
  tracked: Tracked,
  transition: AlarmTransition,
  cause: string,
  receivedTime: number,
): { readonly isNew: boolean; readonly isAnnounced: boolean } {
  if (cause !== '' && tracked.causes.includes(cause)) return { isNew: false, isAnnounced: false }
  const before = tracked.alarm
  tracked.alarm = evolve(before, transition)
  if (cause !== '') tracked.causes = [...tracked.causes, cause].slice(-MOST_CAUSES)
  const isRaised = !before.isActive && tracked.alarm.isActive
  const isAnnounced = isRaised && !isHidden(atTime(before, receivedTime))
  if (isRaised) tracked.raises = [...tracked.raises, transition.time].slice(-CHATTER.raises)
  if (isAnnounced) count(tracked, Math.floor(receivedTime / HOUR_MS))
  return { isNew: true, isAnnounced }
}

function count(tracked: Tracked, hour: number): void {
  const before = tracked.hours.find(([one]) => one === hour)?.[1] ?? 0
  const others = tracked.hours.filter(([one]) => one !== hour)
  const hours = [...others, [hour, before + 1] as const].sort(([a], [b]) => a - b)
  tracked.hours = hours.filter(([one]) => one > hours.at(-1)![0] - KEPT_HOURS)
}

export function isChattering({ raises }: Tracked, now: number): boolean {
  if (raises.length < CHATTER.raises) return false
  const last = raises.at(-1)!
  return last - raises[0]! <= CHATTER.withinMs && now - last <= CHATTER_FOR_MS
}

export function isStale({ alarm }: Tracked, now: number): boolean {
  return alarm.isActive && alarm.raisedAt !== undefined && now - alarm.raisedAt > STALE_AFTER_MS
}

/** Annunciations in the hours that touch a stretch of time. */
export function announcedIn({ hours }: Tracked, from: number, to: number): number {
  let sum = 0
  for (const [hour, count] of hours) if ((hour + 1) * HOUR_MS > from && hour * HOUR_MS < to) sum += count
  return sum
}

/** Equal states give equal JSON: the names of an alarm are sorted. */
export function saveTracked({ alarm, causes, raises, hours }: Tracked): Json {
  const names = Object.keys(alarm).sort() as (keyof Alarm)[]
  const sorted = Object.fromEntries(names.map((name) => [name, alarm[name] as Json]))
  return { alarm: sorted, causes, raises, hours }
}

export function restoreTracked(json: Json): Tracked {
  return { ...(json as unknown as Tracked) }
}
