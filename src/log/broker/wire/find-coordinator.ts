import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

const TRANSACTION = 1

/**
 * FindCoordinator (10), v0 to v4: there is none yet. Groups get the retriable "not available"; transactions, which
 * will not come, the final "not authorized". It is answered at all because librdkafka takes a broker without this API
 * for one that knows no lz4.
 */
export function findCoordinator(_: Services, { version, body, answer }: Request): Writer {
  const key = version <= 3 ? body.string() : ''
  const type = version >= 1 ? body.int8() : 0
  const keys = version >= 4 ? body.array((reader) => reader.string()) : [key]
  const error = type === TRANSACTION ? ERROR.transactionalIdNotAuthorized : ERROR.coordinatorNotAvailable
  const what = type === TRANSACTION ? 'transactions' : 'consumer groups'
  const message = `Cannot find coordinator: the embedded log has no ${what}`
  const writeNode = () => {
    answer.int32(-1)
    answer.string('')
    answer.int32(-1)
  }
  if (version >= 1) answer.int32(0) // throttle time
  if (version <= 3) {
    answer.int16(error)
    if (version >= 1) answer.string(message)
    writeNode()
  } else {
    answer.array(keys, (one) => {
      answer.string(one)
      writeNode()
      answer.int16(error)
      answer.string(message)
      answer.tags()
    })
  }
  answer.tags()
  return answer
}
