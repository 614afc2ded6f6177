import type { GroupsQuery, StandingQuery } from '../alarms/standing.ts'
import type { JournalPlace, JournalQuery } from '../alarms/journal.ts'
import { ALARM_STATES, type AlarmCommand } from '../alarms/life-cycle.ts'
import { ALARM_ACTIONS, ALARM_PRIORITIES } from '../model/alarm.ts'
import type { AlarmName } from './contract.ts'
import { ApiError } from './errors.ts'
import { badQuery, pageSize, shown, timeOf, wholeNumber } from './query.ts'

const PAGE = { most: 500, usual: 100 } as const

/** Longest text of a pattern of assets, and of an alarm's name. */
const TEXT_LENGTH = 1_024

/** Alarms that one command may be about. */
const MOST_NAMES = 500

/** Longest stretch of time that figures are kept for. */
const LONGEST_MS = 30 * 24 * 3_600_000
const DAY_MS = 24 * 3_600_000

type Query = { readonly [name: string]: unknown }

/**
 * The query of `GET /api/v1/alarms`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function standingQuery(query: unknown): StandingQuery {
  const { limit, skip, at: _, ...filter } = query as Query
  return {
    ...filterOf(filter, 'on, alarm, state, priority, limit, skip or at'),
    limit: limit === undefined ? PAGE.usual : pageSize(limit, PAGE.most),
    ...(skip === undefined ? {} : { skip: wholeNumber('skip', skip) }),
  }
}

/**
 * The query of `GET /api/v1/alarms/groups`.
 * @throws ApiError `BAD_QUERY`
 */
export function groupsQuery(query: unknown): GroupsQuery {
  const { limit, at: _, ...filter } = query as Query
  return {
    ...filterOf(filter, 'on, alarm, state, priority, limit or at'),
    limit: limit === undefined ? PAGE.usual : pageSize(limit, PAGE.most),
  }
}

/**
 * The query of `GET /api/v1/alarms/journal`.
 * @throws ApiError `BAD_QUERY`
 */
export function journalQuery(query: unknown): JournalQuery {
  const { from, to, action, after, limit, ...filter } = query as Query
  return {
    ...filterOf(filter, 'on, alarm, state, priority, action, from, to, after or limit'),
    limit: limit === undefined ? PAGE.usual : pageSize(limit, PAGE.most),
    ...(from === undefined ? {} : { from: timeOf(from, 'from') }),
    ...(to === undefined ? {} : { to: timeOf(to, 'to') }),
    ...(action === undefined ? {} : { actions: listOf('action', action, ALARM_ACTIONS) }),
    ...(after === undefined ? {} : { after: placeOf(after) }),
  }
}

/**
 * The stretch of time of `GET /api/v1/alarms/figures`; the last day unless something else is asked for.
 * @throws ApiError `BAD_QUERY`
 */
export function figuresQuery(query: unknown, now: number): { readonly from: number; readonly to: number } {
  const { from, to, ...others } = query as Query
  refuseOthers(others, 'from or to')
  const end = to === undefined ? now : timeOf(to, 'to')
  const begin = from === undefined ? end - DAY_MS : timeOf(from, 'from')
  if (begin < end && end - begin <= LONGEST_MS) return { from: begin, to: end }
  throw badQuery('from', `it is ${Math.round(end - begin)} ms before "to"`, `from 1 to ${LONGEST_MS} ms`)
}

/**
 * The body of `POST /api/v1/alarms/commands`.
 * @throws ApiError `BAD_BODY`
 */
export function alarmCommand(
  body: unknown,
  by: string,
): { readonly names: AlarmName[]; readonly command: AlarmCommand } {
  const { alarms, action, comment, until, ...others } = jsonObject(body)
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw badBody(unknown, 'it is not a field here', 'alarms, action, comment or until')
  const known = COMMANDS.find((one) => one === action)
  if (known === undefined) throw badBody('action', `it is ${shown(action ?? null)}`, `one of ${COMMANDS.join(', ')}`)
  if (comment !== undefined && typeof comment !== 'string')
    throw badBody('comment', `it is ${shown(comment)}`, 'a text')
  if (until !== undefined && typeof until !== 'number')
    throw badBody('until', `it is ${shown(until)}`, 'ms since the epoch')
  return {
    names: namesOf(alarms),
    command: {
      action: known,
      by,
      ...(comment === undefined ? {} : { comment }),
      ...(until === undefined ? {} : { until }),
    },
  }
}

/** What a person may do; the rest is said by processors. */
const COMMANDS = ALARM_ACTIONS.filter(
  (action): action is AlarmCommand['action'] => action !== 'raise' && action !== 'update' && action !== 'clear',
)

function namesOf(value: unknown): AlarmName[] {
  const fits = Array.isArray(value) && value.length > 0 && value.length <= MOST_NAMES && value.every(isName)
  if (fits) return value.map(({ asset, alarm }) => ({ asset: asset.normalize('NFC'), alarm }))
  throw badBody('alarms', 'it is none', `a list of 1 to ${MOST_NAMES} objects with "asset" and "alarm"`)
}

function isName(value: unknown): value is AlarmName {
  const { asset, alarm } = (value ?? {}) as { readonly asset?: unknown; readonly alarm?: unknown }
  return typeof asset === 'string' && typeof alarm === 'string'
}

function jsonObject(body: unknown): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from((body as Uint8Array | undefined) ?? []).toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as { [name: string]: unknown }
  } catch {
    // Not JSON: said below.
  }
  throw new ApiError(
    400,
    'BAD_BODY',
    'Cannot command alarms with this body: want a JSON object with "action" and "alarms"',
  )
}

function filterOf(filter: Query, allowed: string) {
  const { on, alarm, state, priority, ...others } = filter
  refuseOthers(others, allowed)
  return {
    ...(on === undefined ? {} : { assets: textOf('on', on) }),
    ...(alarm === undefined ? {} : { alarm: textOf('alarm', alarm) }),
    ...(state === undefined ? {} : { states: listOf('state', state, ALARM_STATES) }),
    ...(priority === undefined ? {} : { priorities: listOf('priority', priority, ALARM_PRIORITIES) }),
  }
}

function refuseOthers(others: Query, allowed: string): void {
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw badQuery(unknown, 'it is not a parameter here', allowed)
}

function textOf(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= TEXT_LENGTH) return value
  throw badQuery(name, `it is ${shown(value)}`, `one text of at most ${TEXT_LENGTH} characters`)
}

/** `high,critical`: some of the words there are. */
function listOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T[] {
  const words = typeof value === 'string' && value.length <= TEXT_LENGTH ? value.split(',') : ['']
  const known = words.flatMap((word) => allowed.filter((one) => one === word))
  if (known.length === words.length) return known
  throw badQuery(name, `it is ${shown(value)}`, `some of ${allowed.join(', ')}, with commas between them`)
}

/** The `next` of the page before. */
function placeOf(value: unknown): JournalPlace {
  const parts = typeof value === 'string' ? /^(\d{1,16}):(\d{1,6}):(\d{1,15})$/.exec(value) : null
  if (parts === null) throw badQuery('after', `it is ${shown(value)}`, 'the "next" of the page before')
  return { receivedTime: Number(parts[1]), partition: Number(parts[2]), offset: Number(parts[3]) }
}

function badBody(name: string, actual: string, wanted: string): ApiError {
  return new ApiError(
    400,
    'BAD_BODY',
    `Cannot use field ${JSON.stringify(name.slice(0, 80))}: ${actual}, want ${wanted}`,
  )
}
