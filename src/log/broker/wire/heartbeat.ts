import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** Heartbeat (12), v0 to v4. */
export function heartbeat({ groups }: Services, { version, body, answer, peer }: Request): Writer {
  const group = body.string()
  const generation = body.int32()
  const memberId = body.string()
  const instanceId = version >= 3 ? body.nullableString() : null
  const allowed = peer.session.principal.may('read', 'group', group)
  const speaker = { generation, memberId, instanceId }
  const error = allowed ? groups.heartbeat(group, speaker) : ERROR.groupAuthorizationFailed
  if (version >= 1) answer.int32(0) // throttle time
  answer.int16(error)
  answer.tags()
  return answer
}
