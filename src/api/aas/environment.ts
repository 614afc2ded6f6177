import type { JsonValue } from '../contract.ts'
import { ApiError } from '../errors.ts'
import { objectsOf, textOf, type JsonObject } from './json.ts'
import { notFound, type SerializationQuery } from './query.ts'
import type { Repository } from './repository.ts'

/** What one export may hold, before it is told to be taken in parts. */
const MOST = { shells: 10_000, bytes: 256 << 20 } as const

/**
 * An environment (IDTA-01001-3-0, clause 5.7.3): what is named, or everything. Shells bring their submodels along only where no
 * submodels are named. Members without anything in them are not there: the metamodel knows no empty lists.
 */
export async function environmentOf(repository: Repository, query: SerializationQuery): Promise<JsonObject> {
  const { aasIds, submodelIds, includeConceptDescriptions } = query
  const isAll = aasIds === undefined && submodelIds === undefined
  const shells = isAll ? await allOf(repository.shells()) : await named(aasIds ?? [], (id) => repository.shell(id))
  const submodels =
    isAll || submodelIds === undefined
      ? await submodelsOf(repository, shells)
      : await named(submodelIds, (id) => repository.submodel(id))
  const unbound = isAll ? await unboundOf(repository, submodels) : []
  const concepts = includeConceptDescriptions ? repository.concepts(shells, isAll, [...submodels, ...unbound]) : []
  return withoutEmpty({
    assetAdministrationShells: shells,
    submodels: [...submodels, ...unbound],
    conceptDescriptions: concepts,
  })
}

/** The submodels of shells, in their order, each once; a reference to one that is elsewhere stays a reference. */
async function submodelsOf(repository: Repository, shells: readonly JsonObject[]): Promise<readonly JsonObject[]> {
  const ids = new Set(
    shells
      .flatMap((shell) => objectsOf(shell['submodels']))
      .flatMap((one) => textOf(objectsOf(one['keys']).at(-1) ?? {}, 'value') ?? []),
  )
  const found: JsonObject[] = []
  for (const id of ids) {
    const submodel = await repository.submodel(id)
    if (submodel !== undefined) found.push(submodel)
  }
  return found
}

/** Loaded submodels that no shell has. */
async function unboundOf(repository: Repository, known: readonly JsonObject[]): Promise<readonly JsonObject[]> {
  const ids = new Set(known.map((one) => textOf(one, 'id')))
  return repository.loadedSubmodels().filter((one) => !ids.has(textOf(one, 'id')))
}

async function named(
  ids: readonly string[],
  find: (id: string) => Promise<JsonObject | undefined>,
): Promise<readonly JsonObject[]> {
  const found: JsonObject[] = []
  for (const id of ids) found.push((await find(id)) ?? missing(id))
  return found
}

async function allOf(shells: AsyncIterable<JsonObject>): Promise<readonly JsonObject[]> {
  const all: JsonObject[] = []
  for await (const shell of shells) {
    if (all.push(shell) <= MOST.shells) continue
    const message = `Cannot export everything at once: there are over ${MOST.shells} shells, want some of them in "aasIds"`
    throw new ApiError(413, 'TOO_MUCH_TO_EXPORT', message)
  }
  return all
}

function missing(id: string): never {
  throw notFound('an identifiable of id', id)
}

function withoutEmpty(lists: { readonly [name: string]: readonly JsonValue[] }): JsonObject {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0))
}
