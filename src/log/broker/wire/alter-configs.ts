import { NODE_ID } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { ErrorCode, Refusal } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { repeatedNames } from './repeated.ts'
import { isList, topicConfigFault } from './topic-configs.ts'
import { isInternal } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

/** Kafka's numbers for kinds of resources. */
const TOPIC = 2
const BROKER = 4

/** What is to be done with a config (KIP-339). */
const OPERATION = { set: 0, delete: 1, append: 2, subtract: 3 } as const

interface Change {
  readonly name: string
  readonly operation: number
  readonly value: string | null
}

interface Resource {
  readonly type: number
  readonly name: string
  readonly changes: readonly Change[]
}

type Configs = { readonly [name: string]: string }

/** AlterConfigs (33), v0 to v2: the configs that are named replace all that were set. */
export function alterConfigs(services: Services, request: Request): Promise<Writer> {
  const read = (body: Reader) => ({ name: body.string(), operation: OPERATION.set, value: body.nullableString() })
  return alter(services, request, read, () => ({}))
}

/** IncrementalAlterConfigs (44), v0 and v1: configs that are not named stay as they are (KIP-339). */
export function incrementalAlterConfigs(services: Services, request: Request): Promise<Writer> {
  const read = (body: Reader) => ({ name: body.string(), operation: body.int8(), value: body.nullableString() })
  return alter(services, request, read, (configs) => configs)
}

async function alter(
  services: Services,
  request: Request,
  readChange: (body: Reader) => Change,
  start: (configs: Configs) => Configs,
): Promise<Writer> {
  const { body, answer } = request
  const resources = body.array((reader) => readResource(reader, readChange))
  const validateOnly = body.boolean()
  const refusals: (Refusal | undefined)[] = []
  const repeated = repeatedNames(resources.map(keyOf))
  for (const resource of resources) {
    const refusal = repeated.has(keyOf(resource))
      ? refuse(ERROR.invalidRequest, resource, 'it is named twice in one request')
      : await alterOne(services, request, resource, { validateOnly, start })
    refusals.push(refusal)
  }
  answer.int32(0) // throttle time
  answer.array([...resources.entries()], ([i, { type, name }]) => {
    answer.int16(refusals[i]?.error ?? ERROR.none)
    answer.message(refusals[i]?.message ?? null)
    answer.int8(type)
    answer.string(name)
    answer.tags()
  })
  answer.tags()
  return answer
}

function keyOf({ type, name }: Resource): string {
  return `${type} ${name}`
}

function readResource(body: Reader, readChange: (body: Reader) => Change): Resource {
  const type = body.int8()
  const name = body.string()
  const changes = body.array((reader) => {
    const change = readChange(reader)
    reader.tags()
    return change
  })
  body.tags()
  return { type, name, changes }
}

async function alterOne(
  { storage }: Services,
  { peer }: Request,
  resource: Resource,
  { validateOnly, start }: { validateOnly: boolean; start: (configs: Configs) => Configs },
): Promise<Refusal | undefined> {
  const { type, name } = resource
  if (type === BROKER)
    return refuse(ERROR.invalidRequest, resource, `node ${NODE_ID} is configured by the hub's config`)
  if (type !== TOPIC) return refuse(ERROR.invalidRequest, resource, `type is ${type}, want that of a topic`)
  if (!peer.session.principal.may('admin', 'topic', name)) {
    return refuse(ERROR.topicAuthorizationFailed, resource, 'not allowed')
  }
  const topic = storage.topic(name)
  if (topic === undefined) return refuse(ERROR.unknownTopicOrPartition, resource, 'it does not exist')
  if (isInternal(name)) return refuse(ERROR.invalidTopic, resource, "it is the broker's own")
  const changed = apply(start(topic.configs), resource)
  if ('error' in changed) return changed
  if (validateOnly) return undefined
  try {
    await storage.alterTopic(name, changed.configs)
    return undefined
  } catch (fault) {
    return storageRefusal(fault)
  }
}

/** All configs as they will be, or why not. */
function apply(before: Configs, resource: Resource): { readonly configs: Configs } | Refusal {
  const configs = new Map(Object.entries(before))
  const seen = new Set<string>()
  for (const { name, operation, value } of resource.changes) {
    if (seen.has(name)) return refuse(ERROR.invalidRequest, resource, `config "${name}" is named twice`)
    seen.add(name)
    const next = valueAfter(configs.get(name), name, operation, value)
    if (typeof next === 'object' && next !== null) return refuse(next.error, resource, next.message)
    const message = topicConfigFault(name, next)
    if (message !== undefined) return { error: ERROR.invalidConfig, message }
    if (next === null) configs.delete(name)
    else configs.set(name, next)
  }
  return { configs: Object.fromEntries(configs) }
}

/** The value that a config has afterwards; null: the default. */
function valueAfter(
  before: string | undefined,
  name: string,
  operation: number,
  value: string | null,
): string | null | Refusal {
  if (operation === OPERATION.delete) return null
  if (operation === OPERATION.set) return value
  if (operation !== OPERATION.append && operation !== OPERATION.subtract) {
    return { error: ERROR.invalidRequest, message: `operation is ${operation}, want 0 to 3` }
  }
  if (isList(name) === false) return { error: ERROR.invalidConfig, message: `"${name}" is not a list` }
  const given = (value ?? '').split(',').filter((one) => one !== '')
  const known = (before ?? 'delete').split(',')
  if (operation === OPERATION.append) return [...new Set([...known, ...given])].join(',')
  return known.filter((one) => !given.includes(one)).join(',')
}

function refuse(error: ErrorCode, { type, name }: Resource, reason: string): Refusal {
  const what = type === TOPIC ? 'topic' : type === BROKER ? 'broker' : 'resource'
  return { error, message: `Cannot alter ${what} "${name}": ${reason}` }
}
