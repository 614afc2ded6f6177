import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Desk, Route } from '../desk.ts'
import { sendAnswer, type Answer } from './answers.ts'
import {
  listObjects,
  listObjectTypes,
  listRelationshipTypes,
  namespaces,
  objectsById,
  queryObjectTypes,
  queryRelationshipTypes,
  relatedObjects,
} from './explore.ts'
import { currentValues, history, refuseWrite } from './query.ts'
import {
  createSubscription,
  deleteSubscriptions,
  listSubscriptions,
  register,
  stream,
  sync,
  unregister,
} from './subscribe.ts'

/** Where the door is; what is below it answers and refuses in the words of i3X. */
export const I3X_BASE = '/i3x/v1'

/** Body of a request: ten thousand ids. */
const BODY_BYTES = 1 << 20

/** i3X 1.0 (CESMII): the plant for programs that know nothing of Millrace. Reads only; docs/i3x.md. */
export const I3X_ROUTES: readonly Route[] = [
  route('GET', '/info', info, 'open'),
  route('GET', '/namespaces', namespaces),
  route('GET', '/objecttypes', listObjectTypes),
  route('POST', '/objecttypes/query', queryObjectTypes),
  route('GET', '/relationshiptypes', listRelationshipTypes),
  route('POST', '/relationshiptypes/query', queryRelationshipTypes),
  route('GET', '/objects', listObjects),
  route('POST', '/objects/list', objectsById),
  route('POST', '/objects/related', relatedObjects),
  route('POST', '/objects/value', currentValues),
  route('PUT', '/objects/value', refuseWrite),
  route('POST', '/objects/history', history),
  route('PUT', '/objects/history', refuseWrite),
  route('POST', '/subscriptions', createSubscription),
  route('POST', '/subscriptions/list', listSubscriptions),
  route('POST', '/subscriptions/delete', deleteSubscriptions),
  route('POST', '/subscriptions/register', register),
  route('POST', '/subscriptions/unregister', unregister),
  route('POST', '/subscriptions/sync', sync),
  { method: 'POST', url: `${I3X_BASE}/subscriptions/stream`, need: 'read', bodyBytes: BODY_BYTES, handle: stream },
]

function route(
  method: Route['method'],
  path: string,
  answer: (desk: Desk, request: FastifyRequest, reply: FastifyReply) => Answer | Promise<Answer>,
  need: Route['need'] = 'read',
): Route {
  const handle = async (desk: Desk, request: FastifyRequest, reply: FastifyReply) =>
    sendAnswer(await answer(desk, request, reply), request, reply)
  return { method, url: `${I3X_BASE}${path}`, need, ...(method !== 'GET' && { bodyBytes: BODY_BYTES }), handle }
}

/** What this server can do ("Server Capabilities Endpoints"); its version only for those it knows. */
function info(desk: Desk, request: FastifyRequest): Answer {
  const isKnown = desk.caller(request) !== undefined
  return {
    result: {
      specVersion: '1.0',
      ...(isKnown && { serverVersion: desk.hub.hub().version }),
      serverName: 'Millrace',
      capabilities: {
        query: { history: desk.history !== undefined },
        update: { current: false, history: false },
        subscribe: { stream: true },
      },
    },
  }
}
