import type { Leaver } from '../groups/messages.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

/** LeaveGroup (13), v0 to v5; from v3 on of several members at once, each with its own outcome. */
export function leaveGroup({ groups }: Services, { version, body, answer, peer }: Request): Writer {
  const group = body.string()
  const leavers =
    version >= 3 ? body.array((reader) => readLeaver(reader, version)) : [{ memberId: body.string(), instanceId: null }]
  const allowed = peer.session.principal.may('read', 'group', group)
  const refused = allowed ? groups.refusal(group) : ERROR.groupAuthorizationFailed
  const errors = refused === ERROR.none ? groups.leave(group, leavers) : []
  const outcomes = errors.map((error, index) => ({ ...leavers[index]!, error }))
  if (version >= 1) answer.int32(0) // throttle time
  answer.int16(version >= 3 ? refused : refused || errors[0]!)
  if (version >= 3) {
    answer.array(outcomes, ({ memberId, instanceId, error }) => {
      answer.string(memberId)
      answer.string(instanceId)
      answer.int16(error)
      answer.tags()
    })
  }
  answer.tags()
  return answer
}

function readLeaver(body: Reader, version: number): Leaver {
  const memberId = body.string()
  const instanceId = body.nullableString()
  if (version >= 5) body.nullableString() // reason
  body.tags()
  return { memberId, instanceId }
}
