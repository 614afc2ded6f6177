import { NODE_ID } from './api.ts'
import type { Request, Services } from './api.ts'
import { configDefaults } from './limits.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { Refusal } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { repeatedNames } from './repeated.ts'
import { topicConfigFault, topicConfigs } from './topic-configs.ts'
import type { Writer } from '../../wire/writer.ts'

interface NewTopic {
  readonly name: string
  /** -1: the default, or as many as there are assignments. */
  readonly partitions: number
  /** -1: the default. */
  readonly replicas: number
  readonly assignments: readonly { readonly partition: number; readonly nodes: readonly number[] }[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

type Created =
  | { readonly topic: NewTopic; readonly refusal: Refusal }
  | {
      readonly topic: NewTopic
      readonly refusal?: undefined
      readonly id: Uint8Array
      readonly partitions: number
      readonly configs: Configs
    }

type Configs = { readonly [name: string]: string }

const NO_ID = Buffer.alloc(16)

/** CreateTopics (19), v2 to v7. The topics exist durably before the answer says so. */
export async function createTopics(services: Services, { version, body, answer, peer }: Request): Promise<Writer> {
  const topics = body.array(readTopic)
  body.int32() // timeout: creation takes milliseconds
  const validateOnly = body.boolean()
  const repeated = repeatedNames(topics.map(({ name }) => name))
  const results = await Promise.all(
    topics.map(async (topic) => {
      if (repeated.has(topic.name)) return { topic, refusal: refuseTwice(topic.name) }
      const allowed = peer.session.principal.may('admin', 'topic', topic.name)
      return allowed ? create(services, topic, validateOnly) : { topic, refusal: forbidden(topic.name) }
    }),
  )
  answer.int32(0) // throttle time
  answer.array(results, (result) => writeResult(services, result, version, answer))
  answer.tags()
  return answer
}

function readTopic(body: Reader): NewTopic {
  const name = body.string()
  const partitions = body.int32()
  const replicas = body.int16()
  const assignments = body.array((reader) => {
    const partition = reader.int32()
    const nodes = reader.array((inner) => inner.int32())
    reader.tags()
    return { partition, nodes }
  })
  const configs = body.array((reader) => {
    const config = { name: reader.string(), value: reader.nullableString() }
    reader.tags()
    return config
  })
  body.tags()
  return { name, partitions, replicas, assignments, configs }
}

function refuseTwice(name: string): Refusal {
  return { error: ERROR.invalidRequest, message: `Cannot create topic "${name}": it is named twice in one request` }
}

function forbidden(name: string): Refusal {
  return { error: ERROR.topicAuthorizationFailed, message: `Cannot create topic "${name}": not allowed` }
}

async function create({ topics, limits }: Services, topic: NewTopic, validateOnly: boolean): Promise<Created> {
  const partitions = wantedPartitions(topic, limits.defaultPartitions)
  const refusal = topics.refusal(topic.name, partitions) ?? replicaRefusal(topic) ?? configRefusal(topic)
  if (refusal) return { topic, refusal }
  const configs = Object.fromEntries(
    topic.configs.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])),
  )
  if (validateOnly) return { topic, id: NO_ID, partitions, configs }
  try {
    const { id } = await topics.create(topic.name, partitions, configs)
    return { topic, id, partitions, configs }
  } catch (fault) {
    return { topic, refusal: storageRefusal(fault) }
  }
}

function wantedPartitions({ partitions, assignments }: NewTopic, byDefault: number): number {
  if (partitions !== -1) return partitions
  return assignments.length > 0 ? assignments.length : byDefault
}

function replicaRefusal({ name, replicas, partitions, assignments }: NewTopic): Refusal | undefined {
  if (assignments.length > 0) {
    const indexes = new Set(assignments.map(({ partition }) => partition))
    const dense = assignments.every((_, index) => indexes.has(index))
    const ours = assignments.every(({ nodes }) => nodes.length === 1 && nodes[0] === NODE_ID)
    if (dense && ours && (partitions === -1 || partitions === assignments.length)) return undefined
    const message = `Cannot create topic "${name}": want every partition from 0 assigned to node ${NODE_ID} alone`
    return { error: ERROR.invalidReplicaAssignment, message }
  }
  if (replicas === 1 || replicas === -1) return undefined
  const message = `Cannot create topic "${name}": replication factor is ${replicas}, want 1: this broker is a single node`
  return { error: ERROR.invalidReplicationFactor, message }
}

function configRefusal({ configs }: NewTopic): Refusal | undefined {
  for (const { name, value } of configs) {
    const message = topicConfigFault(name, value)
    if (message !== undefined) return { error: ERROR.invalidConfig, message }
  }
  return undefined
}

function writeResult({ limits }: Services, result: Created, version: number, answer: Writer): void {
  const { topic, refusal } = result
  answer.string(topic.name)
  if (version >= 7) answer.uuid(refusal ? NO_ID : result.id)
  answer.int16(refusal?.error ?? ERROR.none)
  answer.message(refusal?.message ?? null)
  if (version >= 5) {
    answer.int32(refusal ? -1 : result.partitions)
    answer.int16(refusal ? -1 : 1)
    answer.array(refusal ? [] : topicConfigs(result, configDefaults(limits)), ({ name, value, isDefault }) => {
      answer.string(name)
      answer.string(value)
      answer.boolean(false) // read only
      answer.int8(isDefault ? SOURCE_DEFAULT : SOURCE_TOPIC)
      answer.boolean(false) // sensitive
      answer.tags()
    })
  }
  answer.tags()
}

/** Kafka's numbers for where a config comes from. */
export const SOURCE_TOPIC = 1
export const SOURCE_DEFAULT = 5
