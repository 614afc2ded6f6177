import type { Principal } from '../access/principal.ts'
import { NODE_ID } from './api.ts'
import type { Request, Services } from './api.ts'
import { SOURCE_DEFAULT, SOURCE_TOPIC } from './create-topics.ts'
import { PRODUCER_MS } from '../storage/partition-log.ts'
import { TOPIC_DEFAULTS } from '../storage/topic-settings.ts'
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

/** And for types of configs. */
const BOOLEAN = 1

interface Resource {
  readonly type: number
  readonly name: string
  /** Null: all. */
  readonly keys: readonly string[] | null
}

/** DescribeConfigs (32), v1 to v4. The broker shows those of its settings that Kafka has a name for. */
export function describeConfigs(services: Services, { version, body, answer, peer }: Request): Writer {
  const resources = body.array(readResource)
  const synonyms = body.boolean()
  const documentation = version >= 3 ? body.boolean() : false
  answer.int32(0) // throttle time
  answer.array(resources, (resource) => {
    const found = forbidden(peer.session.principal, resource) ?? find(services, resource)
    const refusal = 'error' in found ? found : undefined
    const entries = 'error' in found ? [] : found.filter(({ name }) => resource.keys?.includes(name) ?? true)
    answer.int16(refusal?.error ?? ERROR.none)
    answer.message(refusal?.message ?? null)
    answer.int8(resource.type)
    answer.string(resource.name)
    answer.array(entries, (entry) => writeEntry(entry, resource.type, { synonyms, documentation }, version, answer))
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

function forbidden(principal: Principal, { type, name }: Resource): Refusal | undefined {
  if (type === TOPIC && !principal.may('describe', 'topic', name)) {
    return { error: ERROR.topicAuthorizationFailed, message: `Cannot describe topic "${name}": not allowed` }
  }
  if (type !== BROKER || principal.may('describe', 'cluster')) return undefined
  return { error: ERROR.clusterAuthorizationFailed, message: 'Cannot describe broker: want the right to administer it' }
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
const LONG = 5
const LIST = 7

function brokerConfigs(limits: Services['limits']): ConfigEntry[] {
  const values: [name: string, value: number | string, about: string, type?: number][] = [
    ['num.partitions', limits.defaultPartitions, 'Partitions of a topic whose creator does not say how many'],
    ['message.max.bytes', limits.maxBatchBytes, 'Largest batch, where the topic sets none'],
    ['fetch.max.bytes', limits.maxFetchBytes, 'Most bytes of records in one answer'],
    ['socket.request.max.bytes', limits.maxRequestBytes, 'Largest request'],
    ['max.connections', limits.maxConnections, 'Most connections at a time'],
    ['connections.max.idle.ms', limits.idleMs, 'A connection on which nothing happens for so long is closed', LONG],
    ['log.segment.bytes', limits.segmentBytes, 'Size of a segment file, where the topic sets none'],
    [
      'log.retention.ms',
      TOPIC_DEFAULTS['retention.ms'],
      'Age at which records are removed, where the topic sets none',
      LONG,
    ],
    [
      'log.cleanup.policy',
      TOPIC_DEFAULTS['cleanup.policy'],
      'What is done with old records, where the topic sets none',
      LIST,
    ],
    ['auto.create.topics.enable', String(limits.autoCreateTopics), 'Whether asking for a topic creates it', BOOLEAN],
    ['producer.id.expiration.ms', PRODUCER_MS, 'How long a silent producer is known'],
    ['default.replication.factor', 1, 'This broker is a single node'],
    ['min.insync.replicas', 1, 'This broker is a single node'],
    ['node.id', NODE_ID, 'The one node'],
  ]
  return values.map(([name, given, about, type = INT]) => {
    const value = String(given)
    return { name, value, type, isDefault: true, byDefault: value, about }
  })
}

interface Asked {
  readonly synonyms: boolean
  readonly documentation: boolean
}

function writeEntry(entry: ConfigEntry, resource: number, asked: Asked, version: number, answer: Writer): void {
  const source = entry.isDefault ? SOURCE_DEFAULT : SOURCE_TOPIC
  const own = { value: entry.value, source }
  const both = entry.isDefault ? [own] : [own, { value: entry.byDefault, source: SOURCE_DEFAULT }]
  answer.string(entry.name)
  answer.string(entry.value)
  answer.boolean(resource === BROKER) // read only: the broker is configured by the hub
  answer.int8(source)
  answer.boolean(false) // sensitive
  answer.array(asked.synonyms ? both : [], ({ value, source }) => {
    answer.string(entry.name)
    answer.string(value)
    answer.int8(source)
    answer.tags()
  })
  if (version >= 3) {
    answer.int8(entry.type)
    answer.string(asked.documentation ? entry.about : null)
  }
  answer.tags()
}
