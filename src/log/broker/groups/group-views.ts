import { ERROR } from '../wire/protocol-error.ts'
import type { ErrorCode } from '../wire/protocol-error.ts'
import type { GroupRecord } from './group-records.ts'
import { metadataOf } from './members.ts'
import type { Member, Members } from './members.ts'
import { NOTHING } from './messages.ts'
import type { DescribedGroup, JoinAnswer, Phase, SyncAnswer } from './messages.ts'

/** What there is to see of a group. */
export interface GroupState {
  readonly id: string
  readonly phase: Phase
  readonly generation: number
  /** Null until there was a member. */
  readonly protocolType: string | null
  /** What the generation has agreed on. */
  readonly protocol: string | null
  /** Wall time of the last change between empty and not, ms. */
  readonly since: number
  readonly members: Members
}

/** What a member is told of the generation; its leader also of the others. */
export function joinAnswer(group: GroupState, member: Member): JoinAnswer {
  const { generation, protocolType, protocol, members } = group
  const leader = members.leader ?? ''
  const roster = members.all().map((one) => {
    const { id, instanceId } = one
    return { id, instanceId, metadata: metadataOf(one, protocol) ?? NOTHING }
  })
  const told = { memberId: member.id, leader, members: leader === member.id ? roster : [], skipAssignment: false }
  return { error: ERROR.none, generation, protocolType, protocol, ...told }
}

export function refusedJoin(error: ErrorCode, memberId: string): JoinAnswer {
  const none = { protocolType: null, protocol: null, leader: '', members: [], skipAssignment: false }
  return { error, generation: -1, memberId, ...none }
}

/** A member's part of the work. */
export function syncAnswer({ protocolType, protocol }: GroupState, { assignment }: Member): SyncAnswer {
  return { error: ERROR.none, protocolType, protocol, assignment }
}

export function refusedSync(error: ErrorCode): SyncAnswer {
  return { error, protocolType: null, protocol: null, assignment: NOTHING }
}

/** What is written down, with assignments that are about to hold where there are any. */
export function groupRecordOf(group: GroupState, assignments?: ReadonlyMap<string, Uint8Array>): GroupRecord {
  const { id, protocolType, generation, protocol, since, members } = group
  const stored = members.all().map((member) => ({
    id: member.id,
    instanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceMs: member.rebalanceMs,
    sessionMs: member.sessionMs,
    metadata: metadataOf(member, protocol) ?? NOTHING,
    assignment: assignments ? (assignments.get(member.id) ?? NOTHING) : member.assignment,
  }))
  const of = { protocolType: protocolType ?? '', generation, protocol, leader: members.leader, since }
  return { group: id, ...of, members: stored }
}

/** What Kafka's tools show of a group. */
export function describeGroup({ id, phase, protocolType, protocol, members }: GroupState): DescribedGroup {
  const isStable = phase === 'Stable'
  const described = members.all().map((member) => ({
    id: member.id,
    instanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    metadata: (isStable && metadataOf(member, protocol)) || NOTHING,
    assignment: isStable ? member.assignment : NOTHING,
  }))
  const agreed = isStable ? (protocol ?? '') : ''
  return { id, phase, protocolType: protocolType ?? '', protocol: agreed, members: described }
}
