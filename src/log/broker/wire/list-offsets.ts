import type { Partition, Storage } from '../storage/storage.ts'
import { LEADER_EPOCH } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { absence } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

/**
 * Timestamps that are questions: the end, the start, the record with the latest time (KIP-734), and where tiers of
 * storage begin and end (KIP-405, KIP-1005, KIP-1023): everything is local here, nothing was or will be moved.
 */
const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6

interface Question {
  readonly index: number
  readonly timestamp: number
}

interface Found {
  readonly error: ErrorCode
  readonly offset: number
  readonly timestamp: number
}

/** Offset and time where no record is as late as was asked: not an error (KIP-79). */
const NONE: Found = { error: ERROR.none, offset: -1, timestamp: -1 }

/** ListOffsets (2), v1 to v11. */
export async function listOffsets(services: Services, { version, body, answer, peer }: Request): Promise<Writer> {
  const { storage } = services
  body.int32() // replica id
  if (version >= 2) body.int8() // isolation level: without transactions both read the same
  const topics = body.array((reader) => readTopic(reader, version))
  const asked = new Set<Partition>()
  const found = new Map<Question, Found>()
  for (const { name, questions } of topics) {
    const allowed = peer.session.principal.may('describe', 'topic', name)
    for (const question of questions) {
      if (!allowed) {
        found.set(question, { ...NONE, error: ERROR.topicAuthorizationFailed })
        continue
      }
      const partition = storage.partition(name, question.index)
      found.set(question, partition ? ask(partition, question.timestamp, asked) : absent(storage, name, question.index))
      // A look-up by time may read and unfold a batch: others get their turn before the next.
      if (question.timestamp >= 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  if (version >= 2) answer.int32(0) // throttle time
  answer.array(topics, ({ name, questions }) => {
    answer.string(name)
    answer.array(questions, (question) => writeFound(question.index, found.get(question)!, version, answer))
    answer.tags()
  })
  answer.tags()
  return answer
}

function readTopic(body: Reader, version: number): { name: string; questions: Question[] } {
  const name = body.string()
  const questions = body.array((reader) => {
    const index = reader.int32()
    if (version >= 4) reader.int32() // current leader epoch
    const timestamp = reader.int64()
    reader.tags()
    return { index, timestamp }
  })
  body.tags()
  return { name, questions }
}

function absent(storage: Storage, topic: string, index: number): Found {
  return { ...NONE, error: absence(storage, topic, index) }
}

/** A partition may be named once, as in Kafka: a look-up by time reads from the disk, and a request can name thousands. */
function ask(partition: Partition, timestamp: number, asked: Set<Partition>): Found {
  if (asked.has(partition)) return { ...NONE, error: ERROR.invalidRequest }
  asked.add(partition)
  if (timestamp === LATEST) return { error: ERROR.none, offset: partition.durableOffset, timestamp: -1 }
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL)
    return { error: ERROR.none, offset: partition.startOffset, timestamp: -1 }
  if (timestamp === LATEST_TIERED || timestamp === EARLIEST_PENDING_UPLOAD) return NONE
  if (timestamp < 0 && timestamp !== MAX_TIMESTAMP) return { ...NONE, error: ERROR.invalidRequest }
  try {
    const found = timestamp === MAX_TIMESTAMP ? partition.latestRecord() : partition.offsetForTime(timestamp)
    return { ...NONE, ...found }
  } catch (fault) {
    return { ...NONE, error: storageRefusal(fault).error }
  }
}

function writeFound(index: number, found: Found, version: number, answer: Writer): void {
  answer.int32(index)
  answer.int16(found.error)
  answer.int64(found.timestamp)
  answer.int64(found.offset)
  if (version >= 4) answer.int32(found.offset < 0 ? -1 : LEADER_EPOCH)
  answer.tags()
}
