import type { Partition, Storage } from '../storage/storage.ts'
import { LEADER_EPOCH } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { absence } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

/** Timestamps that are questions: the end, the start, the record with the latest time (KIP-734). */
const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3

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

/** ListOffsets (2), v1 to v7. */
export function listOffsets({ storage }: Services, { version, body, answer }: Request): Writer {
  body.int32() // replica id
  if (version >= 2) body.int8() // isolation level: without transactions both read the same
  const topics = body.array((reader) => readTopic(reader, version))
  const asked = new Set<Partition>()
  if (version >= 2) answer.int32(0) // throttle time
  answer.array(topics, ({ name, questions }) => {
    answer.string(name)
    answer.array(questions, ({ index, timestamp }) => {
      const partition = storage.partition(name, index)
      writeFound(index, partition ? ask(partition, timestamp, asked) : absent(storage, name, index), version, answer)
    })
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
  if (timestamp === EARLIEST) return { error: ERROR.none, offset: partition.startOffset, timestamp: -1 }
  if (timestamp === MAX_TIMESTAMP) return { ...NONE, ...latestRecord(partition) }
  if (timestamp < 0) return { ...NONE, error: ERROR.invalidRequest }
  return { ...NONE, ...partition.offsetForTime(timestamp) }
}

/**
 * The record with the latest time, by asking the time index ever later until there is no answer, then halving: some
 * fifty look-ups, whatever the size of the partition.
 */
function latestRecord(partition: Partition): { offset: number; timestamp: number } | undefined {
  let best = partition.offsetForTime(0)
  for (let step = 1; best && step >= 1;) {
    const later = partition.offsetForTime(best.timestamp + step)
    step = later ? step * 2 : Math.floor(step / 2)
    best = later ?? best
  }
  return best
}

function writeFound(index: number, found: Found, version: number, answer: Writer): void {
  answer.int32(index)
  answer.int16(found.error)
  answer.int64(found.timestamp)
  answer.int64(found.offset)
  if (version >= 4) answer.int32(found.offset < 0 ? -1 : LEADER_EPOCH)
  answer.tags()
}
