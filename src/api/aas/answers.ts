import type { FastifyReply, FastifyRequest } from 'fastify'
import type { JsonValue } from '../contract.ts'
import type { Desk } from '../desk.ts'
import { ApiError } from '../errors.ts'
import { modelReference } from './element.ts'
import { childrenOf, findElement, pathsAt, pathsOf, referenceTo } from './id-short-path.ts'
import { isObject, objectsOf, textOf, type JsonObject } from './json.ts'
import { metadata, normal, valueOnly } from './modifiers.ts'
import { paged, pageOfIds, pageOfItems, type Paged } from './page.ts'
import {
  identifier,
  modifiersOf,
  notFound,
  pagingQuery,
  shellsQuery,
  submodelsQuery,
  type Modifier,
  type ShellsQuery,
  type SubmodelsQuery,
} from './query.ts'
import { Repository, type SubmodelHead } from './repository.ts'

/** What answers a question; JSON of any kind, so also a bare number. */
export type Answer = (desk: Desk, request: FastifyRequest, reply: FastifyReply) => Promise<JsonValue | Paged>

export const shells =
  (modifier: 'normal' | 'reference'): Answer =>
  async (desk, request, reply) => {
    const query = shellsQuery(request.query)
    const all = repository(desk, reply).shells(query.cursor)
    return pageOfIds(all, query.limit, takesShell(query), modifier === 'normal' ? asItIs : shellReference)
  }

export const shell =
  (modifier: 'normal' | 'reference'): Answer =>
  async (desk, request, reply) => {
    modifiersOf(request.query)
    const found = await shellIn(desk, request, reply)
    return modifier === 'normal' ? found : shellReference(found)
  }

export const assetInformation: Answer = async (desk, request, reply) => {
  modifiersOf(request.query)
  return (await shellIn(desk, request, reply))['assetInformation'] ?? null
}

export const submodelReferences: Answer = async (desk, request, reply) => {
  const { modifiers: _, ...query } = pagingQuery(request.query)
  return pageOfItems(objectsOf((await shellIn(desk, request, reply))['submodels']), query, asItIs)
}

/** There are no files: neither pictures of assets, nor what elements of type File point to. */
export const thumbnail: Answer = async (desk, request, reply) => {
  throw notFound('a thumbnail of shell', textOf(await shellIn(desk, request, reply), 'id') ?? '')
}

export const attachment: Answer = async (desk, request, reply) => {
  const { element, path } = await elementIn(desk, request, reply)
  if (element['modelType'] === 'File') throw notFound('the file of element', path)
  throw badModifier(path, 'it is no File', 'the path of one')
}

export const submodels =
  (modifier: Modifier): Answer =>
  async (desk, request, reply) => {
    const { query, modifiers } = submodelsQuery(request.query, modifier)
    const wants = wantsSubmodel(query)
    const isBrief = modifier === 'reference' || modifier === 'metadata'
    if (modifier === 'path') return allPaths(repository(desk, reply), query, wants, modifiers.level === 'deep')
    const show = (one: JsonObject): JsonValue => {
      if (modifier === 'reference') return submodelReference(one)
      if (modifier === 'metadata') return metadata(one)!
      return modifier === 'value' ? valueOnly(one, modifiers)! : normal(one, modifiers)
    }
    return pageOfIds(repository(desk, reply).submodels(query.cursor, wants, isBrief), query.limit, () => true, show)
  }

export const submodel =
  (modifier: Modifier): Answer =>
  async (desk, request, reply) => {
    const modifiers = modifiersOf(request.query, modifier)
    const found = await submodelIn(desk, request, reply)
    switch (modifier) {
      case 'reference':
        return submodelReference(found)
      case 'metadata':
        return metadata(found)!
      case 'value':
        return valueOnly(found, modifiers)!
      case 'path':
        return pathsOf(childrenOf(found), modifiers.level === 'deep')
      default:
        return normal(found, modifiers)
    }
  }

export const elements =
  (modifier: Modifier): Answer =>
  async (desk, request, reply) => {
    const { modifiers, ...paging } = pagingQuery(request.query, modifier)
    const found = await submodelIn(desk, request, reply)
    const all = childrenOf(found)
    if (modifier === 'path') return pageOfItems(pathsOf(all, modifiers.level === 'deep'), paging, asItIs)
    return pageOfItems(all, paging, (element): JsonValue => {
      if (modifier === 'reference') return referenceTo(found, [{ element, key: textOf(element, 'idShort') ?? '' }])
      if (modifier === 'metadata') return metadata(element) ?? element
      // A listing tells values apart by their names, so each has its own.
      if (modifier === 'value') return { [textOf(element, 'idShort') ?? '']: valueOnly(element, modifiers) ?? null }
      return normal(element, modifiers)
    })
  }

