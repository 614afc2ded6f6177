import type { FastifyRequest } from 'fastify'
import type { Desk } from '../desk.ts'
import { ApiError } from '../errors.ts'
import { AddressSpace } from './address-space.ts'
import { bad, good, type Answer, type Item } from './answers.ts'
import { Budget } from './budget.ts'
import { cutBy, elementNotFound, tooLarge } from './explore.ts'
import { Body } from './requests.ts'
import { currentValue } from './values.ts'
import { noData } from './vqt.ts'

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

/** What there is of the past: none is kept here, and that is `GoodNoData` ("POST /objects/history"). */
export function history(desk: Desk, request: FastifyRequest): Answer {
  const body = new Body(request)
  body.maxDepth()
  const [from, to] = [body.time('startTime'), body.time('endTime')]
  if (from > to) {
    throw new ApiError(400, 'BAD_BODY', 'Cannot use field "endTime": it is before "startTime", want it after that')
  }
  const space = new AddressSpace(desk.hub)
  const results = body.texts('elementIds', desk.limits.i3xIds).map((elementId): Item => {
    const element = space.find(elementId)
    if (element === undefined) return bad({ elementId }, elementNotFound(elementId))
    const isComposition = element.kind === 'asset' && (space.asset(element.path)?.tags.size ?? 0) > 0
    return good({ elementId }, { isComposition, values: [noData(to)] })
  })
  return { results }
}

/** Machines are written to by commands, which are checked and audited, never by a value put in place of another. */
export function refuseWrite(): never {
  throw new ApiError(
    501,
    'NOT_IMPLEMENTED',
    'Cannot write values here: this server does not offer it, want "GET /info" asked first',
  )
}
