import { ERROR } from '../wire/protocol-error.ts'
import type { ErrorCode } from '../wire/protocol-error.ts'
import { sameProtocols } from './members.ts'
import type { Member, Members } from './members.ts'
import type { JoinRequest, Phase } from './messages.ts'

/** What a JoinGroup comes to. */
export type JoinDecision =
  | { readonly act: 'refuse'; readonly error: ErrorCode }
  /** Tells the client an id, to ask again with. */
  | { readonly act: 'promise' }
  /** A new member; without `memberId` it gets one. */
  | { readonly act: 'add'; readonly memberId?: string }
  /** A static member is back, without the id that it had. */
  | { readonly act: 'replace'; readonly old: Member }
  /** A member takes part in the next generation. */
  | { readonly act: 'rejoin'; readonly member: Member }
  /** Nothing has changed: the answer of this generation once more. */
  | { readonly act: 'repeat'; readonly member: Member }

/** What is decided upon. */
export interface JoinedSoFar {
  readonly phase: Phase
  readonly protocolType: string | null
  readonly members: Members
}

/** Judges a JoinGroup by the rules of Kafka's classic groups (KIP-62, KIP-345, KIP-394). Changes nothing. */
export function decideJoin(group: JoinedSoFar, request: JoinRequest, maxMembers: number): JoinDecision {
  const { memberId, instanceId } = request
  const old = memberId === '' && instanceId !== null ? memberOf(group.members, instanceId) : undefined
  const isIn = group.members.get(memberId) !== undefined || old !== undefined
  if (!isIn && group.members.size >= maxMembers) return { act: 'refuse', error: ERROR.groupMaxSizeReached }
  if (!agrees(group, request)) return { act: 'refuse', error: ERROR.inconsistentGroupProtocol }
  if (old) return { act: 'replace', old }
  if (memberId !== '') return decideKnown(group, request)
  return request.namedFirst && instanceId === null ? { act: 'promise' } : { act: 'add' }
}

function memberOf(members: Members, instanceId: string): Member | undefined {
  const id = members.idOf(instanceId)
  return id === undefined ? undefined : members.get(id)
}

/** Whether the members would still have a protocol in common. An empty group takes any. */
function agrees({ members, protocolType }: JoinedSoFar, request: JoinRequest): boolean {
  if (request.protocolType === '' || request.protocols.length === 0) return false
  if (members.size === 0) return true
  const common = members.common()
  return request.protocolType === protocolType && request.protocols.some(({ name }) => common.has(name))
}

function decideKnown({ members, phase }: JoinedSoFar, request: JoinRequest): JoinDecision {
  const { memberId, instanceId } = request
  if (instanceId === null && members.isPromised(memberId)) return { act: 'add', memberId }
  const error = members.fault(memberId, instanceId)
  if (error !== ERROR.none) return { act: 'refuse', error }
  const member = members.get(memberId)!
  const unchanged = sameProtocols(member, request.protocols)
  // A leader that joins a stable group has seen something that its members do not say, such as a topic that grew.
  const repeats = unchanged && (phase === 'CompletingRebalance' || (phase === 'Stable' && members.leader !== memberId))
  return repeats ? { act: 'repeat', member } : { act: 'rejoin', member }
}
