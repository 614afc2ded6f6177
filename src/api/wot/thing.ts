import type { JsonValue, TagView, TwinView } from '../contract.ts'
import { assetId } from '../aas/ids.ts'

export type ThingJson = { readonly [name: string]: JsonValue }

/** What a command takes, as far as a description needs to know. */
export interface ThingAction {
  readonly name: string
  readonly description?: string
  /** The value that is written; absent: it calls a method. */
  readonly value?: ValueSchema
  readonly args?: readonly (ValueSchema & { readonly name: string })[]
}

interface ValueSchema {
  readonly type?: string
  readonly unit?: string
  readonly range?: readonly [number, number]
  readonly oneOf?: readonly (string | number)[]
}

export interface ThingContext {
  /** Address of this hub, as the client called it, with a slash at its end. */
  readonly base: string
  /** Whether the hub asks for a token. */
  readonly isGuarded: boolean
  readonly actions: readonly ThingAction[]
}

const CONTEXT = 'https://www.w3.org/2022/wot/td/v1.1'

/** Where things are, below the base. */
export const THINGS = 'api/v1/things'

/** A Thing Description of an asset (W3C WoT Thing Description 1.1): its tags, its commands, its alarms. */
export function thingOf(twin: TwinView, context: ThingContext): ThingJson {
  const { path, model, tags } = twin
  const at = `${THINGS}/${encodeURIComponent(assetId(path))}`
  const place = `api/v1/values/${path.split('/').map(encodeURIComponent).join('/')}`
  return {
    '@context': CONTEXT,
    id: assetId(path),
    title: path.slice(path.lastIndexOf('/') + 1),
    description: model === undefined ? path : `${path}, a ${model}`,
    base: context.base,
    ...securityOf(context.isGuarded),
    // `fromEntries` defines properties, so a tag named `__proto__` is a tag like any other.
    properties: Object.fromEntries(tags.map((tag) => [tag.tag, propertyOf(tag, at)])),
    actions: Object.fromEntries(context.actions.map((action) => [action.name, actionOf(action, path)])),
    events: { alarm: alarmEvent(at) },
    links: [
      { rel: 'alternate', href: place.replace('/values/', '/assets/'), type: 'application/json' },
      { rel: 'collection', href: THINGS, type: 'application/td+json' },
    ],
    forms: [{ op: 'readallproperties', href: place, contentType: 'application/json' }],
  }
}

/** The thing that knows all others (WoT Discovery, clause 7.3.2), for `/.well-known/wot`. */
export function directoryOf(site: string, { base, isGuarded }: Omit<ThingContext, 'actions'>): ThingJson {
  const form = { op: 'readproperty', contentType: 'application/ld+json', 'htv:methodName': 'GET' }
  return {
    '@context': [CONTEXT, 'https://www.w3.org/2022/wot/discovery'],
    '@type': 'ThingDirectory',
    id: `urn:millrace:directory:${site.split('/').map(encodeURIComponent).join('/')}`,
    title: `Things of ${site}`,
    base,
    ...securityOf(isGuarded),
    properties: {
      things: {
        description: 'All things, page by page',
        type: 'array',
        items: { type: 'object', properties: {} },
        readOnly: true,
        uriVariables: {
          after: { type: 'string' },
          limit: { type: 'integer', minimum: 1, maximum: 1000 },
        },
        forms: [{ ...form, href: `${THINGS}{?after,limit}` }],
      },
    },
    actions: {
      retrieveThing: {
        description: 'One thing',
        uriVariables: { id: { type: 'string', format: 'iri-reference' } },
        output: { type: 'object', properties: {} },
        safe: true,
        idempotent: true,
        forms: [
          { op: 'invokeaction', href: `${THINGS}/{id}`, contentType: 'application/td+json', 'htv:methodName': 'GET' },
        ],
      },
    },
  }
}

/** A token as a bearer, or nothing at all where the hub lets everybody on this machine in. */
function securityOf(isGuarded: boolean): ThingJson {
  if (!isGuarded) return { securityDefinitions: { none: { scheme: 'nosec' } }, security: ['none'] }
  return {
    securityDefinitions: {
      token: { scheme: 'bearer', in: 'header', name: 'authorization', format: 'opaque', alg: 'none' },
    },
    security: ['token'],
  }
}

/** Tags are read here and written by commands alone, which check what is allowed. */
function propertyOf(tag: TagView, at: string): ThingJson {
  const href = `${at}/properties/${encodeURIComponent(tag.tag)}`
  return {
    title: tag.tag,
    ...schemaOf(tag),
    readOnly: true,
    observable: true,
    forms: [
      { op: 'readproperty', href, contentType: 'application/json' },
      { op: ['observeproperty', 'unobserveproperty'], href, contentType: 'application/json', subprotocol: 'sse' },
    ],
  }
}

/** The body is the request of `POST /api/v1/commands`: the hub has one way in for commands. */
function actionOf({ name, description, value, args }: ThingAction, path: string): ThingJson {
  const items = args?.map((one) => ({ title: one.name, ...schemaOf(one) }))
  const given: ThingJson =
    value === undefined ? { args: { type: 'array', items: items ?? [] } } : { value: schemaOf(value) }
  return {
    title: name,
    ...(description !== undefined && { description }),
    input: {
      type: 'object',
      properties: {
        asset: { type: 'string', const: path },
        command: { type: 'string', const: name },
        ...given,
        comment: { type: 'string' },
        idempotencyKey: { type: 'string' },
        dryRun: { type: 'boolean' },
      },
      required: ['asset', 'command', ...Object.keys(given)],
    },
    output: { type: 'object', properties: { id: { type: 'string' }, state: { type: 'string' } } },
    safe: false,
    idempotent: false,
    synchronous: false,
    forms: [{ op: 'invokeaction', href: 'api/v1/commands', contentType: 'application/json' }],
  }
}

function alarmEvent(at: string): ThingJson {
  const text = { type: 'string' }
  return {
    title: 'Alarms',
    description: 'An alarm of this asset that has come or changed; state normal: it is over',
    data: {
      type: 'object',
      properties: { asset: text, alarm: text, state: text, priority: text, message: text },
    },
    forms: [
      {
        op: ['subscribeevent', 'unsubscribeevent'],
        href: `${at}/events/alarm`,
        contentType: 'application/json',
        subprotocol: 'sse',
      },
    ],
  }
}

/** Types as JSON Schema has them; an int64 beyond 2^53 is a text. */
const TYPES: { readonly [type: string]: ThingJson } = {
  number: { type: 'number' },
  int64: { oneOf: [{ type: 'integer' }, { type: 'string' }] },
  boolean: { type: 'boolean' },
  string: { type: 'string' },
  bytes: { type: 'string', contentEncoding: 'base64' },
  array: { type: 'array' },
  structure: { type: 'object' },
}

function schemaOf({ type, unit, range, oneOf }: ValueSchema): ThingJson {
  return {
    ...TYPES[type ?? ''],
    ...(unit !== undefined && { unit }),
    ...(range !== undefined && { minimum: range[0], maximum: range[1] }),
    ...(oneOf !== undefined && { enum: oneOf }),
  }
}
