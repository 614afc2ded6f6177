import type { Position, ReadBatch, ReadOptions } from './log.ts'

/**
 * Groups: how several hubs share work through the log's own coordinator (Kafka's group protocol), without a consensus
 * of our own. `Membership` is the bare protocol, for work of any kind (which hub holds which source); `consume` shares
 * the partitions of topics, as every Kafka consumer does, and shows up in Kafka's own tools.
 */
export interface Groups {
  /**
   * Joins a group. The iterator of `generations` drives it: joining, heartbeats and rejoining go on in the background
   * until the signal aborts, which leaves the group; a member with an `instanceId` does not leave, its place is kept for
   * `sessionMs`. A coordinator that cannot be reached is looked for, for ever. The iterator of generations:
   * @throws LogError `GROUP_REFUSED` where the coordinator will never have this member (unknown protocol, not
   * authorised), `GROUP_FENCED` where another one took the `instanceId`, `LOG_CLOSED`.
   */
  join(options: GroupOptions): Membership

  /**
   * Reads topics as one of a group: the partitions that this member is given, from what the group has committed,
   * until the signal aborts. Not asking for the next batch is the back-pressure: fetching pauses, heartbeats go on, and
   * nothing is lost by being slow (there is no `max.poll.interval`: who hangs, holds what it has).
   * Whoever asks for the next batch is done with the ones before: they are committed, or not to be. A partition that
   * moves away, and leaving, wait for that, for 20 s at most; what is committed later is `GROUP_FENCED`. Work that goes
   * on behind the iterator is ended, and committed, in `onRevoked`.
   * Topics that do not exist yet are waited for; new ones, and new partitions, are noticed within 10 s.
   * @throws as `Log.read` and `join` do.
   */
  consume(options: ConsumeOptions): AsyncIterable<ConsumedBatch>

  /** What a group has committed of topics; without an entry where it has committed nothing. */
  committed(group: string, topics: readonly string[]): Promise<readonly Position[]>
}

/** A group as the log's coordinator knows it. */
export interface GroupDescription {
  readonly group: string
  /** Kafka's protocol type: `consumer` where partitions are shared; empty where nobody has joined. */
  readonly protocol: string
  /** As Kafka names it: `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Dead`. */
  readonly state: string
  readonly members: readonly { readonly id: string; readonly clientId: string; readonly host: string }[]
  readonly positions: readonly Position[]
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
  /**
   * A name that survives restarts: a member that is back within `sessionMs` finds its work where it was (KIP-345).
   * Whoever comes with the name of a member takes its place at once, whatever its lease says: one process each.
   */
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
   * answered heartbeat was *sent*, plus `sessionMs`; less, where this member is late to join a new generation. Work
   * that needs the lease stops before that: `lost` aborts a twentieth of `sessionMs` earlier. 0: no lease.
   */
  readonly heldUntil: number
}

export interface Generation {
  /** Grows with every generation; a member that was lost and is back may find the one that it was in. */
  readonly id: number
  readonly memberId: string
  /** What `assign` gave to this member; empty: nothing. */
  readonly assignment: Uint8Array
  /**
   * Aborts when what was given here must no longer be done: the lease ran out without an answer, the coordinator has
   * forgotten this member, or the group was left. A following generation does not abort it, it has the same signal:
   * compare the assignments. After a loss this member joins again by itself; `about` is asked then, and what is lost
   * must no longer be in it.
   */
  readonly lost: AbortSignal
}

export interface ConsumeOptions extends Omit<ReadOptions, 'untilEnd'> {
  readonly group: string
  readonly topics: readonly string[]
  /**
   * Partitions of one number go to one member, whatever their topics; default false. All members of the group say so, and
   * no other client can be one.
   */
  readonly together?: boolean
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
   * Writes down that everything up to `nextOffset` is done. Resolves when durable; waits while the coordinator cannot
   * be reached, and while the group agrees on its next generation.
   * @throws LogError `GROUP_FENCED` where the partition is no longer this member's: somebody else does the work again.
   */
  commit(): Promise<void>
}
