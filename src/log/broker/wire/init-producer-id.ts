import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/**
 * InitProducerId (22), v0 to v4, for idempotent producers. The ids are random instead of counted: unique without a
 * file of their own, also after the data directory was set back to an older copy. They stay below 2^53, so that tools
 * which read them as a double get them right. There are no transactions here: a transactional id is refused for good.
 */
export function initProducerId({ random }: Services, { version, body, answer, peer }: Request): Writer {
  const transactionalId = body.nullableString()
  body.int32() // transaction timeout
  if (version >= 3) {
    body.int64() // id and epoch to go on from: as in Kafka, only transactions go on
    body.int16()
  }
  const error = peer.session.principal.mayAny('write') ? ERROR.none : ERROR.clusterAuthorizationFailed
  const refused = transactionalId !== null || error !== ERROR.none
  answer.int32(0) // throttle time
  answer.int16(transactionalId === null ? error : ERROR.transactionalIdNotAuthorized)
  answer.int64(refused ? -1 : freshId(random.bytes(7)))
  answer.int16(refused ? -1 : 0)
  answer.tags()
  return answer
}

/** 53 random bits. */
function freshId(bytes: Uint8Array): number {
  return bytes.reduce((id, byte, index) => id * 256 + (index === 0 ? byte & 0x1f : byte), 0)
}
