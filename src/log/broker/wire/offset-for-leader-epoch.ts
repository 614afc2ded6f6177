import type { Storage } from '../storage/storage.ts'
import { LEADER_EPOCH } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { absence } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

interface Question {
  readonly index: number
  readonly currentEpoch: number
  readonly epoch: number
}

interface EpochEnd {
  readonly error: ErrorCode
  readonly epoch: number
  readonly offset: number
}

const UNDEFINED: EpochEnd = { error: ERROR.none, epoch: -1, offset: -1 }

/**
 * OffsetForLeaderEpoch (23), v2 to v4. A single node leads in one epoch, for ever, and nothing that was acknowledged is
 * ever cut off: the epoch ends where the log ends.
 */
export function offsetForLeaderEpoch({ storage }: Services, { version, body, answer, peer }: Request): Writer {
  if (version >= 3) body.int32() // replica id
  const topics = body.array(readTopic)
  answer.int32(0) // throttle time
  answer.array(topics, ({ name, questions }) => {
    const allowed = peer.session.principal.may('describe', 'topic', name)
    answer.string(name)
    answer.array(questions, (question) => {
      const end = allowed ? epochEnd(storage, name, question) : { ...UNDEFINED, error: ERROR.topicAuthorizationFailed }
      answer.int16(end.error)
      answer.int32(question.index)
      answer.int32(end.epoch)
      answer.int64(end.offset)
      answer.tags()
    })
    answer.tags()
  })
  answer.tags()
  return answer
}

function readTopic(body: Reader): { name: string; questions: Question[] } {
  const name = body.string()
  const questions = body.array((reader) => {
    const question = { index: reader.int32(), currentEpoch: reader.int32(), epoch: reader.int32() }
    reader.tags()
    return question
  })
  body.tags()
  return { name, questions }
}

function epochEnd(storage: Storage, name: string, { index, currentEpoch, epoch }: Question): EpochEnd {
  const partition = storage.partition(name, index)
  if (partition === undefined) return { ...UNDEFINED, error: absence(storage, name, index) }
  if (currentEpoch > LEADER_EPOCH) return { ...UNDEFINED, error: ERROR.unknownLeaderEpoch }
  if (epoch !== LEADER_EPOCH) return UNDEFINED
  return { error: ERROR.none, epoch: LEADER_EPOCH, offset: partition.durableOffset }
}
