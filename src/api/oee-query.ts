import type { OeeQuery } from './oee-port.ts'
import { badQuery, refuseOthers, shown, timeOf } from './query.ts'

const PERIODS = ['now', 'hour', 'shift', 'day'] as const
/** Longest time that is asked for at once: a quarter of a year. */
const LONGEST_MS = 92 * 86_400_000

/**
 * The query of `GET /api/v1/oee/{path}`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function oeeQuery(query: unknown): OeeQuery {
  const { period, at, from, to, ...others } = query as { readonly [name: string]: unknown }
  refuseOthers(others, 'period and at, or from and to')
  if (from !== undefined || to !== undefined) return spanOf(from, to, period ?? at)
  const found = PERIODS.find((one) => one === (period ?? 'now'))
  if (found === undefined) throw badQuery('period', `it is ${shown(period)}`, `one of ${PERIODS.join(', ')}`)
  return { period: found, ...(at !== undefined && { at: timeOf(at, 'at') }) }
}

function spanOf(from: unknown, to: unknown, other: unknown): OeeQuery {
  if (other !== undefined) throw badQuery('from', 'there is a period too', 'only one of them')
  const [begin, end] = [timeOf(from, 'from'), timeOf(to, 'to')]
  if (end > begin && end - begin <= LONGEST_MS) return { period: 'span', from: begin, to: end }
  throw badQuery('to', `it is ${shown(to)}`, 'a time after "from", at most 92 days')
}
