import type { PartitionRef } from '../groups.ts'
import type { Position } from '../log.ts'

/**
 * What a driver does for groups: asks whoever coordinates one (KIP-62, KIP-345, KIP-394). Everything above it, joining
 * again, leases, assignments, positions, is the same for every driver. A request rejects with a retriable `LogError`
 * where no answer came; what the coordinator refuses is an answer, with Kafka's error code in it. Whoever does not
 * answer, or says that it does not coordinate, is forgotten, together with all that is under way to it: the next
 * request looks again.
 */
export interface Coordinator {
  /** Resolves when the generation begins, or at once with `memberIdRequired` and the id to come back with. */
  join(request: JoinRequest): Promise<JoinAnswer>
  /** Resolves when the leader has said who does what. Only the leader hands in assignments. */
  sync(seat: Seat, assignments: ReadonlyMap<string, Uint8Array>): Promise<SyncAnswer>
  /** Never waits behind any other request. Answers an error code. */
  heartbeat(seat: Seat): Promise<number>
  /** Answers an error code. */
  leave(seat: Seat): Promise<number>
  /** Answers the first error code of any of the positions. */
  commit(seat: Seat, positions: readonly Position[]): Promise<number>
  /** Of the partitions asked for, those of which the group has committed something. */
  committed(partitions: readonly PartitionRef[]): Promise<CommittedAnswer>
  /** Rejects what is under way. */
  close(): void
}

/** Who a member is in a generation. */
export interface Seat {
  readonly memberId: string
  readonly instanceId?: string
  readonly generation: number
}

export interface JoinRequest {
  /** Empty: not known to the coordinator yet. */
  readonly memberId: string
  readonly instanceId?: string
  readonly sessionMs: number
  /** How long the coordinator waits for the others to join again. */
  readonly rebalanceMs: number
  readonly protocolType: string
  /** By preference. */
  readonly protocols: readonly JoinProtocol[]
}

interface JoinProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export interface JoinAnswer {
  readonly error: number
  readonly generation: number
  /** The one that was chosen. */
  readonly protocol: string
  readonly leader: string
  readonly memberId: string
  /** All of them for the leader, none for the others. */
  readonly members: readonly JoinedMember[]
}

export interface JoinedMember {
  readonly id: string
  readonly instanceId?: string
  readonly metadata: Uint8Array
}

export interface SyncAnswer {
  readonly error: number
  readonly assignment: Uint8Array
}

export interface CommittedAnswer {
  readonly error: number
  readonly positions: readonly Position[]
}

/** Error codes of the Kafka protocol that a coordinator answers (kafka.apache.org/protocol, "Error Codes"). */
export const GROUP_ERROR = {
  none: 0,
  loading: 14,
  notAvailable: 15,
  notCoordinator: 16,
  illegalGeneration: 22,
  inconsistentProtocol: 23,
  unknownMember: 25,
  rebalancing: 27,
  memberIdRequired: 79,
  fencedInstance: 82,
} as const

/** Whether somebody else must be asked, or the same one later. */
export function isElsewhere(error: number): boolean {
  return error === GROUP_ERROR.loading || error === GROUP_ERROR.notAvailable || error === GROUP_ERROR.notCoordinator
}
