import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AssetsView, JsonValue } from './contract.ts'
import type { Desk, Route } from './desk.ts'
import { ApiError } from './errors.ts'
import { findAssets } from './find-assets.ts'
import type { PastPort } from './past-port.ts'
import { assetPath, assetQuery, momentOf, momentsOf, valuesQuery } from './query.ts'
import { bounded, historyOff } from './questions.ts'
import { Selection } from './selection.ts'

/** Assets and their twins: as they are, and as they were (`at`). */
export const ASSET_ROUTES: readonly Route[] = [
  { method: 'GET', url: '/api/v1/assets', need: 'read', handle: assets },
  { method: 'GET', url: '/api/v1/assets/*', need: 'read', handle: twin },
  { method: 'GET', url: '/api/v1/assets/*/compare', need: 'read', handle: compare },
  { method: 'GET', url: '/api/v1/values', need: 'read', handle: valuesOfMany },
  { method: 'GET', url: '/api/v1/values/*', need: 'read', handle: values },
]

function assets(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const { hub, clock, limits } = desk
  const { wanted, ...query } = assetQuery(request.query)
  const selection = wanted && new Selection(hub, wanted)
  const at = momentOf(request.query, clock.now())
  if (at !== undefined) return ofPast(desk, reply, (past, signal) => past.assets(query, at, selection, signal))
  if (selection !== undefined) return findAssets(hub, selection, query, { clock, limits })
  const page = hub.assets({ ...query, limit: query.limit + 1 })
  const view: AssetsView = { assets: page.slice(0, query.limit) }
  return page.length <= query.limit ? view : { ...view, next: view.assets.at(-1)!.path }
}

async function twin(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const at = momentOf(request.query, desk.clock.now())
  if (at === undefined) return twinOf(desk, rest(request))
  const path = assetPath(rest(request))
  return (await ofPast(desk, reply, (past, signal) => past.twin(path, at, signal))) ?? notFound(path)
}

async function compare(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const path = assetPath(rest(request))
  const { a, b } = momentsOf(request.query, desk.clock.now())
  return (await ofPast(desk, reply, (past, signal) => past.compare(path, a, b, signal))) ?? notFound(path)
}

function valuesOfMany(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const query = valuesQuery(request.query)
  const at = momentOf(request.query, desk.clock.now())
  if (at === undefined) return desk.hub.values(query)
  return ofPast(desk, reply, (past, signal) => past.values(query, at, signal))
}

/** The light answer: values by tag, without quality and times. */
async function values(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const { tags } = await twin(desk, request, reply)
  const pairs = tags.map(({ tag, value }): [string, JsonValue] => [tag, value])
  // `fromEntries` defines properties, so a tag named `__proto__` is a tag like any other.
  return Object.fromEntries(pairs)
}

function ofPast<T>(
  { past, clock, limits }: Desk,
  reply: FastifyReply,
  ask: (past: PastPort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (past === undefined) throw historyOff()
  return bounded(past, { clock, limits, reply }, (signal) => ask(past, signal))
}

function twinOf({ hub }: Desk, text: string) {
  const path = assetPath(text)
  return hub.twin(path) ?? notFound(path)
}

function notFound(path: string): never {
  throw new ApiError(404, 'ASSET_NOT_FOUND', `Cannot show asset ${JSON.stringify(path)}: no value of it has come yet`)
}

/** What the `*` of a route stands for, percent-decoded. */
function rest(request: FastifyRequest): string {
  return (request.params as { readonly '*': string })['*']
}
