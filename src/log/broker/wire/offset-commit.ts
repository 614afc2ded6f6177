import type { PartitionOffset } from '../groups/messages.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

/** OffsetCommit (8), v2 to v9: answered when what is committed is durable. */
export async function offsetCommit({ groups }: Services, request: Request): Promise<Writer> {
  const { version, body, answer } = request
  const group = body.string()
  const generation = body.int32()
  const memberId = body.string()
  const instanceId = version >= 7 ? body.nullableString() : null
  if (version <= 4) body.int64() // how long to keep it: since v5 only the broker says
  const topics = body.array((reader) => readTopic(reader, version))
  const { principal } = request.peer.session
  const mayCommit = principal.may('read', 'group', group)
  const isAllowed = (name: string) => mayCommit && principal.may('read', 'topic', name)
  const commits = topics.flatMap(({ name, partitions }) => (isAllowed(name) ? partitions : []))
  const outcomes = await groups.commit(group, { generation, memberId, instanceId }, commits)
  const forbidden = mayCommit ? ERROR.topicAuthorizationFailed : ERROR.groupAuthorizationFailed
  let next = 0
  if (version >= 3) answer.int32(0) // throttle time
  answer.array(topics, ({ name, partitions }) => {
    answer.string(name)
    answer.array(partitions, ({ partition }) => {
      answer.int32(partition)
      answer.int16(isAllowed(name) ? outcomes[next++]!.error : forbidden)
      answer.tags()
    })
    answer.tags()
  })
  answer.tags()
  return answer
}

function readTopic(body: Reader, version: number): { name: string; partitions: PartitionOffset[] } {
  const topic = body.string()
  const partitions = body.array((reader) => {
    const partition = reader.int32()
    const offset = reader.int64()
    const leaderEpoch = version >= 6 ? reader.int32() : -1
    const metadata = reader.nullableString() ?? ''
    reader.tags()
    return { topic, partition, offset, leaderEpoch, metadata }
  })
  body.tags()
  return { name: topic, partitions }
}
