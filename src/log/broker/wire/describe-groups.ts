import { OPERATIONS_UNKNOWN } from './api.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { DescribedMember } from '../groups/messages.ts'
import type { Writer } from '../../wire/writer.ts'

/** What is told of a group that cannot be described. */
const NO_GROUP = { phase: '', protocolType: '', protocol: '', members: [] }

/** DescribeGroups (15), v0 to v6. A group that is not there is `Dead`, which is an error from v6 on (KIP-1043). */
export function describeGroups({ groups }: Services, { version, body, answer, peer }: Request): Writer {
  const wanted = body.array((reader) => reader.string())
  if (version >= 3) body.boolean() // authorised operations: not told
  if (version >= 1) answer.int32(0) // throttle time
  answer.array(wanted, (id) => {
    const allowed = peer.session.principal.may('describe', 'group', id)
    const refused = allowed ? groups.refusal(id) : ERROR.groupAuthorizationFailed
    const group = refused === ERROR.none ? groups.describe(id) : NO_GROUP
    const missing = version >= 6 && group.phase === 'Dead'
    answer.int16(missing ? ERROR.groupIdNotFound : refused)
    if (version >= 6) answer.message(missing ? `Group ${id} not found.` : null)
    answer.string(id)
    answer.string(group.phase)
    answer.string(group.protocolType)
    answer.string(group.protocol)
    answer.array(group.members, (member) => writeMember(member, version, answer))
    if (version >= 3) answer.int32(OPERATIONS_UNKNOWN)
    answer.tags()
  })
  answer.tags()
  return answer
}

function writeMember(member: DescribedMember, version: number, answer: Writer): void {
  answer.string(member.id)
  if (version >= 4) answer.string(member.instanceId)
  answer.string(member.clientId)
  answer.string(member.clientHost)
  answer.bytes(member.metadata)
  answer.bytes(member.assignment)
  answer.tags()
}
