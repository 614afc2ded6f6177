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
export function offsetFetch(services: Services, { version, body, answer }: Request): Writer {
  const wanted = version >= 8 ? body.array((reader) => readGroup(reader, version)) : [readTopics(body.string(), body)]
  if (version >= 7) body.boolean() // only what no transaction holds back: there are none
  if (version >= 3) answer.int32(0) // throttle time
  if (version >= 8) {
    answer.array(wanted, (one) => {
      answer.string(one.group)
      answer.int16(writeTopics(services, one, version, answer))
      answer.tags()
    })
  } else {
    const error = writeTopics(services, wanted[0]!, version, answer)
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
function writeTopics({ groups }: Services, wanted: WantedGroup, version: number, answer: Writer): ErrorCode {
  const { group } = wanted
  const refused = groups.refusal(group)
  const error = refused === ERROR.invalidGroupId ? ERROR.none : refused
  const partitionError = version < 2 ? error : ERROR.none
  const isAnswered = error === ERROR.none || version < 2
  const topics = isAnswered ? (wanted.topics ?? committedTopics(groups.committedPartitions(group))) : []
  answer.array(topics, ({ name, partitions }) => {
    answer.string(name)
    answer.array(partitions, (partition) => {
      const committed = groups.committed(group, name, partition)
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
