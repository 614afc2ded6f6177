import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

interface WantedTopic {
  readonly name: string
  readonly partitions: readonly number[]
}

interface WantedGroup {
  readonly group: string
  /** Null: all that it has committed. */
  readonly topics: readonly WantedTopic[] | null
}

/** OffsetFetch (9), v1 to v9; from v8 on of several groups. A partition without a commit has the offset -1. */
export function offsetFetch(services: Services, request: Request): Writer {
  const { version, body, answer } = request
  const wanted = version >= 8 ? body.array((reader) => readGroup(reader, version)) : [readTopics(body.string(), body)]
  if (version >= 7) body.boolean() // only what no transaction holds back: there are none
  if (version >= 3) answer.int32(0) // throttle time
  if (version >= 8) {
    answer.array(wanted, (one) => {
      answer.string(one.group)
      answer.int16(writeTopics(services, one, request))
      answer.tags()
    })
  } else {
    const error = writeTopics(services, wanted[0]!, request)
    if (version >= 2) answer.int16(error)
  }
  answer.tags()
  return answer
}

function readGroup(body: Reader, version: number): WantedGroup {
  const group = body.string()
  if (version >= 9) {
    body.nullableString() // member id and epoch: of groups of the next protocol (KIP-848)
    body.int32()
  }
  const wanted = readTopics(group, body)
  body.tags()
  return wanted
}

function readTopics(group: string, body: Reader): WantedGroup {
  const topics = body.nullableArray((reader) => {
    const name = reader.string()
    const partitions = reader.array((inner) => inner.int32())
    reader.tags()
    return { name, partitions }
  })
  return { group, topics }
}

/** Answers the error of the whole group; before v2 there is no place for it but the partitions. */
function writeTopics({ groups }: Services, wanted: WantedGroup, { version, answer, peer }: Request): ErrorCode {
  const { group } = wanted
  const { principal } = peer.session
  const refused = principal.may('describe', 'group', group) ? groups.refusal(group) : ERROR.groupAuthorizationFailed
  const error = refused === ERROR.invalidGroupId ? ERROR.none : refused
  const isAllowed = (name: string) => principal.may('describe', 'topic', name)
  // Without a question for certain topics, nobody learns that there are others.
  const all = () => committedTopics(groups.committedPartitions(group)).filter(({ name }) => isAllowed(name))
  const topics = error === ERROR.none || version < 2 ? (wanted.topics ?? all()) : []
  answer.array(topics, ({ name, partitions }) => {
    const forbidden = isAllowed(name) ? ERROR.none : ERROR.topicAuthorizationFailed
    const partitionError = (version < 2 && error) || forbidden
    answer.string(name)
    answer.array(partitions, (partition) => {
      const committed = partitionError === ERROR.none ? groups.committed(group, name, partition) : undefined
      answer.int32(partition)
      answer.int64(committed?.offset ?? -1)
      if (version >= 5) answer.int32(committed?.leaderEpoch ?? -1)
      answer.string(committed?.metadata ?? '')
      answer.int16(partitionError)
      answer.tags()
    })
    answer.tags()
  })
  return error
}

function committedTopics(keys: readonly { readonly topic: string; readonly partition: number }[]): WantedTopic[] {
  const topics = Map.groupBy(keys, ({ topic }) => topic)
  return [...topics].map(([name, own]) => ({ name, partitions: own.map(({ partition }) => partition) }))
}
