import type { Json } from '../../model/json-value.ts'
import type { ModelTagView, ModelView } from '../contract.ts'

/** An Object Type of i3X 1.0: what the values of its objects look like, as JSON Schema. */
export interface ObjectType {
  readonly elementId: string
  readonly displayName: string
  readonly namespaceUri: string
  /** The class in its namespace that defines it. */
  readonly sourceTypeId: string
  readonly version?: string
  readonly schema: { readonly [keyword: string]: Json }
}

/** Types that every plant has: places, values by their type, and machines without a model. */
export const BASE_NAMESPACE = 'urn:millrace:types'

/** The type of machines that no model describes (i3X 1.0, "Unknown types"). */
export const UNKNOWN_TYPE = 'UnknownType'
export const PLACE_TYPE = 'Place'

const SCALARS: { readonly [type: string]: ObjectType['schema'] } = {
  boolean: { type: 'boolean' },
  number: { type: 'number' },
  // Beyond 2^53 JSON's readers would round it: it comes as a decimal text.
  int64: { type: ['integer', 'string'] },
  string: { type: 'string' },
  bytes: { type: 'string', contentEncoding: 'base64' },
  array: { type: 'array' },
  structure: { type: 'object' },
}

/** elementId of the type of a tag's value. */
export function tagType(type: string): string {
  return `${type.charAt(0).toUpperCase()}${type.slice(1)}Value`
}

/** The namespace of a plant's own models. */
export function modelNamespace(site: string): string {
  return `urn:millrace:models:${site.split('/').map(encodeURIComponent).join(':')}`
}

/** Every type there is: those of Millrace first, then the models. */
export function objectTypes(site: string, models: readonly ModelView[]): ObjectType[] {
  return [...BASE_TYPES, ...models.map((model) => modelType(site, model))]
}

const BASE_TYPES: readonly ObjectType[] = [
  base(PLACE_TYPE, 'Place', { type: 'object' }),
  base(UNKNOWN_TYPE, 'Unknown type', { type: 'object' }),
  ...Object.entries(SCALARS).map(([type, schema]) => base(tagType(type), `Value of type ${type}`, schema)),
]

function base(elementId: string, displayName: string, schema: ObjectType['schema']): ObjectType {
  const namespaceUri = BASE_NAMESPACE
  return { elementId, displayName, namespaceUri, sourceTypeId: elementId, version: '1.0.0', schema }
}

function modelType(site: string, { id, tags }: ModelView): ObjectType {
  const [name, version] = id.split('@', 2) as [string, string]
  return {
    elementId: id,
    displayName: name,
    namespaceUri: modelNamespace(site),
    sourceTypeId: id,
    version: `${version}.0.0`,
    schema: {
      type: 'object',
      properties: Object.fromEntries(tags.map((tag): [string, Json] => [tag.tag, tagSchema(tag)])),
    },
  }
}

/** A field of a machine's value. Any may be null: a sensor can fail. Unit and range are told, not enforced. */
export function tagSchema({ type, unit, range, states, description }: Omit<ModelTagView, 'tag' | 'kind'>): Json {
  const schema = SCALARS[type] ?? {}
  const own = schema['type'] as string | readonly string[]
  return {
    ...schema,
    type: [own, 'null'].flat(),
    ...(description !== undefined && { description }),
    ...(unit !== undefined && { 'x-unit': unit }),
    ...(range !== undefined && { 'x-range': range }),
    ...(states !== undefined && { examples: states }),
  }
}
