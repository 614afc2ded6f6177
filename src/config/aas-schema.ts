import { z } from 'zod'
import type { Json } from '../model/json-value.ts'
import type { AasEnvironment } from './plant.ts'

/** Beginning of the ids of the plant's own shells, which nothing that is loaded may take. */
const OWN = 'urn:millrace:'

/** Shells and submodels that are served beside those of the plant: environments in JSON (IDTA-01001-3-0, clause 5.7.3). */
export const aasField = z
  .array(
    z.string().transform((text, context): AasEnvironment => {
      const read = readEnvironment(text)
      if (typeof read !== 'string') return read
      context.addIssue({ code: 'custom', message: read })
      return z.NEVER
    }),
  )
  .default([])
  .superRefine((environments, context) => {
    const twice = firstTwice(environments)
    if (twice !== undefined)
      context.addIssue({
        code: 'custom',
        message: `Cannot serve "${twice}" twice: want each id once in all environments`,
      })
  })
  .describe('Environments of the Asset Administration Shell to serve beside the plant: "file:nameplate.json"')

type JsonObject = { readonly [name: string]: Json }

/** The environment of a text, or what is wrong with it. */
function readEnvironment(text: string): AasEnvironment | string {
  let json: Json
  try {
    json = JSON.parse(text) as Json
  } catch {
    return 'Cannot read the environment: it is not JSON, want "file:" and an environment of the Asset Administration Shell'
  }
  if (!isObject(json)) return 'Cannot read the environment: it is no object, want one with "submodels"'
  const lists = ['assetAdministrationShells', 'submodels', 'conceptDescriptions'].map((name) => json[name] ?? [])
  for (const list of lists) {
    if (!Array.isArray(list)) return 'Cannot read the environment: a member of it is no list, want lists'
    const fault = (list as readonly Json[]).map(identifiableFault).find((one) => one !== undefined)
    if (fault !== undefined) return fault
  }
  const [shells, submodels, concepts] = lists as unknown as readonly AasEnvironment['shells'][]
  return { shells: shells!, submodels: submodels!, concepts: concepts! }
}

function identifiableFault(json: Json): string | undefined {
  const id = isObject(json) ? json['id'] : undefined
  if (typeof id !== 'string' || id === '' || id.length > 2_000)
    return 'Cannot read the environment: something in it has no "id", want a text of 1 to 2,000 characters'
  if (id.startsWith(OWN)) return `Cannot serve "${id}": ids that begin with ${OWN} are those of the plant, want another`
  return undefined
}

function firstTwice(environments: readonly AasEnvironment[]): string | undefined {
  const seen = new Set<string>()
  for (const { shells, submodels } of environments)
    for (const { id } of [...shells, ...submodels]) {
      if (seen.has(id)) return id
      seen.add(id)
    }
  return undefined
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
