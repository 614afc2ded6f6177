import type { JsonValue } from '../contract.ts'
import type { JsonObject } from './json.ts'

/** Types of values that we write (IDTA-01001-3-0, DataTypeDefXsd). */
type XsType =
  | 'xs:string'
  | 'xs:boolean'
  | 'xs:double'
  | 'xs:long'
  | 'xs:dateTime'
  | 'xs:date'
  | 'xs:anyURI'
  | 'xs:base64Binary'

/** What every element may have besides its value. */
export interface About {
  /** Address of what it means. */
  readonly semanticId?: string
  readonly description?: string
  readonly qualifiers?: readonly JsonObject[]
  readonly embeddedDataSpecifications?: readonly JsonObject[]
}

/** A property; one without a value has none: the metamodel knows no null. */
export function property(
  idShort: string,
  valueType: XsType,
  value: boolean | number | string | undefined | null,
  about: About = {},
): JsonObject {
  const text = value === undefined || value === null ? undefined : lexical(value)
  return { modelType: 'Property', idShort, ...aboutJson(about), valueType, ...(text !== undefined && { value: text }) }
}

export function multiLanguage(idShort: string, text: string, about: About = {}): JsonObject {
  return { modelType: 'MultiLanguageProperty', idShort, ...aboutJson(about), value: langStrings(text) }
}

/** An empty one has no value at all (IDTA-01001-3-0: arrays are never empty). */
export function collection(idShort: string, value: readonly JsonObject[], about: About = {}): JsonObject {
  return { modelType: 'SubmodelElementCollection', idShort, ...aboutJson(about), ...(value.length > 0 && { value }) }
}

/** A collection in a list; it has no idShort (AASd-120). */
export function item(value: readonly JsonObject[], about: About = {}): JsonObject {
  return { modelType: 'SubmodelElementCollection', ...aboutJson(about), value }
}

/** A list of collections. */
export function listOf(idShort: string, value: readonly JsonObject[], about: About = {}): JsonObject {
  const type = { orderRelevant: true, typeValueListElement: 'SubmodelElementCollection' }
  return {
    modelType: 'SubmodelElementList',
    idShort,
    ...aboutJson(about),
    ...type,
    ...(value.length > 0 && { value }),
  }
}

export function range(
  idShort: string,
  min: number | undefined,
  max: number | undefined,
  about: About = {},
): JsonObject {
  const bounds = { ...(min !== undefined && { min: lexical(min) }), ...(max !== undefined && { max: lexical(max) }) }
  return { modelType: 'Range', idShort, ...aboutJson(about), valueType: 'xs:double', ...bounds }
}

/** A thing that is described by what is said about it, and has no shell of its own. */
export function entity(idShort: string, statements: readonly JsonObject[], about: About = {}): JsonObject {
  return { modelType: 'Entity', idShort, ...aboutJson(about), entityType: 'CoManagedEntity', statements }
}

/** A submodel of an asset. */
export function submodel(
  id: string,
  idShort: string,
  about: About,
  submodelElements: readonly JsonObject[],
): JsonObject {
  return {
    modelType: 'Submodel',
    id,
    idShort,
    kind: 'Instance',
    ...aboutJson(about),
    ...(submodelElements.length > 0 && { submodelElements }),
  }
}

/** A reference to a definition outside of all shells. */
export function externalReference(value: string): JsonObject {
  return { type: 'ExternalReference', keys: [{ type: 'GlobalReference', value }] }
}

/** A reference to a part of a shell or a submodel, from the outermost to it. */
export function modelReference(...keys: readonly (readonly [type: string, value: string])[]): JsonObject {
  return { type: 'ModelReference', keys: keys.map(([type, value]) => ({ type, value })) }
}

export function langStrings(text: string): readonly JsonObject[] {
  return [{ language: 'en', text }]
}

function aboutJson({ semanticId, description, qualifiers, embeddedDataSpecifications }: About): JsonObject {
  return {
    ...(description !== undefined && description !== '' && { description: langStrings(description.slice(0, 1023)) }),
    ...(semanticId !== undefined && { semanticId: externalReference(semanticId) }),
    ...(qualifiers !== undefined && qualifiers.length > 0 && { qualifiers }),
    ...(embeddedDataSpecifications !== undefined && { embeddedDataSpecifications }),
  } satisfies { readonly [name: string]: JsonValue }
}

/** A value as XML Schema writes it (part 2, clause 3.3.5: a double may be INF). */
function lexical(value: boolean | number | string): string {
  if (value === Infinity) return 'INF'
  return value === -Infinity ? '-INF' : String(value)
}