export const element =
  (modifier: Modifier): Answer =>
  async (desk, request, reply) => {
    const modifiers = modifiersOf(request.query, modifier)
    const { submodel, chain, element, path } = await elementIn(desk, request, reply)
    switch (modifier) {
      case 'reference':
        return referenceTo(submodel, chain)
      case 'metadata':
        return metadata(element) ?? noForm(element, path)
      case 'value':
        return valueOnly(element, modifiers) ?? (metadata(element) === undefined ? noForm(element, path) : null)
      case 'path':
        if (!CONTAINERS.has(textOf(element, 'modelType') ?? '')) throw noPaths(path)
        return pathsAt(element, path, modifiers.level === 'deep')
      default:
        return normal(element, modifiers)
    }
  }

const CONTAINERS = new Set(['SubmodelElementCollection', 'SubmodelElementList', 'Entity'])

/** What there is to read, until the client has gone. */
export function repository(desk: Desk, reply: FastifyReply): Repository {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const base = `${desk.cookie.secure ? 'https' : 'http'}://${reply.request.headers.host}/`
  return new Repository(desk, base, gone.signal)
}

async function shellIn(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<JsonObject> {
  const { aasIdentifier } = request.params as { readonly aasIdentifier: string }
  const id = identifier('aasIdentifier', aasIdentifier)
  return (await repository(desk, reply).shell(id)) ?? throwNotFound('shell', id)
}

/** The submodel of an address; below a shell, only one that belongs to it. */
async function submodelIn(desk: Desk, request: FastifyRequest, reply: FastifyReply): Promise<JsonObject> {
  const params = request.params as { readonly aasIdentifier?: string; readonly submodelIdentifier: string }
  const id = identifier('submodelIdentifier', params.submodelIdentifier)
  if (params.aasIdentifier !== undefined) {
    const references = objectsOf((await shellIn(desk, request, reply))['submodels'])
    if (!references.some((one) => objectsOf(one['keys']).at(-1)?.['value'] === id)) throw notFound('submodel', id)
  }
  return (await repository(desk, reply).submodel(id)) ?? throwNotFound('submodel', id)
}

async function elementIn(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const { idShortPath: path } = request.params as { readonly idShortPath: string }
  const submodel = await submodelIn(desk, request, reply)
  const chain = findElement(submodel, path) ?? throwNotFound('element', path)
  return { submodel, chain, path, element: chain.at(-1)!.element }
}

/** Paths of all submodels are a list of their own: a page may end within one of them. */
async function allPaths(
  repository: Repository,
  { cursor, limit }: SubmodelsQuery,
  wants: (head: SubmodelHead) => boolean,
  isDeep: boolean,
): Promise<Paged> {
  const [, count, at] = /^(\d{1,9}) (.*)$/s.exec(cursor ?? '') ?? []
  const result: string[] = []
  let last = at === undefined || at === '' ? undefined : at
  let skip = Number(count ?? 0)
  for await (const one of repository.submodels(last, wants)) {
    const paths = pathsOf(childrenOf(one), isDeep)
    for (const [index, path] of paths.entries()) {
      if (index < skip) continue
      if (result.length === limit) return paged(result, `${index} ${last ?? ''}`)
      result.push(path)
    }
    skip = 0
    last = textOf(one, 'id')
  }
  return paged(result, undefined)
}

function takesShell({ idShort, assetIds }: ShellsQuery): (shell: JsonObject) => boolean {
  return (shell) => {
    if (idShort !== undefined && shell['idShort'] !== idShort) return false
    const information = isObject(shell['assetInformation']) ? shell['assetInformation'] : {}
    const specific = objectsOf(information['specificAssetIds'])
    return assetIds.every(({ name, value }) =>
      name === 'globalAssetId'
        ? information['globalAssetId'] === value
        : specific.some((id) => id['name'] === name && id['value'] === value),
    )
  }
}

function wantsSubmodel({ idShort, semanticId }: SubmodelsQuery): (head: SubmodelHead) => boolean {
  return (head) => {
    if (idShort !== undefined && head.idShort !== idShort) return false
    return semanticId === undefined || head.meanings.includes(semanticId)
  }
}

function asItIs<T extends JsonValue>(one: T): T {
  return one
}

function shellReference(shell: JsonObject): JsonObject {
  return modelReference(['AssetAdministrationShell', textOf(shell, 'id') ?? ''])
}

function submodelReference(submodel: JsonObject): JsonObject {
  return modelReference(['Submodel', textOf(submodel, 'id') ?? ''])
}

function throwNotFound(what: string, id: string): never {
  throw notFound(what, id)
}

/** IDTA-01002-3-0: a form that a type does not have is a client's error. */
function noForm(element: JsonObject, path: string): never {
  throw badModifier(
    path,
    `it is ${textOf(element, 'modelType') ?? 'nothing'}, which has no such form`,
    'the address without a modifier',
  )
}

function noPaths(path: string): ApiError {
  return badModifier(path, 'nothing can lie in it', 'a collection, a list or an entity')
}

function badModifier(path: string, actual: string, wanted: string): ApiError {
  const shown = JSON.stringify(path.slice(0, 200))
  return new ApiError(400, 'BAD_QUERY', `Cannot show element ${shown} so: ${actual}, want ${wanted}`)
}
