import type { Request, Services } from './api.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { Refusal } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { repeatedNames } from './repeated.ts'
import { isInternal } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

/** By its name, or by its id. */
interface Wanted {
  readonly name: string | null
  readonly id: Buffer
}

interface Deleted extends Wanted {
  readonly refusal?: Refusal
}

const NO_ID = Buffer.alloc(16)

/** DeleteTopics (20), v1 to v6. A topic is gone for good before the answer says so. */
export async function deleteTopics(services: Services, request: Request): Promise<Writer> {
  const { version, body, answer } = request
  const wanted = body.array((reader) => readWanted(reader, version))
  const nameOf = ({ name, id }: Wanted) => name ?? services.topics.byId(id)?.name ?? ''
  const repeated = repeatedNames(wanted.map(nameOf))
  const results = await Promise.all(wanted.map((one) => remove(services, request, one, repeated)))
  answer.int32(0) // throttle time
  answer.array(results, ({ name, id, refusal }) => {
    answer.string(name)
    if (version >= 6) answer.uuid(id)
    answer.int16(refusal?.error ?? ERROR.none)
    if (version >= 5) answer.message(refusal?.message ?? null)
    answer.tags()
  })
  answer.tags()
  return answer
}

function readWanted(body: Reader, version: number): Wanted {
  if (version <= 5) return { name: body.string(), id: NO_ID }
  const wanted = { name: body.nullableString(), id: body.uuid() }
  body.tags()
  return wanted
}

async function remove(
  services: Services,
  { peer }: Request,
  wanted: Wanted,
  repeated: ReadonlySet<string>,
): Promise<Deleted> {
  const { storage, topics, groups } = services
  const { principal } = peer.session
  const byId = !wanted.id.equals(NO_ID)
  if (byId === (wanted.name !== null)) return { ...wanted, refusal: refuseBoth() }
  const topic = wanted.name === null ? topics.byId(wanted.id) : storage.topic(wanted.name)
  const name = topic?.name ?? wanted.name
  // Whoever may not know of a topic does not learn from its id that there is one.
  if (name === null || (byId && !principal.may('describe', 'topic', name))) return { ...wanted, refusal: unknownId() }
  const found = { name, id: topic?.id === undefined ? wanted.id : Buffer.from(topic.id) }
  if (!principal.may('admin', 'topic', name)) return { name, id: NO_ID, refusal: forbidden(name) }
  if (topic === undefined) return { name, id: NO_ID, refusal: unknown(name) }
  if (isInternal(name)) return { ...found, refusal: internal(name) }
  if (repeated.has(name)) return { ...found, refusal: twice(name) }
  try {
    await storage.deleteTopic(name)
    // A topic that takes the name later starts anew for everybody.
    await groups.topicDeleted(name)
    return found
  } catch (fault) {
    return { ...found, refusal: storageRefusal(fault) }
  }
}

function refuseBoth(): Refusal {
  return { error: ERROR.invalidRequest, message: 'Cannot delete topic: want its name or its id, one of them' }
}

function unknownId(): Refusal {
  return { error: ERROR.unknownTopicId, message: 'Cannot delete topic: there is none of this id' }
}

function unknown(name: string): Refusal {
  return { error: ERROR.unknownTopicOrPartition, message: `Cannot delete topic "${name}": it does not exist` }
}

function forbidden(name: string): Refusal {
  return { error: ERROR.topicAuthorizationFailed, message: `Cannot delete topic "${name}": not allowed` }
}

function internal(name: string): Refusal {
  return { error: ERROR.invalidTopic, message: `Cannot delete topic "${name}": it is the broker's own` }
}

function twice(name: string): Refusal {
  return { error: ERROR.invalidRequest, message: `Cannot delete topic "${name}": it is named twice in one request` }
}
