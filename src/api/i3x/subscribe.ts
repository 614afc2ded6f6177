import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Desk } from '../desk.ts'
import { ApiError } from '../errors.ts'
import { AddressSpace } from './address-space.ts'
import { bad, good, type Answer, type Item } from './answers.ts'
import { elementNotFound } from './explore.ts'
import { Body } from './requests.ts'
import { openStream } from './stream.ts'
import type { Subscription } from './subscription.ts'

/** The subscribe methods of i3X 1.0. A subscription is its client's and its caller's: for others there is none. */

export function createSubscription(desk: Desk, request: FastifyRequest): Answer {
  const body = new Body(request)
  const clientId = body.text('clientId')
  const { id, displayName } = desk.i3x.create(nameOf(desk, request), clientId, body.optionalText('displayName'))
  return { result: { clientId, subscriptionId: id, displayName } }
}

export function listSubscriptions(desk: Desk, request: FastifyRequest): Answer {
  return eachOf(desk, request, ({ id, displayName, monitored }) => ({
    subscriptionId: id,
    displayName,
    monitoredObjects: [...monitored].map(([elementId, { maxDepth }]) => ({ elementId, maxDepth })),
  }))
}

export function deleteSubscriptions(desk: Desk, request: FastifyRequest): Answer {
  return eachOf(desk, request, (subscription) => {
    desk.i3x.delete(subscription)
    return null
  })
}

export function register(desk: Desk, request: FastifyRequest): Answer {
  const { body, subscription } = ownOf(desk, request)
  const maxDepth = body.maxDepth()
  const space = new AddressSpace(desk.hub)
  return eachElement(desk, body, (elementId) => {
    const element = space.find(elementId)
    if (element === undefined) throw elementNotFound(elementId)
    desk.i3x.register(subscription, element, maxDepth, space)
  })
}

export function unregister(desk: Desk, request: FastifyRequest): Answer {
  const { body, subscription } = ownOf(desk, request)
  return eachElement(desk, body, (elementId) => {
    if (!desk.i3x.unregister(subscription, elementId)) throw elementNotFound(elementId)
  })
}

/** What changed and is not acknowledged; 206 where older changes had to go. */
export function sync(desk: Desk, request: FastifyRequest): Answer {
  const { body, subscription } = ownOf(desk, request)
  const last = body.lastSequenceNumber()
  subscription.touchedAt = desk.clock.monotonic()
  const { batches, isPartial } = subscription.sync(last)
  if (!isPartial) return { result: batches }
  const most = desk.limits.i3xQueuedValues
  return { result: batches, detail: `Cannot answer all changes: ${most} values wait at most, the oldest were dropped` }
}

export function stream(desk: Desk, request: FastifyRequest, reply: FastifyReply): void {
  openStream(desk, request, reply, ownOf(desk, request).subscription)
}

/** @throws ApiError 404 where the subscription is not there, or another client's */
function ownOf(desk: Desk, request: FastifyRequest): { readonly body: Body; readonly subscription: Subscription } {
  const body = new Body(request)
  const clientId = body.text('clientId')
  const id = body.text('subscriptionId')
  const subscription = desk.i3x.find(nameOf(desk, request), clientId, id)
  if (subscription === undefined) throw subscriptionNotFound(id)
  return { body, subscription }
}

/** One answer for each subscription that is named, in their order. */
function eachOf(desk: Desk, request: FastifyRequest, view: (subscription: Subscription) => unknown): Answer {
  const body = new Body(request)
  const clientId = body.text('clientId')
  const caller = nameOf(desk, request)
  const results = body.texts('subscriptionIds', desk.limits.i3xIds).map((subscriptionId): Item => {
    const found = desk.i3x.find(caller, clientId, subscriptionId)
    if (found === undefined) return bad({ subscriptionId }, subscriptionNotFound(subscriptionId))
    return good({ subscriptionId }, view(found))
  })
  return { results }
}

/** One answer for each element that is named, in their order; one that fails fails alone. */
function eachElement(desk: Desk, body: Body, act: (elementId: string) => void): Answer {
  const results = body.texts('elementIds', desk.limits.i3xIds).map((elementId): Item => {
    try {
      act(elementId)
      return good({ elementId }, null)
    } catch (error) {
      if (error instanceof ApiError) return bad({ elementId }, error)
      throw error
    }
  })
  return { results }
}

function nameOf(desk: Desk, request: FastifyRequest): string | undefined {
  return desk.caller(request)?.name
}

function subscriptionNotFound(id: string): ApiError {
  const shown = JSON.stringify(id.slice(0, 200))
  return new ApiError(
    404,
    'SUBSCRIPTION_NOT_FOUND',
    `Cannot find subscription ${shown}: this client has none of this id`,
  )
}
