import { refusedSync } from '../groups/group-views.ts'
import type { SyncRequest } from '../groups/messages.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

/** SyncGroup (14), v0 to v5: answered when the leader has said who does what. */
export async function syncGroup({ groups }: Services, { version, body, answer, peer }: Request): Promise<Writer> {
  const sync = readSync(body, version)
  const allowed = peer.session.principal.may('read', 'group', sync.group)
  const synced = allowed ? await groups.sync(sync) : refusedSync(ERROR.groupAuthorizationFailed)
  if (version >= 1) answer.int32(0) // throttle time
  answer.int16(synced.error)
  if (version >= 5) {
    answer.string(synced.protocolType)
    answer.string(synced.protocol)
  }
  answer.bytes(synced.assignment)
  answer.tags()
  return answer
}

function readSync(body: Reader, version: number): SyncRequest {
  const group = body.string()
  const generation = body.int32()
  const memberId = body.string()
  const instanceId = version >= 3 ? body.nullableString() : null
  const protocolType = version >= 5 ? body.nullableString() : null
  const protocol = version >= 5 ? body.nullableString() : null
  const assignments = body.array((reader): [string, Uint8Array] => {
    const id = reader.string()
    const assignment = new Uint8Array(reader.nullableBytes() ?? [])
    reader.tags()
    return [id, assignment]
  })
  return { group, generation, memberId, instanceId, protocolType, protocol, assignments: new Map(assignments) }
}
