import { NODE_ID } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { ErrorCode, Refusal } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { repeatedNames } from './repeated.ts'
import { isInternal } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

interface Wanted {
  readonly name: string
  /** In all. */
  readonly count: number
  /** Nodes of each new partition; null: the broker decides. */
  readonly assignments: readonly (readonly number[])[] | null
}

/** CreatePartitions (37), v0 to v3. They are there for good before the answer says so. */
export async function createPartitions(services: Services, request: Request): Promise<Writer> {
  const { body, answer } = request
  const wanted = body.array(readWanted)
  body.int32() // timeout: it takes milliseconds
  const validateOnly = body.boolean()
  const repeated = repeatedNames(wanted.map(({ name }) => name))
  const refusals = await Promise.all(
    wanted.map(async (one) =>
      repeated.has(one.name) ? refuseTwice(one.name) : grow(services, request, one, validateOnly),
    ),
  )
  answer.int32(0) // throttle time
  answer.array([...wanted.entries()], ([i, { name }]) => {
    answer.string(name)
    answer.int16(refusals[i]?.error ?? ERROR.none)
    answer.message(refusals[i]?.message ?? null)
    answer.tags()
  })
  answer.tags()
  return answer
}

function readWanted(body: Reader): Wanted {
  const name = body.string()
  const count = body.int32()
  const assignments = body.nullableArray((reader) => {
    const nodes = reader.array((inner) => inner.int32())
    reader.tags()
    return nodes
  })
  body.tags()
  return { name, count, assignments }
}

async function grow(
  { storage, topics }: Services,
  { peer }: Request,
  { name, count, assignments }: Wanted,
  validateOnly: boolean,
): Promise<Refusal | undefined> {
  if (!peer.session.principal.may('admin', 'topic', name)) {
    return refuse(ERROR.topicAuthorizationFailed, name, 'not allowed')
  }
  const topic = storage.topic(name)
  if (topic === undefined) return refuse(ERROR.unknownTopicOrPartition, name, 'it does not exist')
  if (isInternal(name)) return refuse(ERROR.invalidTopic, name, "it is the broker's own")
  const { partitions } = topic
  if (count <= partitions) return refuse(ERROR.invalidPartitions, name, `it has ${partitions}, want more than that`)
  const ours = assignments?.every((nodes) => nodes.length === 1 && nodes[0] === NODE_ID) ?? true
  if (!ours || (assignments !== null && assignments.length !== count - partitions)) {
    const want = `want each of the ${count - partitions} new ones assigned to node ${NODE_ID} alone`
    return refuse(ERROR.invalidReplicaAssignment, name, want)
  }
  const most = topics.room(count - partitions)
  if (most !== undefined) return refuse(ERROR.policyViolation, name, most)
  if (validateOnly) return undefined
  try {
    await storage.addPartitions(name, count)
    return undefined
  } catch (fault) {
    // Somebody else was faster.
    if (fault instanceof RangeError) return refuse(ERROR.invalidPartitions, name, 'it has more already')
    return storageRefusal(fault)
  }
}

function refuseTwice(name: string): Refusal {
  return refuse(ERROR.invalidRequest, name, 'it is named twice in one request')
}

function refuse(error: ErrorCode, name: string, reason: string): Refusal {
  return { error, message: `Cannot add partitions to topic "${name}": ${reason}` }
}
