import assert from 'node:assert/strict'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'

/** What answers of i3X 1.0 look like, written down from the tables of its implementation guide. */

const text = { type: 'string', minLength: 1 } as const
const textOrNull = { type: ['string', 'null'] } as const
const flag = { type: 'boolean' } as const

function object(properties: { [name: string]: AnySchema }, optional: { [name: string]: AnySchema } = {}): AnySchema {
  return { type: 'object', required: Object.keys(properties), properties: { ...properties, ...optional } }
}

const list = (items: AnySchema): AnySchema => ({ type: 'array', items })

/** "Query Methods": RFC 3339 in UTC without an offset. */
const timestamp = { type: 'string', pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$` }

/** "Null Value Handling": null goes with Bad and GoodNoData, and they with null. */
const vqtRules = {
  anyOf: [
    { properties: { value: { type: 'null' }, quality: { enum: ['Bad', 'GoodNoData'] } } },
    { properties: { value: { not: { type: 'null' } }, quality: { enum: ['Good', 'Uncertain'] } } },
  ],
}
const vqtFields = { value: true, quality: text, timestamp }
const vqt = { ...(object(vqtFields) as object), ...vqtRules }

const metadata = object(
  { typeNamespaceUri: text, sourceTypeId: text },
  { relationships: { type: 'object' }, schemaExtensions: { type: 'object' }, system: { type: 'object' } },
)
const instance = object(
  {
    elementId: text,
    displayName: text,
    typeElementId: text,
    parentId: textOrNull,
    isComposition: flag,
    isExtended: flag,
  },
  { metadata },
)
const update = { ...(object({ elementId: text, ...vqtFields }) as object), ...vqtRules }

export const SHAPES = {
  info: object(
    {
      specVersion: { type: 'string', pattern: '^1\\.' },
      capabilities: object({
        query: object({ history: flag }),
        update: object({ current: flag, history: flag }),
        subscribe: object({ stream: flag }),
      }),
    },
    { serverVersion: text, serverName: text },
  ),
  namespaces: list(object({ uri: text, displayName: text })),
  objectType: object(
    { elementId: text, displayName: text, namespaceUri: text, sourceTypeId: text, schema: { type: 'object' } },
    { version: { type: 'string', pattern: String.raw`^\d+\.\d+\.\d+` } },
  ),
  relationshipType: object({
    elementId: text,
    displayName: text,
    namespaceUri: text,
    relationshipId: text,
    reverseOf: text,
  }),
  instance,
  related: list(object({ sourceRelationship: text, object: instance })),
  current: {
    ...(object(
      { isComposition: flag, ...vqtFields },
      { components: { type: 'object', additionalProperties: vqt } },
    ) as object),
    ...vqtRules,
  },
  history: object({ isComposition: flag, values: list(vqt) }, { components: { type: 'object' } }),
  created: object({ clientId: text, subscriptionId: text, displayName: text }),
  subscription: object({
    subscriptionId: text,
    displayName: textOrNull,
    monitoredObjects: list(object({ elementId: text, maxDepth: { type: 'integer' } })),
  }),
  batches: list(
    object({ sequenceNumber: { type: 'integer', minimum: 1 }, updates: { type: 'array', minItems: 1, items: update } }),
  ),
  updates: { type: 'array', minItems: 1, items: update },
  nothing: { type: 'null' },
  anything: true,
  problem: object({
    success: { const: false },
    responseDetail: object({ title: text, status: { type: 'integer', minimum: 400 }, detail: text }),
  }),
} as const satisfies { [name: string]: AnySchema }

export type Shape = keyof typeof SHAPES

const ajv = new Ajv2020({ strict: false, allErrors: true })

/** Fails where a value has not the shape. */
export function assertShape(shape: Shape, value: unknown): void {
  assertSchema(SHAPES[shape], value, shape)
}

export function assertSchema(schema: AnySchema, value: unknown, name: string): void {
  const isValid = ajv.validate(schema, value)
  assert.ok(isValid, `not a ${name}: ${ajv.errorsText()} in ${JSON.stringify(value)?.slice(0, 500)}`)
}
