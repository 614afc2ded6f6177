import type { EventsQuery } from '../events/query.ts'
import { badQuery, flag, pageSize, refuseOthers, shown, timeOf } from './query.ts'

const EVENTS = { most: 1_000, usual: 100 } as const

/** Longest pattern of types or assets. */
const PATTERN_LENGTH = 1_024

/**
 * The query of `GET /api/v1/events`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function eventsQuery(query: unknown): EventsQuery {
  const { type, asset, from, to, after, latest, limit, ...others } = query as { readonly [name: string]: unknown }
  refuseOthers(others, 'type, asset, from, to, after, latest or limit')
  return {
    limit: limit === undefined ? EVENTS.usual : pageSize(limit, EVENTS.most),
    ...(type !== undefined && { type: pattern('type', type) }),
    ...(asset !== undefined && { asset: pattern('asset', asset) }),
    ...(from !== undefined && { from: timeOf(from, 'from') }),
    ...(to !== undefined && { to: timeOf(to, 'to') }),
    ...(after !== undefined && { after: placeOf(after) }),
    ...(latest !== undefined && { latest: flag('latest', latest) }),
  }
}

function pattern(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= PATTERN_LENGTH) return value.normalize('NFC')
  throw badQuery(name, `it is ${shown(value)}`, `a pattern of at most ${PATTERN_LENGTH} characters`)
}

/** Received time, partition, offset: what `next` of the page before said. */
function placeOf(value: unknown) {
  const match = typeof value === 'string' ? /^(\d{1,15}):(\d{1,6}):(\d{1,15})$/.exec(value) : null
  if (match === null) throw badQuery('after', `it is ${shown(value)}`, '"next" of the page before')
  return { receivedTime: Number(match[1]), partition: Number(match[2]), offset: Number(match[3]) }
}
