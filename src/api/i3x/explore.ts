import type { FastifyRequest } from 'fastify'
import type { Desk } from '../desk.ts'
import { ApiError } from '../errors.ts'
import { AddressSpace } from './address-space.ts'
import { bad, good, type Answer, type Item } from './answers.ts'
import { Budget } from './budget.ts'
import { BASE_NAMESPACE, modelNamespace, objectTypes } from './object-types.ts'
import { objectView, typeOf } from './objects.ts'
import type { Element } from './element-ids.ts'
import { RELATION_NAMESPACE, relationshipTypes } from './relationship-types.ts'
import { Body, queryFlag, queryText } from './requests.ts'

/** The exploratory methods of i3X 1.0: what is there, of which type, and how it hangs together. */

export function namespaces({ hub }: Desk): Answer {
  const { site } = hub.hub()
  return {
    result: [
      { uri: RELATION_NAMESPACE, displayName: 'i3X' },
      { uri: BASE_NAMESPACE, displayName: 'Millrace' },
      { uri: modelNamespace(site), displayName: `Models of ${site}` },
    ],
  }
}

export function listObjectTypes({ hub }: Desk, request: FastifyRequest): Answer {
  return { result: ofNamespace(objectTypes(hub.hub().site, hub.declaredModels()), request) }
}

export function queryObjectTypes(desk: Desk, request: FastifyRequest): Answer {
  const { hub } = desk
  return byIds(desk, request, 'object type', objectTypes(hub.hub().site, hub.declaredModels()))
}

export function listRelationshipTypes({ hub }: Desk, request: FastifyRequest): Answer {
  return { result: ofNamespace(relationshipTypes(hub.relationTypes()), request) }
}

export function queryRelationshipTypes(desk: Desk, request: FastifyRequest): Answer {
  return byIds(desk, request, 'relationship type', relationshipTypes(desk.hub.relationTypes()))
}

/** All objects, the roots, or those of a type; cut where there are more than an answer holds. */
export async function listObjects(desk: Desk, request: FastifyRequest): Promise<Answer> {
  const type = queryText(request, 'typeElementId')
  const options = optionsOf(desk, queryFlag(request, 'includeMetadata'))
  const { space, budget } = options
  const elements = queryFlag(request, 'root') ? space.roots() : space.walk(() => desk.clock.sleep(0))
  const result: unknown[] = []
  for await (const element of elements) {
    if (type !== undefined && typeOf(element, space) !== type) continue
    const view = objectView(element, options)
    if (budget.isExceeded) break
    result.push(view)
  }
  return { result, ...cutBy(budget, 'want "root=true" and then "objects/related", place by place') }
}

export function objectsById(desk: Desk, request: FastifyRequest): Answer {
  const body = new Body(request)
  const options = optionsOf(desk, body.flag('includeMetadata'))
  return bulkOf(desk, body, options, (element) => objectView(element, options))
}

/** What an element is related to, both ways, one entry for each edge. */
export function relatedObjects(desk: Desk, request: FastifyRequest): Answer {
  const body = new Body(request)
  const wanted = body.optionalText('relationshipType')
  const options = optionsOf(desk, body.flag('includeMetadata'))
  return bulkOf(desk, body, options, (element) => {
    const edges: unknown[] = []
    for (const { type, target } of options.space.edges(element)) {
      if (wanted !== undefined && type !== wanted) continue
      edges.push({ sourceRelationship: type, object: objectView(target, options) })
      if (options.budget.isExceeded) break
    }
    return edges
  })
}

interface Options {
  readonly site: string
  readonly space: AddressSpace
  readonly includeMetadata: boolean
  readonly budget: Budget
}

function optionsOf({ hub, limits }: Desk, includeMetadata: boolean): Options {
  return { site: hub.hub().site, space: new AddressSpace(hub), includeMetadata, budget: new Budget(limits.i3xObjects) }
}

/** One answer for each id, in their order; those that do not fit any more say so. */
function bulkOf(desk: Desk, body: Body, { space, budget }: Options, view: (element: Element) => unknown): Answer {
  const results = body.texts('elementIds', desk.limits.i3xIds).map((elementId): Item => {
    const element = space.find(elementId)
    if (element === undefined) return bad({ elementId }, elementNotFound(elementId))
    // What the one at the end of the budget has is cut, which the answer says; those after it have nothing.
    return budget.isExceeded ? bad({ elementId }, tooLarge(budget)) : good({ elementId }, view(element))
  })
  return { results, ...cutBy(budget, 'want the rest of the ids in another request') }
}

export function elementNotFound(id: string): ApiError {
  return new ApiError(
    404,
    'ELEMENT_NOT_FOUND',
    `Cannot find element ${JSON.stringify(id.slice(0, 200))}: there is none`,
  )
}

export function tooLarge({ most }: Budget): ApiError {
  return new ApiError(
    400,
    'TOO_MUCH_AT_ONCE',
    `Cannot put this into the answer: it holds ${most} already, want it asked for alone`,
  )
}

/** Says that an answer was cut. */
export function cutBy(budget: Budget, wanted: string): { readonly detail?: string } {
  if (!budget.isExceeded) return {}
  return { detail: `Cannot answer all of it: one answer holds ${budget.most}, ${wanted}` }
}

function ofNamespace<T extends { readonly namespaceUri: string }>(
  types: readonly T[],
  request: FastifyRequest,
): readonly T[] {
  const uri = queryText(request, 'namespaceUri')
  return uri === undefined ? types : types.filter(({ namespaceUri }) => namespaceUri === uri)
}

function byIds(
  desk: Desk,
  request: FastifyRequest,
  kind: string,
  types: readonly { readonly elementId: string }[],
): Answer {
  const known = new Map(types.map((type) => [type.elementId, type]))
  const results = new Body(request).texts('elementIds', desk.limits.i3xIds).map((elementId): Item => {
    const found = known.get(elementId)
    if (found !== undefined) return good({ elementId }, found)
    const message = `Cannot find ${kind} ${JSON.stringify(elementId.slice(0, 200))}: there is none`
    return bad({ elementId }, new ApiError(404, 'ELEMENT_NOT_FOUND', message))
  })
  return { results }
}
