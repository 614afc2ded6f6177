import type { ErrorCode } from '../wire/protocol-error.ts'

/** What a group's members vote about: an assignor of Kafka's clients, and what the member says of itself in its terms. */
export interface Protocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export interface JoinRequest {
  readonly group: string
  /** Empty: the client has none yet. */
  readonly memberId: string
  /** Of a static member (KIP-345). */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionMs: number
  readonly rebalanceMs: number
  readonly protocolType: string
  /** The one it likes best comes first. */
  readonly protocols: readonly Protocol[]
  /** Whether a new member is only told its id and asks again with it, so that a lost answer leaves nobody behind (KIP-394). */
  readonly namedFirst: boolean
  /** Whether the client knows what an answer with `skipAssignment` means. */
  readonly maySkipAssignment: boolean
  readonly reason: string
  /** Aborts when the connection closes. */
  readonly closed: AbortSignal
}

export interface JoinAnswer {
  readonly error: ErrorCode
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly leader: string
  readonly memberId: string
  /** The leader has nothing to assign: the generation goes on as it is. */
  readonly skipAssignment: boolean
  /** For the leader only. */
  readonly members: readonly JoinedMember[]
}

interface JoinedMember {
  readonly id: string
  readonly instanceId: string | null
  readonly metadata: Uint8Array
}

/** Who speaks, in a generation. */
export interface Speaker {
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

export interface SyncRequest extends Speaker {
  readonly group: string
  /** Null where the version does not say. */
  readonly protocolType: string | null
  readonly protocol: string | null
  /** From the leader: by member id. */
  readonly assignments: ReadonlyMap<string, Uint8Array>
}

export interface SyncAnswer {
  readonly error: ErrorCode
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignment: Uint8Array
}

/** A member that leaves, or that an operator removes by its instance id alone. */
export interface Leaver {
  readonly memberId: string
  readonly instanceId: string | null
}

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** -1: not known. */
  readonly leaderEpoch: number
  readonly metadata: string
}

/** The phases of a group, by the names that Kafka's tools show. */
export type Phase = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

export interface DescribedGroup {
  readonly id: string
  readonly phase: Phase
  readonly protocolType: string
  /** Empty unless the group is stable; so are metadata and assignment of its members. */
  readonly protocol: string
  readonly members: readonly DescribedMember[]
}

export interface DescribedMember extends JoinedMember {
  readonly clientId: string
  readonly clientHost: string
  readonly assignment: Uint8Array
}

export const NOTHING = new Uint8Array(0)
