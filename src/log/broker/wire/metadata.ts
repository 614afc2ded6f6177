import type { Principal } from '../access/principal.ts'
import { StorageError } from '../storage/storage.ts'
import type { StoredTopic } from '../storage/storage.ts'
import { CLUSTER_ID, LEADER_EPOCH, NODE_ID, OPERATIONS_UNKNOWN } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { isInternal, topicNameFault } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

interface Wanted {
  readonly id: Buffer
  readonly name: string | null
}

interface Described {
  readonly error: ErrorCode
  readonly name: string | null
  readonly id: Uint8Array
  readonly partitions: number
}

const NO_ID = Buffer.alloc(16)

/**
 * Metadata (3), v0 to v12. A topic that is named, missing and fine is created where the client allows it, as kcat and
 * others expect of a broker; it exists durably before the answer says so.
 */
export async function metadata(services: Services, request: Request): Promise<Writer> {
  const { version, body, answer } = request
  const wanted = body.nullableArray((reader) => readWanted(reader, version))
  const create = (version >= 4 ? body.boolean() : true) && services.limits.autoCreateTopics
  const everything = wanted === null || (version === 0 && wanted.length === 0)
  const { principal } = request.peer.session
  const topics = everything
    ? [...services.storage.topics().values()].filter(({ name }) => mayKnow(principal, name)).map(described)
    : await Promise.all(wanted.map((one) => find(services, principal, one, create)))
  writeHead(request)
  answer.array(topics, (topic) => writeTopic(topic, version, answer))
  if (version >= 8 && version <= 10) answer.int32(OPERATIONS_UNKNOWN)
  answer.tags()
  return answer
}

function readWanted(body: Reader, version: number): Wanted {
  const id = version >= 10 ? body.uuid() : NO_ID
  const name = version >= 10 ? body.nullableString() : body.string()
  body.tags()
  return { id, name }
}

function mayKnow(principal: Principal, name: string): boolean {
  return principal.may('describe', 'topic', name)
}

/** Whoever may not know of a topic is not told whether it is there. */
async function find(services: Services, principal: Principal, wanted: Wanted, mayCreate: boolean): Promise<Described> {
  const { id, name } = wanted
  if (name === null) {
    const topic = services.topics.byId(id)
    if (topic && mayKnow(principal, topic.name)) return described(topic)
    return { error: ERROR.unknownTopicId, name: null, id, partitions: 0 }
  }
  const create = mayCreate && services.storage.topic(name) === undefined
  if (!mayKnow(principal, name) || (create && !principal.may('admin', 'topic', name))) {
    return { error: ERROR.topicAuthorizationFailed, name, id: NO_ID, partitions: 0 }
  }
  const topic = services.storage.topic(name) ?? (create ? await createMissing(services, name) : undefined)
  if (typeof topic === 'object') return described(topic)
  const error = topicNameFault(name) === undefined ? (topic ?? ERROR.unknownTopicOrPartition) : ERROR.invalidTopic
  return { error, name, id: NO_ID, partitions: 0 }
}

async function createMissing({ topics, limits }: Services, name: string): Promise<StoredTopic | ErrorCode> {
  // It comes with the first group: nobody who asks has to wait for it.
  if (isInternal(name)) return ERROR.unknownTopicOrPartition
  const refusal = topics.refusal(name, limits.defaultPartitions)
  if (refusal && refusal.error !== ERROR.topicAlreadyExists) return refusal.error
  try {
    return await topics.create(name, limits.defaultPartitions, {})
  } catch (error) {
    if (error instanceof StorageError) return ERROR.storageError
    throw error
  }
}

function described({ name, id, partitions }: StoredTopic): Described {
  return { error: ERROR.none, name, id, partitions }
}

function writeHead({ version, answer, peer }: Request): void {
  if (version >= 3) answer.int32(0) // throttle time
  answer.array([peer.broker], ({ host, port }) => {
    answer.int32(NODE_ID)
    answer.string(host)
    answer.int32(port)
    if (version >= 1) answer.string(null) // rack
    answer.tags()
  })
  if (version >= 2) answer.string(CLUSTER_ID)
  if (version >= 1) answer.int32(NODE_ID) // controller
}

function writeTopic(topic: Described, version: number, answer: Writer): void {
  answer.int16(topic.error)
  answer.string(topic.name ?? (version >= 12 ? null : ''))
  if (version >= 10) answer.uuid(topic.id)
  if (version >= 1) answer.boolean(isInternal(topic.name ?? ''))
  const indexes = Array.from({ length: topic.partitions }, (_, index) => index)
  answer.array(indexes, (index) => writePartition(index, version, answer))
  if (version >= 8) answer.int32(OPERATIONS_UNKNOWN)
  answer.tags()
}

const REPLICAS = [NODE_ID]

function writePartition(index: number, version: number, answer: Writer): void {
  const writeNode = (node: number) => answer.int32(node)
  answer.int16(ERROR.none)
  answer.int32(index)
  answer.int32(NODE_ID) // leader
  if (version >= 7) answer.int32(LEADER_EPOCH)
  answer.array(REPLICAS, writeNode)
  answer.array(REPLICAS, writeNode) // in sync
  if (version >= 5) answer.array([], writeNode) // offline
  answer.tags()
}
