import type { FastifyReply, FastifyRequest } from 'fastify'
import { alarmCommand, figuresQuery, groupsQuery, journalQuery, standingQuery } from './alarm-query.ts'
import { LOCAL } from './command-routes.ts'
import type { Desk, Route } from './desk.ts'
import { momentOf } from './query.ts'
import { refuseUnlessStored } from './stored.ts'
import { untilGone } from './until-gone.ts'

/** Alarms: what stands, what was, how good it is, and what people do. */
export const ALARM_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    url: '/api/v1/alarms',
    need: 'read',
    handle: standing,
  },
  {
    method: 'GET',
    url: '/api/v1/alarms/groups',
    need: 'read',
    handle: groups,
  },
  {
    method: 'GET',
    url: '/api/v1/alarms/journal',
    need: 'read',
    handle: ({ alarms }, { query }) => alarms.journal(journalQuery(query)),
  },
  { method: 'GET', url: '/api/v1/alarms/figures', need: 'read', handle: figures },
  { method: 'POST', url: '/api/v1/alarms/commands', need: 'write', bodyBytes: 1 << 18, handle: command },
]

function standing({ alarms, clock }: Desk, { query }: FastifyRequest, reply: FastifyReply) {
  const at = momentOf(query, clock.now())
  const wanted = standingQuery(query)
  return at === undefined ? alarms.standing(wanted) : alarms.standingAt(wanted, at, untilGone(reply))
}

function groups({ alarms, clock }: Desk, { query }: FastifyRequest, reply: FastifyReply) {
  const at = momentOf(query, clock.now())
  const wanted = groupsQuery(query)
  return at === undefined ? { groups: alarms.groups(wanted) } : alarms.groupsAt(wanted, at, untilGone(reply))
}

function figures({ alarms, clock }: Desk, { query }: FastifyRequest) {
  const { from, to } = figuresQuery(query, clock.now())
  return alarms.figures(from, to)
}

async function command(desk: Desk, request: FastifyRequest) {
  const { names, command: wanted } = alarmCommand(request.body, desk.caller(request)?.name ?? LOCAL)
  refuseUnlessStored(desk.hub)
  const { action, by, comment, until } = wanted
  const alarms = names.map(({ asset, alarm }) => ({ asset, alarm }))
  const detail = { alarms, ...(comment !== undefined && { comment }), ...(until !== undefined && { until }) }
  await desk.audit.write({ what: `alarm.${action}`, by, via: 'rest', detail })
  return desk.alarms.command(names, wanted)
}
