import { NODE_ID } from './api.ts'
import type { Request, Services } from './api.ts'
import { SOURCE_DEFAULT, SOURCE_TOPIC } from './create-topics.ts'
import { configDefaults } from './limits.ts'
import { ERROR } from './protocol-error.ts'
import type { Refusal } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { topicConfigs } from './topic-configs.ts'
import type { ConfigEntry } from './topic-configs.ts'
import type { Writer } from '../../wire/writer.ts'

/** Kafka's numbers for kinds of resources. */
const TOPIC = 2
const BROKER = 4

interface Resource {
  readonly type: number
  readonly name: string
  /** Null: all. */
  readonly keys: readonly string[] | null
}

/** DescribeConfigs (32), v1 to v4. The broker shows those of its settings that Kafka has a name for. */
export function describeConfigs(services: Services, { version, body, answer }: Request): Writer {
  const resources = body.array(readResource)
  const synonyms = body.boolean()
  if (version >= 3) body.boolean() // documentation
  answer.int32(0) // throttle time
  answer.array(resources, (resource) => {
    const found = find(services, resource)
    const refusal = 'error' in found ? found : undefined
    const entries = 'error' in found ? [] : found.filter(({ name }) => resource.keys?.includes(name) ?? true)
    answer.int16(refusal?.error ?? ERROR.none)
    answer.string(refusal?.message ?? null)
    answer.int8(resource.type)
    answer.string(resource.name)
    answer.array(entries, (entry) => writeEntry(entry, resource.type, synonyms, version, answer))
    answer.tags()
  })
  answer.tags()
  return answer
}

function readResource(body: Reader): Resource {
  const resource = {
    type: body.int8(),
    name: body.string(),
    keys: body.nullableArray((reader) => reader.string()),
  }
  body.tags()
  return resource
}

function find({ storage, limits }: Services, { type, name }: Resource): ConfigEntry[] | Refusal {
  if (type === TOPIC) {
    const topic = storage.topic(name)
    if (topic) return topicConfigs(topic, configDefaults(limits))
    return { error: ERROR.unknownTopicOrPartition, message: `Cannot describe topic "${name}": it does not exist` }
  }
  if (type === BROKER && (name === '' || name === String(NODE_ID))) return brokerConfigs(limits)
  return {
    error: ERROR.invalidRequest,
    message: `Cannot describe resource "${name}": type is ${type}, want a topic or node ${NODE_ID}`,
  }
}

const INT = 3

function brokerConfigs(limits: Services['limits']): ConfigEntry[] {
  const values = {
    'num.partitions': limits.defaultPartitions,
    'message.max.bytes': limits.maxBatchBytes,
    'fetch.max.bytes': limits.maxFetchBytes,
    'socket.request.max.bytes': limits.maxRequestBytes,
    'max.connections': limits.maxConnections,
    'connections.max.idle.ms': limits.idleMs,
    'default.replication.factor': 1,
  }
  return Object.entries(values).map(([name, value]) => ({ name, value: String(value), type: INT, isDefault: true }))
}

function writeEntry(entry: ConfigEntry, resource: number, synonyms: boolean, version: number, answer: Writer): void {
  const source = entry.isDefault ? SOURCE_DEFAULT : SOURCE_TOPIC
  answer.string(entry.name)
  answer.string(entry.value)
  answer.boolean(resource === BROKER) // read only: the broker is configured by the hub
  answer.int8(source)
  answer.boolean(false) // sensitive
  answer.array(synonyms ? [entry] : [], ({ name, value }) => {
    answer.string(name)
    answer.string(value)
    answer.int8(source)
    answer.tags()
  })
  if (version >= 3) {
    answer.int8(entry.type)
    answer.string(null) // documentation
  }
  answer.tags()
}
