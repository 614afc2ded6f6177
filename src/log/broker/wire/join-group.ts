import { refusedJoin } from '../groups/group-views.ts'
import type { JoinAnswer, JoinRequest } from '../groups/messages.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

/** JoinGroup (11), v0 to v9: answered when the next generation of the group is known. */
export async function joinGroup({ groups }: Services, request: Request): Promise<Writer> {
  const join = readJoin(request)
  if (!request.peer.session.principal.may('read', 'group', join.group)) {
    return writeJoined(refusedJoin(ERROR.groupAuthorizationFailed, join.memberId), request)
  }
  return writeJoined(await groups.join(join), request)
}

function readJoin({ version, clientId, body, peer }: Request): JoinRequest {
  const group = body.string()
  const sessionMs = body.int32()
  const rebalanceMs = version >= 1 ? body.int32() : sessionMs
  const memberId = body.string()
  const instanceId = version >= 5 ? body.nullableString() : null
  const protocolType = body.string()
  const protocols = body.array(readProtocol)
  const reason = version >= 8 ? (body.nullableString() ?? '') : ''
  return {
    group,
    memberId,
    instanceId,
    clientId,
    clientHost: `/${peer.host}`,
    sessionMs,
    rebalanceMs,
    protocolType,
    protocols,
    reason,
    namedFirst: version >= 4,
    maySkipAssignment: version >= 9,
    closed: peer.closed,
  }
}

/** What is kept must not hold the request that it came in. */
function readProtocol(body: Reader): { name: string; metadata: Uint8Array } {
  const name = body.string()
  const metadata = new Uint8Array(body.nullableBytes() ?? [])
  body.tags()
  return { name, metadata }
}

function writeJoined(joined: JoinAnswer, { version, answer }: Request): Writer {
  if (version >= 2) answer.int32(0) // throttle time
  answer.int16(joined.error)
  answer.int32(joined.generation)
  if (version >= 7) answer.string(joined.protocolType)
  answer.string(version >= 7 ? joined.protocol : (joined.protocol ?? ''))
  answer.string(joined.leader)
  if (version >= 9) answer.boolean(joined.skipAssignment)
  answer.string(joined.memberId)
  answer.array(joined.members, ({ id, instanceId, metadata }) => {
    answer.string(id)
    if (version >= 5) answer.string(instanceId)
    answer.bytes(metadata)
    answer.tags()
  })
  answer.tags()
  return answer
}
