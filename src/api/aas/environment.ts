import { ApiError } from '../errors.ts'
import { objectsOf, textOf, type JsonObject } from './json.ts'
import { notFound, type SerializationQuery } from './query.ts'
import type { Repository } from './repository.ts'

/** What one export may hold, before it is told to be taken in parts: it lies in memory as a whole. */
const EXPORT = { shells: 10_000, characters: 64 << 20 } as const

/**
 * An environment as JSON (IDTA-01001-3-0, clause 5.7.3): what is named, or everything. Shells bring their submodels along only
 * where no submodels are named. Lists without anything in them are not there: the metamodel knows no empty ones.
 * @throws ApiError `AAS_NOT_FOUND`, `TOO_MUCH_TO_EXPORT`
 */
export async function environmentText(
  repository: Repository,
  { aasIds, submodelIds, includeConceptDescriptions }: SerializationQuery,
  most: { readonly shells: number; readonly characters: number } = EXPORT,
): Promise<string> {
  const isAll = aasIds === undefined && submodelIds === undefined
  const found = isAll
    ? await allOf(repository.shells(), most.shells)
    : await named(aasIds ?? [], (id) => repository.shell(id))
  const text = new EnvironmentText(most.characters)
  for (const shell of found) text.add('assetAdministrationShells', shell)
  const ids = new Set(isAll || submodelIds === undefined ? found.flatMap(idsIn) : submodelIds)
  for (const id of ids) {
    const submodel = await repository.submodel(id)
    // A reference to what is elsewhere stays a reference.
    if (submodel !== undefined) text.add('submodels', submodel)
    else if (submodelIds !== undefined) throw notFound('submodel', id)
  }
  const unbound = isAll ? repository.loadedSubmodels().filter(({ id }) => !ids.has(id as string)) : []
  for (const submodel of unbound) text.add('submodels', submodel)
  const explained = new Set([...ids, ...unbound.map((one) => textOf(one, 'id') ?? '')])
  const concepts = includeConceptDescriptions ? repository.concepts(found, isAll, explained) : []
  for (const concept of concepts) text.add('conceptDescriptions', concept)
  return text.end()
}

/** The text of an environment as it grows, within a bound. */
class EnvironmentText {
  readonly #lists = new Map<string, string[]>()
  #left: number

  constructor(characters: number) {
    this.#left = characters
  }

  add(list: string, one: JsonObject): void {
    const text = JSON.stringify(one)
    this.#left -= text.length
    if (this.#left < 0) throw tooMuch('it is larger than what a hub holds in memory for it')
    const texts = this.#lists.get(list)
    if (texts) texts.push(text)
    else this.#lists.set(list, [text])
  }

  end(): string {
    return `{${[...this.#lists].map(([name, texts]) => `"${name}":[${texts.join(',')}]`).join(',')}}`
  }
}

/** The ids of the submodels of a shell. */
function idsIn(shell: JsonObject): readonly string[] {
  return objectsOf(shell['submodels']).flatMap((one) => textOf(objectsOf(one['keys']).at(-1) ?? {}, 'value') ?? [])
}

async function named(
  ids: readonly string[],
  find: (id: string) => Promise<JsonObject | undefined>,
): Promise<readonly JsonObject[]> {
  const found: JsonObject[] = []
  for (const id of ids) found.push((await find(id)) ?? missing(id))
  return found
}

async function allOf(shells: AsyncIterable<JsonObject>, most: number): Promise<readonly JsonObject[]> {
  const all: JsonObject[] = []
  for await (const shell of shells) {
    if (all.push(shell) > most) throw tooMuch(`there are over ${most} shells`)
  }
  return all
}

function missing(id: string): never {
  throw notFound('shell', id)
}

function tooMuch(why: string): ApiError {
  return new ApiError(
    413,
    'TOO_MUCH_TO_EXPORT',
    `Cannot export everything at once: ${why}, want some of them in "aasIds"`,
  )
}
