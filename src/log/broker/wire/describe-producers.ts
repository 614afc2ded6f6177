import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { absence } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

/** DescribeProducers (61), v0: the idempotent producers that a partition knows (KIP-664). */
export function describeProducers({ storage }: Services, { body, answer, peer }: Request): Writer {
  const topics = body.array(readTopic)
  answer.int32(0) // throttle time
  answer.array(topics, ({ name, partitions }) => {
    const allowed = peer.session.principal.may('read', 'topic', name)
    answer.string(name)
    answer.array(partitions, (index) => {
      const partition = allowed ? storage.partition(name, index) : undefined
      const missing = allowed ? absence(storage, name, index) : ERROR.topicAuthorizationFailed
      answer.int32(index)
      answer.int16(partition ? ERROR.none : missing)
      answer.message(null)
      answer.array(partition?.producers.active() ?? [], (producer) => {
        answer.int64(Number(producer.producerId))
        answer.int32(producer.producerEpoch)
        answer.int32(producer.lastSequence)
        answer.int64(Math.trunc(producer.lastTimestamp))
        answer.int32(-1) // coordinator epoch
        answer.int64(-1) // start of its transaction: there are none
        answer.tags()
      })
      answer.tags()
    })
    answer.tags()
  })
  answer.tags()
  return answer
}

function readTopic(body: Reader): { name: string; partitions: number[] } {
  const topic = { name: body.string(), partitions: body.array((reader) => reader.int32()) }
  body.tags()
  return topic
}
