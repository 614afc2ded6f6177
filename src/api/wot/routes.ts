import type { FastifyReply, FastifyRequest } from 'fastify'
import { pathOfAsset } from '../aas/ids.ts'
import { personOf } from '../command-routes.ts'
import type { DeclaredCommandView } from '../contract-commands.ts'
import type { AlarmView, TagView, TwinView } from '../contract.ts'
import type { Desk, Route } from '../desk.ts'
import { ApiError } from '../errors.ts'
import type { StreamEvent } from '../event-streams.ts'
import type { AssetQuery } from '../hub-port.ts'
import { assetPath, assetQuery, badQuery } from '../query.ts'
import { directoryOf, thingOf, THINGS, type ThingAction, type ThingContext } from './thing.ts'

/** Alarms of one asset that a stream looks at. */
const MOST_ALARMS = 500

const TD = 'application/td+json; charset=utf-8'

/** Assets as things: descriptions, a directory of them, and what the descriptions point to. */
export const WOT_ROUTES: readonly Route[] = [
  { method: 'GET', url: '/.well-known/wot', need: 'read', handle: directory },
  { method: 'GET', url: `/${THINGS}`, need: 'read', handle: things },
  { method: 'GET', url: '/api/v1/assets/*/td', need: 'read', handle: ofAsset },
  { method: 'GET', url: `/${THINGS}/:id`, need: 'read', handle: thing },
  { method: 'GET', url: `/${THINGS}/:id/properties/:name`, need: 'read', handle: property },
  { method: 'GET', url: `/${THINGS}/:id/events/alarm`, need: 'read', handle: alarms },
]

/** The description of an asset. */
function description(desk: Desk, request: FastifyRequest, reply: FastifyReply, twin: TwinView) {
  return reply.type(TD).send(JSON.stringify(thingOf(twin, contextOf(desk, request, twin))))
}

function directory(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  return reply.type(TD).send(JSON.stringify(directoryOf(desk.hub.hub().site, contextOf(desk, request))))
}

/** WoT Discovery, clause 7.3.2.1.5: an array, and the address of what comes next. */
function things(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const { wanted, ...query } = assetQuery(request.query)
  const { at } = request.query as { readonly at?: unknown }
  if (wanted !== undefined || at !== undefined)
    throw badQuery('match', 'the directory is of all things as they are', 'after, limit or under')
  const page = desk.hub.assets({ ...query, limit: query.limit + 1 })
  const shown = page.slice(0, query.limit)
  if (page.length > query.limit) reply.header('link', nextLink(query, shown.at(-1)!.path))
  const twins = shown.flatMap(({ path }) => desk.hub.twin(path) ?? [])
  const body = twins.map((twin) => thingOf(twin, contextOf(desk, request, twin)))
  return reply.type('application/ld+json; charset=utf-8').send(JSON.stringify(body))
}

function nextLink({ limit, under }: AssetQuery, after: string): string {
  const query = new URLSearchParams({ after, limit: String(limit), ...(under !== undefined && { under }) })
  return `</${THINGS}?${query.toString()}>; rel="next"`
}

function ofAsset(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  return description(desk, request, reply, twinOf(desk, (request.params as { readonly '*': string })['*']))
}

function thing(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  return description(desk, request, reply, twinIn(desk, request))
}

/** The present value, bare, or its changes as a stream. A value that is not the present is refused: it has no place for saying so. */
function property(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const { name } = request.params as { readonly name: string }
  const { path } = twinIn(desk, request)
  const tag = tagOf(desk, path, name)
  if (wantsStream(request)) return desk.streams.open(reply, desk.caller(request)!, valueNews(desk, path, name))
  if (tag.stale || tag.severity === 'bad') throw notPresent(tag)
  reply.headers({ 'last-modified': new Date(tag.sourceTime).toUTCString(), 'x-quality': tag.qualityName })
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(tag.value))
}

function alarms(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const { path } = twinIn(desk, request)
  if (wantsStream(request)) return desk.streams.open(reply, desk.caller(request)!, alarmNews(desk, path))
  const message = 'Cannot answer events to a plain request: want "accept: text/event-stream"'
  throw new ApiError(406, 'NOT_ACCEPTABLE', message)
}

