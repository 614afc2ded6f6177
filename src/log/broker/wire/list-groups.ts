import type { GroupState } from '../groups/group-views.ts'
import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** The only type of group here; those of KIP-848 and KIP-932 are others. */
const TYPE = 'classic'

/** ListGroups (16), v0 to v5; filters by state (KIP-518) and type (KIP-848) disregard case. */
export function listGroups({ groups }: Services, { version, body, answer, peer }: Request): Writer {
  const states = version >= 4 ? body.array((reader) => reader.string().toLowerCase()) : []
  const types = version >= 5 ? body.array((reader) => reader.string().toLowerCase()) : []
  const refused = groups.refusal('any')
  const isWanted = ({ id, phase }: GroupState) =>
    peer.session.principal.may('describe', 'group', id) &&
    (states.length === 0 || states.includes(phase.toLowerCase())) &&
    (types.length === 0 || types.includes(TYPE))
  if (version >= 1) answer.int32(0) // throttle time
  answer.int16(refused)
  answer.array(refused === ERROR.none ? groups.list().filter(isWanted) : [], (group) => {
    answer.string(group.id)
    answer.string(group.protocolType ?? '')
    if (version >= 4) answer.string(group.phase)
    if (version >= 5) answer.string(TYPE)
    answer.tags()
  })
  answer.tags()
  return answer
}
