import { NODE_ID } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

const GROUP = 0
const TRANSACTION = 1

/**
 * FindCoordinator (10), v0 to v6: of every group it is this node. Transactions are not spoken here, which is final; and
 * so are share groups (KIP-932).
 */
export function findCoordinator(_: Services, { version, body, answer, peer }: Request): Writer {
  const key = version <= 3 ? body.string() : ''
  const type = version >= 1 ? body.int8() : GROUP
  const keys = version >= 4 ? body.array((reader) => reader.string()) : [key]
  const refusalOf = (group: string) => {
    const allowed = type !== GROUP || peer.session.principal.may('describe', 'group', group)
    return allowed ? coordinatorError(type) : ERROR.groupAuthorizationFailed
  }
  const messageOf = (error: ErrorCode) => {
    if (error === ERROR.none) return null
    return error === ERROR.groupAuthorizationFailed
      ? 'Cannot find coordinator: this group is not allowed'
      : `Cannot find coordinator of type ${type}: want that of a group`
  }
  const writeNode = (error: ErrorCode) => {
    const none = error !== ERROR.none
    answer.int32(none ? -1 : NODE_ID)
    answer.string(none ? '' : peer.broker.host)
    answer.int32(none ? -1 : peer.broker.port)
  }
  if (version >= 1) answer.int32(0) // throttle time
  if (version <= 3) {
    const error = refusalOf(key)
    answer.int16(error)
    if (version >= 1) answer.message(messageOf(error))
    writeNode(error)
  } else {
    answer.array(keys, (one) => {
      const error = refusalOf(one)
      answer.string(one)
      writeNode(error)
      answer.int16(error)
      answer.message(messageOf(error))
      answer.tags()
    })
  }
  answer.tags()
  return answer
}

function coordinatorError(type: number): ErrorCode {
  if (type === GROUP) return ERROR.none
  return type === TRANSACTION ? ERROR.transactionalIdNotAuthorized : ERROR.invalidRequest
}
