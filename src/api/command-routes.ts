import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Person } from '../commands/person.ts'
import type { Answer, Refused } from '../commands/requests.ts'
import { approval, auditQuery, commandRequest, commandsQuery } from './command-query.ts'
import type { CommandRefusalView } from './contract-commands.ts'
import type { Desk, Route } from './desk.ts'
import { ApiError } from './errors.ts'
import { assetPath } from './query.ts'
import { refuseUnlessStored } from './stored.ts'
import { untilGone } from './until-gone.ts'

/** Who does something at a hub that asks nobody for a token. */
export const LOCAL = 'local'

const BODY_BYTES = 1 << 16

/** Commands to machines, and the audit of what people did. */
export const COMMAND_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    url: '/api/v1/commands',
    need: 'read',
    handle: ({ commands }, { query }) => commands.list(commandsQuery(query)),
  },
  { method: 'GET', url: '/api/v1/assets/*/commands', need: 'read', handle: declared },
  { method: 'GET', url: '/api/v1/commands/:id', need: 'read', handle: one },
  { method: 'POST', url: '/api/v1/commands', need: 'command', bodyBytes: BODY_BYTES, handle: request },
  { method: 'POST', url: '/api/v1/commands/:id/approve', need: 'approve', bodyBytes: BODY_BYTES, handle: approve },
  { method: 'GET', url: '/api/v1/audit', need: 'read', handle: audit },
]

function declared(desk: Desk, request: FastifyRequest) {
  const path = assetPath((request.params as { readonly '*': string })['*'])
  if (desk.hub.asset(path) !== undefined) return desk.commands.declared(path, personOf(desk, request))
  throw new ApiError(404, 'ASSET_NOT_FOUND', `Cannot show commands of ${JSON.stringify(path)}: there is no such asset`)
}

function one({ commands }: Desk, { params }: FastifyRequest) {
  const { id } = params as { readonly id: string }
  const found = commands.command(id)
  if (found !== undefined) return found
  const shown = JSON.stringify(id.slice(0, 80))
  throw new ApiError(404, 'COMMAND_NOT_FOUND', `Cannot show command ${shown}: there is none of this id at hand`)
}

async function request(desk: Desk, asked: FastifyRequest, reply: FastifyReply) {
  const { wish, dryRun } = commandRequest(asked.body)
  refuseUnlessStored(desk.hub)
  const answer = await desk.commands.request(wish, personOf(desk, asked), dryRun)
  return answered(answer, reply, `command ${JSON.stringify(wish.command.slice(0, 80))} of "${wish.asset}"`)
}

async function approve(desk: Desk, asked: FastifyRequest, reply: FastifyReply) {
  const { id } = asked.params as { readonly id: string }
  const { agreed, comment } = approval(asked.body)
  refuseUnlessStored(desk.hub)
  const answer = await desk.commands.approve(id, personOf(desk, asked), agreed, comment)
  return answered(answer, reply, `the approval of ${JSON.stringify(id.slice(0, 80))}`)
}

function audit({ commands }: Desk, { query }: FastifyRequest, reply: FastifyReply) {
  return commands.audit(auditQuery(query), untilGone(reply))
}

function answered(answer: Answer, reply: FastifyReply, what: string) {
  if (answer.kind === 'refused') {
    const refusal: CommandRefusalView = {
      code: 'COMMAND_REFUSED',
      message: sentence(answer, what),
      reasons: answer.reasons,
    }
    const status = statusOf(answer)
    return reply
      .code(status)
      .headers(status === 503 ? { 'retry-after': '1' } : {})
      .send(refusal)
  }
  const { kind: _kind, ...view } = answer
  return reply.code(answer.repeated || answer.dryRun ? 200 : 202).send(view)
}

function sentence({ reasons }: Refused, what: string): string {
  return `Cannot take ${what}: ${reasons.map(({ message }) => message).join('; ')}`
}

/** What decides most comes first: who asks, then what, then the moment. */
function statusOf({ reasons }: Refused): number {
  const has = (...codes: string[]) => reasons.some(({ code }) => codes.includes(code))
  if (has('not-ready')) return 503
  if (has('right', 'area', 'same-person')) return 403
  if (has('not-found')) return 404
  if (has('not-declared', 'type', 'range', 'one-of')) return 422
  return 409
}

/** Who asks, and what that person may do. */
export function personOf(desk: Desk, request: FastifyRequest): Person {
  const { name = LOCAL, can, areas } = desk.caller(request) ?? { can: [] }
  return { name, can, ...(areas && { areas }) }
}
