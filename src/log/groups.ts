import type { Position, ReadBatch, ReadOptions } from './log.ts'

/**
 * Groups: how several hubs share work through the log's own coordinator (Kafka's group protocol), without a consensus
 * of our own. `Membership` is the bare protocol, for work of any kind (which hub holds which source); `consume` shares
 * the partitions of topics, as every Kafka consumer does, and shows up in Kafka's own tools.
 */
export interface Groups {
  /**
   * Joins a group. The iterator of `generations` drives it: joining, heartbeats and rejoining go on in the background
   * until the signal aborts, which leaves the group. A coordinator that cannot be reached is looked for, for ever.
   * @throws LogError `GROUP_REFUSED` where the coordinator will never have this member (unknown protocol, not authorised).
   */
  join(options: GroupOptions): Membership

  /**
   * Reads topics as one of a group: the partitions that this member is given, from what the group has committed,
   * until the signal aborts. Not asking for the next batch is the back-pressure: fetching pauses, heartbeats go on.
   * A partition that moves away is waited for: what was handed out of it may still be committed.
   * @throws as `Log.read` and `join` do.
   */
  consume(options: ConsumeOptions): AsyncIterable<ConsumedBatch>

  /** What a group has committed of topics; without an entry where it has committed nothing. */
  committed(group: string, topics: readonly string[]): Promise<readonly Position[]>
}

export interface GroupOptions {
  readonly group: string
  /** Kafka's protocol type; all members give the same. `consumer` is that of partitions. */
  readonly protocol: string
  /** Asked at each join: what the others are told about this member, and what it holds now. */
  readonly about: () => Uint8Array
  /**
   * Called on the member that leads a generation: who does what, by member. A pure function, the same on all members.
   * What a member says it holds must not be given to another before that member has let go and joined again
   * (cooperative, KIP-429): a hub's arrival then stops nothing that stays where it is.
   */
  readonly assign: (members: readonly GroupMember[]) => ReadonlyMap<string, Uint8Array>
  /** A name that survives restarts: a member that is back within `sessionMs` finds its work where it was (KIP-345). */
  readonly instanceId?: string
  /** How long the coordinator waits for a silent member before it gives its work to others, ms; default 6,000. */
  readonly sessionMs?: number
  readonly signal: AbortSignal
}

export interface GroupMember {
  readonly id: string
  readonly instanceId?: string
  readonly about: Uint8Array
}

export interface Membership {
  /** Every generation that this member takes part in, as it begins; the newest, where the caller was slow. Called once. */
  generations(): AsyncIterable<Generation>
  /** Asks for another generation, because `about` would now say something else. */
  rejoin(): void
  /**
   * Until when, in monotonic ms, the coordinator cannot have given this member's work to another: the moment the last
   * answered heartbeat was *sent*, plus `sessionMs`. Work that needs the lease stops before that. 0: no lease.
   */
  readonly heldUntil: number
}

export interface Generation {
  readonly id: number
  readonly memberId: string
  /** What `assign` gave to this member; empty: nothing. */
  readonly assignment: Uint8Array
  /**
   * Aborts when what was given here must no longer be done: the lease ran out without an answer, the coordinator has
   * forgotten this member, or the group was left. A following generation does not abort it: compare the assignments.
   */
  readonly lost: AbortSignal
}

export interface ConsumeOptions extends ReadOptions {
  readonly group: string
  readonly topics: readonly string[]
  readonly instanceId?: string
  readonly sessionMs?: number
  /** Where to begin with a partition that the group has committed nothing of; default `start`. */
  readonly from?: 'start' | 'end'
  /** Called before the first batch of partitions that came, e.g. to restore their state; answers positions of its own. */
  readonly onAssigned?: (partitions: readonly PartitionRef[]) => Promise<readonly Position[] | void>
  /** Called when partitions go (or were lost: then nothing of them can be committed any more). */
  readonly onRevoked?: (partitions: readonly PartitionRef[], lost: boolean) => Promise<void>
}

export interface PartitionRef {
  readonly topic: string
  readonly partition: number
}

export interface ConsumedBatch extends ReadBatch {
  /**
   * Writes down that everything up to `nextOffset` is done. Resolves when durable.
   * @throws LogError `GROUP_FENCED` where the partition is no longer this member's: somebody else does the work again.
   */
  commit(): Promise<void>
}
