import { ALARM_PRIORITIES, type AlarmPriority } from '../model/alarm.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { atTime, stateOf, type Alarm, type AlarmStateName } from './life-cycle.ts'
import { isChattering, isStale, type Tracked } from './tracked.ts'

/** An alarm as it is now, for people. */
export interface ShownAlarm extends Alarm {
  readonly state: AlarmStateName
  readonly isChattering: boolean
  /** Active for more than a day. */
  readonly isStale: boolean
}

/** Which standing alarms; what is not named does not matter. */
export interface StandingFilter {
  /** Pattern of assets below the site. */
  readonly assets?: string
  /** Full path of the only asset. */
  readonly exactly?: string
  readonly alarm?: string
  readonly states?: readonly AlarmStateName[]
  readonly priorities?: readonly AlarmPriority[]
}

export interface GroupsQuery extends StandingFilter {
  readonly limit: number
}

export interface StandingQuery extends StandingFilter {
  readonly limit: number
  /** How many come before the page. */
  readonly skip?: number
}

export interface StandingPage {
  readonly alarms: readonly ShownAlarm[]
  readonly total: number
}

/** Alarms of one name in one place, as one line. */
export interface AlarmGroup {
  readonly alarm: string
  /** The place that their assets are in. */
  readonly place: string
  readonly count: number
  readonly unacknowledged: number
  readonly priority: AlarmPriority
  readonly newest: ShownAlarm
}

/** Alarms that are not normal at a moment, of those that are known; in no order. */
export function standingOf(
  known: Iterable<Tracked>,
  { assets, exactly, alarm, states, priorities }: StandingFilter,
  site: string,
  now: number,
): ShownAlarm[] {
  const matches = assets === undefined ? () => true : pathMatcher(site, assets)
  const all = [...known].map((one) => shown(one, now))
  return all.filter(
    (one) =>
      one.state !== 'normal' &&
      matches(one.asset) &&
      (exactly === undefined || one.asset === exactly) &&
      (alarm === undefined || one.alarm === alarm) &&
      (states === undefined || states.includes(one.state)) &&
      (priorities === undefined || priorities.includes(one.priority)),
  )
}

/** A page of standing alarms, those that want an answer first: unacknowledged, by priority, the newest first. */
export function standingPage(found: ShownAlarm[], { limit, skip = 0 }: StandingQuery): StandingPage {
  return { alarms: found.sort(byUrgency).slice(skip, skip + limit), total: found.length }
}

/** Standing alarms with those of one name in one place as one. */
export function groupsOf(found: readonly ShownAlarm[], limit: number): readonly AlarmGroup[] {
  const groups = new Map<string, ShownAlarm[]>()
  for (const one of found) {
    const key = keyOf(placeOf(one.asset), one.alarm)
    const group = groups.get(key)
    if (group) group.push(one)
    else groups.set(key, [one])
  }
  const first = [...groups.values()].map((group) => group.sort(byUrgency))
  return first
    .sort((a, b) => byUrgency(a[0]!, b[0]!))
    .slice(0, limit)
    .map(grouped)
}

/** Names an alarm. */
export function keyOf(asset: string, alarm: string): string {
  return `${asset}\n${alarm}`
}

function placeOf(asset: string): string {
  return asset.slice(0, asset.lastIndexOf('/'))
}

/** An alarm as it is at a moment. */
export function shown(tracked: Tracked, now: number): ShownAlarm {
  const alarm = atTime(tracked.alarm, now)
  return { ...alarm, state: stateOf(alarm), isChattering: isChattering(tracked, now), isStale: isStale(tracked, now) }
}

function grouped(alarms: readonly ShownAlarm[]): AlarmGroup {
  const [newest] = alarms as readonly [ShownAlarm]
  return {
    alarm: newest.alarm,
    place: placeOf(newest.asset),
    count: alarms.length,
    unacknowledged: alarms.filter(isUnacknowledged).length,
    priority: newest.priority,
    newest,
  }
}

export function isUnacknowledged({ state }: ShownAlarm): boolean {
  return state.endsWith('unacknowledged')
}

/** What wants an answer first: unacknowledged before others, then the higher priority, then the newer. */
function byUrgency(a: ShownAlarm, b: ShownAlarm): number {
  return (
    Number(isUnacknowledged(b)) - Number(isUnacknowledged(a)) ||
    ALARM_PRIORITIES.indexOf(b.priority) - ALARM_PRIORITIES.indexOf(a.priority) ||
    (b.raisedAt ?? 0) - (a.raisedAt ?? 0) ||
    (keyOf(a.asset, a.alarm) < keyOf(b.asset, b.alarm) ? -1 : 1)
  )
}