/** A value whenever it is another one, or of another time; only while it is the present. */
function valueNews(desk: Desk, path: string, name: string): () => readonly StreamEvent[] {
  let told = ''
  return () => {
    const tag = desk.hub.twin(path)?.tags.find((one) => one.tag === name)
    if (tag === undefined || tag.stale || tag.severity === 'bad') return []
    const now = `${tag.sourceTime} ${tag.receivedTime}`
    if (now === told) return []
    told = now
    return [{ event: name, id: String(tag.sourceTime), data: tag.value }]
  }
}

/** Alarms of an asset: those that stand, then each that changes; one that is over is told as normal. */
function alarmNews({ alarms }: Desk, path: string): () => readonly StreamEvent[] {
  let revision: number | undefined
  let told = new Map<string, string>()
  return () => {
    if (alarms.revision === revision) return []
    revision = alarms.revision
    const standing = alarms.standing({ assets: path, limit: MOST_ALARMS }).alarms.filter(({ asset }) => asset === path)
    const now = new Map(standing.map((alarm) => [alarm.alarm, JSON.stringify(dataOf(alarm))]))
    const changed = [...now]
      .filter(([alarm, data]) => told.get(alarm) !== data)
      .map(([, data]) => JSON.parse(data) as unknown)
    const over = [...told.keys()]
      .filter((alarm) => !now.has(alarm))
      .map((alarm) => ({ asset: path, alarm, state: 'normal' }))
    told = now
    return [...changed, ...over].map((data) => ({ event: 'alarm', data }))
  }
}

function dataOf({ asset, alarm, state, priority, message, raisedAt }: AlarmView) {
  return { asset, alarm, state, priority, message, ...(raisedAt !== undefined && { raisedAt }) }
}

function contextOf(desk: Desk, request: FastifyRequest, twin?: TwinView): ThingContext {
  const scheme = desk.cookie.secure ? 'https' : 'http'
  const actions =
    twin === undefined ? [] : desk.commands.declared(twin.path, personOf(desk, request)).commands.map(actionOf)
  return { base: `${scheme}://${request.headers.host}/`, isGuarded: desk.auth.isGuarded, actions }
}

function actionOf({
  name,
  description,
  method,
  args,
  type,
  unit,
  range,
  oneOf,
  states,
}: DeclaredCommandView): ThingAction {
  const choice = oneOf ?? states
  const value = {
    ...(type !== undefined && { type }),
    ...(unit !== undefined && { unit }),
    ...(range !== undefined && { range }),
    ...(choice !== undefined && { oneOf: choice }),
  }
  return {
    name,
    ...(description !== undefined && { description }),
    ...(method === undefined ? { value } : { args: args ?? [] }),
  }
}

/** By its id, or by the path of the asset. */
function twinIn(desk: Desk, request: FastifyRequest): TwinView {
  const { id } = request.params as { readonly id: string }
  return twinOf(desk, pathOfAsset(id) ?? id)
}

function twinOf({ hub }: Desk, text: string): TwinView {
  const path = assetPath(text)
  const twin = hub.twin(path)
  if (twin !== undefined) return twin
  throw new ApiError(404, 'ASSET_NOT_FOUND', `Cannot show thing ${JSON.stringify(path)}: no value of it has come yet`)
}

function tagOf({ hub }: Desk, path: string, name: string): TagView {
  const tag = hub.twin(path)?.tags.find((one) => one.tag === name)
  if (tag !== undefined) return tag
  const shown = JSON.stringify(name.slice(0, 200))
  throw new ApiError(404, 'NOT_FOUND', `Cannot read property ${shown}: this thing has none of that name`)
}

function notPresent({ tag, qualityName, stale, severity }: TagView): ApiError {
  const why = stale && severity !== 'bad' ? 'its value is stale' : `its quality is ${qualityName}`
  return new ApiError(
    503,
    'NO_PRESENT_VALUE',
    `Cannot read property ${JSON.stringify(tag)}: ${why}, want Good and fresh`,
  )
}

function wantsStream({ headers }: FastifyRequest): boolean {
  return (headers.accept ?? '').includes('text/event-stream')
}
