import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Desk } from '../desk.ts'
import { ApiError } from '../errors.ts'
import { askHistory } from '../history-routes.ts'
import { AddressSpace } from './address-space.ts'
import { bad, good, type Answer, type Item } from './answers.ts'
import { Budget } from './budget.ts'
import { cutBy, elementNotFound, tooLarge } from './explore.ts'
import { pastValues, type PastOptions } from './past.ts'
import { Body } from './requests.ts'
import { currentValue } from './values.ts'

/** The last known value of each element, in the order of the ids. */
export function currentValues(desk: Desk, request: FastifyRequest): Answer {
  const body = new Body(request)
  const { hub, limits } = desk
  const budget = new Budget(limits.i3xValues)
  const options = { space: new AddressSpace(hub), since: hub.hub().startedAt, maxDepth: body.maxDepth(), budget }
  const results = body.texts('elementIds', limits.i3xIds).map((elementId): Item => {
    const element = options.space.find(elementId)
    if (element === undefined) return bad({ elementId }, elementNotFound(elementId))
    const value = budget.isExceeded ? undefined : currentValue(element, options)
    return value === undefined ? bad({ elementId }, tooLarge(budget)) : good({ elementId }, value)
  })
  return { results, ...cutBy(budget, 'want the rest of the ids in another request') }
}

/** What each element was in a range of time. Where no history is kept that is `GoodNoData` for all of them. */
export async function history(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<Answer> {
  const body = new Body(request)
  const range = { from: body.time('startTime'), to: body.time('endTime'), maxDepth: body.maxDepth() }
  if (range.from > range.to) {
    throw new ApiError(400, 'BAD_BODY', 'Cannot use field "endTime": it is before "startTime", want it after that')
  }
  const ids = body.texts('elementIds', desk.limits.i3xIds)
  const options = { space: new AddressSpace(desk.hub), ...range, budget: new Budget(desk.limits.i3xValues) }
  if (desk.history === undefined)
    return pastOf(ids, { ...options, history: undefined, signal: new AbortController().signal })
  return askHistory(desk, reply, (port, signal) => pastOf(ids, { ...options, history: port, signal }))
}

async function pastOf(ids: readonly string[], options: PastOptions): Promise<Answer> {
  const { space, budget } = options
  const results: Item[] = []
  for (const elementId of ids) {
    const element = space.find(elementId)
    if (element === undefined) results.push(bad({ elementId }, elementNotFound(elementId)))
    else if (budget.isExceeded) results.push(bad({ elementId }, tooLarge(budget)))
    else results.push(good({ elementId }, await pastValues(element, options)))
  }
  return { results, ...cutBy(budget, 'want a shorter time, or the rest of the ids in another request') }
}

/** Machines are written to by commands, which are checked and audited, never by a value put in place of another. */
export function refuseWrite(): never {
  throw new ApiError(
    501,
    'NOT_IMPLEMENTED',
    'Cannot write values here: this server does not offer it, want "GET /info" asked first',
  )
}
