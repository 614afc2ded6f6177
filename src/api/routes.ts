import type { FastifyReply, FastifyRequest } from 'fastify'
import OPENAPI from './openapi.json' with { type: 'json' }
import { AAS_ROUTES } from './aas/routes.ts'
import { ALARM_ROUTES } from './alarm-routes.ts'
import { ASSET_ROUTES } from './asset-routes.ts'
import { COMMAND_ROUTES } from './command-routes.ts'
import type { HealthView } from './contract.ts'
import type { Desk, Route } from './desk.ts'
import { ApiError } from './errors.ts'
import { eventsQuery } from './events-query.ts'
import { FORECAST_ROUTES } from './forecast-routes.ts'
import { HISTORY_ROUTES } from './history-routes.ts'
import { I3X_ROUTES } from './i3x/routes.ts'
import { MCP_ROUTES } from './mcp/routes.ts'
import { oeeQuery } from './oee-query.ts'
import { assetPath, recordsQuery } from './query.ts'
import { refuseUnlessStored } from './stored.ts'
import { WOT_ROUTES } from './wot/routes.ts'
import { untilGone } from './until-gone.ts'

/** Every route of the hub. `auth.test.ts` makes the matrix of rights from this table; there is no other way in. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', url: '/healthz', need: 'open', handle: health },
  { method: 'GET', url: '/metrics', need: 'read', handle: metrics },
  { method: 'GET', url: '/api/v1/openapi.json', need: 'read', handle: () => OPENAPI },
  { method: 'GET', url: '/api/v1/status', need: 'read', handle: ({ hub }) => hub.hub() },
  ...ASSET_ROUTES,
  { method: 'GET', url: '/api/v1/models', need: 'read', handle: ({ hub }) => ({ models: hub.declaredModels() }) },
  { method: 'GET', url: '/api/v1/sources', need: 'read', handle: ({ hub }) => ({ sources: hub.sources() }) },
  { method: 'GET', url: '/api/v1/sources/:name', need: 'read', handle: source },
  { method: 'GET', url: '/api/v1/ledger', need: 'read', handle: ({ hub }) => hub.ledger() },
  {
    method: 'GET',
    url: '/api/v1/replication',
    need: 'read',
    handle: ({ hub }) => ({ replications: hub.replications() }),
  },
  { method: 'GET', url: '/api/v1/processors', need: 'read', handle: ({ hub }) => ({ processors: hub.processors() }) },
  { method: 'GET', url: '/api/v1/events', need: 'read', handle: events },
  { method: 'GET', url: '/api/v1/sinks', need: 'read', handle: ({ hub }) => ({ sinks: hub.sinks() }) },
  { method: 'GET', url: '/api/v1/oee/*', need: 'read', handle: oee },
  { method: 'GET', url: '/api/v1/hubs', need: 'read', handle: ({ hub }) => hub.hubs() },
  { method: 'GET', url: '/api/v1/topics', need: 'read', handle: topics },
  { method: 'GET', url: '/api/v1/topics/:name', need: 'read', handle: topic },
  { method: 'GET', url: '/api/v1/topics/:name/records', need: 'read', handle: records },
  { method: 'GET', url: '/api/v1/consumers', need: 'read', handle: consumers },
  ...ALARM_ROUTES,
  ...AAS_ROUTES,
  ...WOT_ROUTES,
  ...HISTORY_ROUTES,
  ...FORECAST_ROUTES,
  ...I3X_ROUTES,
  ...MCP_ROUTES,
  ...COMMAND_ROUTES,
  { method: 'GET', url: '/api/v1/live', need: 'read', handle: upgradeRequired },
  { method: 'POST', url: '/api/v1/login', need: 'open', bodyBytes: 4096, handle: login },
  { method: 'POST', url: '/api/v1/logout', need: 'open', bodyBytes: 4096, handle: logout },
  { method: 'POST', url: '/*', need: 'write', fallback: true, handle: mounted },
  { method: 'GET', url: '/*', need: 'open', fallback: true, handle: page },
]

function health({ hub }: Desk, _request: FastifyRequest, reply: FastifyReply) {
  const { log } = hub.hub()
  const reason = log.state !== 'live' ? log.reason : hub.ready() ? undefined : 'The twins are being read from the log'
  const view: HealthView = reason === undefined ? { ready: true } : { ready: false, reason }
  return reply.code(view.ready ? 200 : 503).send(view)
}

function metrics({ hub }: Desk, _request: FastifyRequest, reply: FastifyReply) {
  return reply.type('text/plain; version=0.0.4; charset=utf-8').send(hub.metrics())
}

function source({ hub }: Desk, request: FastifyRequest) {
  const { name } = request.params as { readonly name: string }
  const found = hub.sources().find((source) => source.name === name)
  if (found !== undefined) return found
  const shown = JSON.stringify(name.slice(0, 80))
  throw new ApiError(
    404,
    'SOURCE_NOT_FOUND',
    `Cannot show source ${shown}: there is none of this name, want one of the config`,
  )
}

async function topics({ log }: Desk) {
  return { topics: await log.topics() }
}

async function topic({ log }: Desk, request: FastifyRequest) {
  const name = topicOf(request)
  return (await log.topic(name)) ?? topicNotFound(name)
}

async function records({ log }: Desk, request: FastifyRequest, reply: FastifyReply) {
  const name = topicOf(request)
  const query = recordsQuery(request.query)
  return (await log.records(name, query, untilGone(reply))) ?? topicNotFound(name)
}

function events(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  return desk.events.events(eventsQuery(request.query), untilGone(reply))
}

async function oee(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const path = assetPath(rest(request))
  const found = await desk.oee.oee(path, oeeQuery(request.query), untilGone(reply))
  if (found !== undefined) return found
  const message = `Cannot show OEE of ${JSON.stringify(path)}: nothing was told of a machine there yet, want one that an "oee" is on`
  throw new ApiError(404, 'ASSET_NOT_FOUND', message)
}

async function consumers({ log }: Desk) {
  return { consumers: await log.consumers() }
}

function topicOf(request: FastifyRequest): string {
  return (request.params as { readonly name: string }).name
}

function topicNotFound(name: string): never {
  const shown = JSON.stringify(name.slice(0, 249))
  throw new ApiError(404, 'TOPIC_NOT_FOUND', `Cannot show topic ${shown}: there is none of this name in the log`)
}

function upgradeRequired(): never {
  throw new ApiError(
    426,
    'UPGRADE_REQUIRED',
    'Cannot answer "/api/v1/live" to a plain request: want a WebSocket upgrade',
    {
      upgrade: 'websocket',
    },
  )
}

function login({ gate, auth, audit, cookie, limits }: Desk, request: FastifyRequest, reply: FastifyReply) {
  // Nobody waits for it: also while nothing can be stored somebody has to be able to look.
  const note = (what: string, by: string) => {
    audit.write({ what, by, via: 'rest', detail: { from: request.ip } }).catch(() => {})
  }
  const token = tokenIn(request.body)
  let caller
  try {
    caller = gate.login(token, request.ip)
  } catch (error) {
    note('login.refused', '')
    throw error
  }
  note('login', caller.name ?? '')
  const id = auth.openSession(caller)
  const seconds = Math.floor(limits.sessionMs / 1000)
  return reply.header('set-cookie', sessionCookie(cookie, id, seconds)).send({ name: caller.name, can: caller.can })
}

function logout({ gate, auth, cookie }: Desk, request: FastifyRequest, reply: FastifyReply) {
  const id = gate.sessionId(request.headers)
  if (id !== undefined) auth.closeSession(id)
  return reply.header('set-cookie', sessionCookie(cookie, '', 0)).send({})
}

async function mounted(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  refuseUnlessStored(desk.hub)
  const caller = desk.caller(request)?.name
  const answer = await desk.mounts.answer(`/${rest(request)}`, {
    headers: plainHeaders(request),
    body: (request.body as Uint8Array | undefined) ?? new Uint8Array(0),
    ...(caller === undefined ? {} : { caller }),
  })
  if (answer === undefined) return desk.absent(request, reply)
  return reply
    .code(answer.status)
    .headers({ ...answer.headers })
    .send(answer.body)
}

async function page(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const file = await desk.page.file(`/${rest(request)}`)
  if (file === undefined) return desk.absent(request, reply)
  reply.headers({ etag: file.etag, 'cache-control': file.cache, vary: 'accept-encoding' })
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send()
  const gzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  if (gzip) reply.header('content-encoding', 'gzip')
  return reply.type(file.type).send(gzip ? file.gzip : file.plain)
}

/** What the `*` of a route stands for, percent-decoded. */
function rest(request: FastifyRequest): string {
  return (request.params as { readonly '*': string })['*']
}

function tokenIn(body: unknown): string {
  try {
    const login: unknown = JSON.parse(Buffer.from((body as Uint8Array | undefined) ?? []).toString())
    if (typeof login === 'object' && login !== null && Object.hasOwn(login, 'token')) {
      const { token } = login as { readonly token: unknown }
      if (typeof token === 'string') return token
    }
  } catch {
    // Not JSON: said below.
  }
  throw new ApiError(400, 'BAD_BODY', 'Cannot log in with this body: want a JSON object with a string "token"')
}

function sessionCookie(cookie: Desk['cookie'], id: string, seconds: number): string {
  const secure = cookie.secure ? '; Secure' : ''
  return `${cookie.name()}=${id}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`
}

/** Headers of which there may be several come joined; credentials end at the gate. */
function plainHeaders(request: FastifyRequest): { readonly [name: string]: string | undefined } {
  const { authorization: _authorization, cookie: _cookie, ...headers } = request.headers
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
}
