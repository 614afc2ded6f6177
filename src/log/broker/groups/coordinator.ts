import type { Clock, Timer } from '../../../system/clock.ts'
import type { Logger } from '../../../system/logger.ts'
import type { Random } from '../../../system/random.ts'
import type { Storage } from '../storage/storage.ts'
import type { Limits } from '../wire/limits.ts'
import { ERROR } from '../wire/protocol-error.ts'
import type { ErrorCode } from '../wire/protocol-error.ts'
import type { Topics } from '../wire/topics.ts'
import { expiredOffsets, subscribedTopics } from './expiry.ts'
import { Group } from './group.ts'
import type { Surroundings } from './group.ts'
import { groupRecord, groupTombstone, offsetRecord, offsetTombstone } from './group-records.ts'
import type { Committed, GroupRecord, RawRecord, ReplayedRecord } from './group-records.ts'
import { describeGroup, refusedJoin, refusedSync } from './group-views.ts'
import type { GroupState } from './group-views.ts'
import { LivedTime, TICK_MS } from './lived-time.ts'
import type {
  DescribedGroup,
  JoinAnswer,
  JoinRequest,
  Leaver,
  PartitionOffset,
  Speaker,
  SyncAnswer,
  SyncRequest,
} from './messages.ts'
import { OffsetsTopic } from './offsets-topic.ts'
import { Offsets } from './offsets.ts'
import type { PartitionKey } from './offsets.ts'

const EXPIRE_MS = 10 * 60_000
/** Longer names do not fit into what older clients are answered. */
const MAX_NAME = 1000
const MAX_CLIENT_ID = 200
const GROUP_BYTES = 1000

export interface CoordinatorParts {
  readonly storage: Storage
  readonly topics: Topics
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: Limits
}

interface Entry {
  readonly group: Group
  readonly offsets: Offsets
  /** About how many bytes it takes, as last counted. */
  weight: number
}

/** What was asked of offsets: of each partition, in the order of the question. */
export interface CommitOutcome extends PartitionKey {
  readonly error: ErrorCode
}

/**
 * The coordinator of all groups: there is one broker, so it is this one. Members and their generations live in
 * memory; offsets, and what a restart must know of a group, are in the topic `__consumer_offsets` before anybody is
 * told that they are. What is kept is bounded in number and bytes.
 */
export class GroupCoordinator {
  readonly #parts: CoordinatorParts
  readonly #log: OffsetsTopic
  readonly #time: LivedTime
  readonly #groups = new Map<string, Entry>()
  /** Wall time less monotonic time at the start: a step of the wall clock must not make offsets old. */
  readonly #wallOffset: number
  #weight = 0
  #loaded = false
  #closed = false
  #timers: readonly Timer[] = []

  constructor(parts: CoordinatorParts) {
    this.#parts = parts
    this.#log = new OffsetsTopic(parts.storage, parts.topics, parts.clock, parts.logger)
    this.#time = new LivedTime(parts.clock)
    this.#wallOffset = parts.clock.now() - parts.clock.monotonic()
  }

  /** Reads what was written down; until then every request is told to come again. */
  async start(): Promise<void> {
    const { clock, logger } = this.#parts
    const started = clock.monotonic()
    const groups = new Map<string, GroupRecord>()
    const offsets = new Map<string, Offsets>()
    let records = 0
    await this.#log.replay((record) => {
      records++
      evolve(groups, offsets, record)
    })
    for (const id of new Set([...groups.keys(), ...offsets.keys()])) this.#restore(id, groups.get(id), offsets.get(id))
    if (this.#closed) return
    this.#loaded = true
    this.#timers = [clock.every(TICK_MS, () => this.#tick()), clock.every(EXPIRE_MS, () => void this.expire())]
    const ms = Math.round(clock.monotonic() - started)
    if (records > 0) logger.info('Groups are loaded', { groups: this.#groups.size, records, ms })
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) timer.cancel()
  }

  #restore(id: string, record: GroupRecord | undefined, offsets: Offsets = new Offsets()): void {
    if (record === undefined && offsets.size === 0) return
    const group = new Group(id, this.#surroundings())
    if (record) group.restore(record)
    this.#groups.set(id, { group, offsets, weight: 0 })
    this.#weigh(id)
  }

  /** Why nothing can be answered about such a group, if so. An empty name is only good for keeping offsets. */
  refusal(group: string): ErrorCode {
    if (!this.#loaded) return ERROR.coordinatorLoadInProgress
    return group === '' || group.length > MAX_NAME ? ERROR.invalidGroupId : ERROR.none
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const error = this.refusal(request.group) || this.#joinFault(request)
    if (error !== ERROR.none) return Promise.resolve(refusedJoin(error, request.memberId))
    const clientId = request.clientId.slice(0, MAX_CLIENT_ID)
    const answer = this.#open(request.group).group.join({ ...request, clientId })
    this.#weigh(request.group)
    return answer
  }

  #joinFault({ group, memberId, instanceId, sessionMs, protocolType, protocols }: JoinRequest): ErrorCode {
    const { minSessionMs, maxSessionMs, maxGroups, maxGroupsBytes } = this.#parts.limits
    if (sessionMs < minSessionMs || sessionMs > maxSessionMs) return ERROR.invalidSessionTimeout
    if ((instanceId ?? '').length > MAX_NAME) return ERROR.invalidRequest
    if ([protocolType, ...protocols.map(({ name }) => name)].some((name) => name.length > MAX_NAME)) {
      return ERROR.inconsistentGroupProtocol
    }
    const known = this.#groups.has(group)
    if (!known && memberId !== '') return ERROR.unknownMemberId
    if (!known && this.#groups.size >= maxGroups) return ERROR.groupMaxSizeReached
    const bytes = protocols.reduce((sum, { metadata }) => sum + metadata.length, 0)
    return this.#weight + bytes > maxGroupsBytes ? ERROR.groupMaxSizeReached : ERROR.none
  }

  async sync(request: SyncRequest): Promise<SyncAnswer> {
    const { group, assignments } = request
    const entry = this.#groups.get(group)
    const error = this.refusal(group) || (entry ? ERROR.none : ERROR.unknownMemberId)
    if (error !== ERROR.none || !entry) return refusedSync(error)
    let bytes = 0
    for (const assignment of assignments.values()) bytes += assignment.length
    if (this.#weight + bytes > this.#parts.limits.maxGroupsBytes) return refusedSync(ERROR.groupMaxSizeReached)
    const answer = await entry.group.sync(request)
    this.#weigh(group)
    return answer
  }

  heartbeat(group: string, speaker: Speaker): ErrorCode {
    return this.refusal(group) || (this.#groups.get(group)?.group.heartbeat(speaker) ?? ERROR.unknownMemberId)
  }

  /** The outcome for each of them. */
  leave(group: string, leavers: readonly Leaver[]): readonly ErrorCode[] {
    const outcomes = this.#groups.get(group)?.group.leave(leavers)
    this.#weigh(group)
    return outcomes ?? leavers.map(() => ERROR.unknownMemberId)
  }

  /** Durable where it answers so. The empty group is taken here, as Kafka does for old clients. */
  async commit(
    group: string,
    speaker: Speaker,
    commits: readonly PartitionOffset[],
  ): Promise<readonly CommitOutcome[]> {
    const fault = this.#commitFault(group, speaker)
    const outcomes = commits.map(({ topic, partition, metadata }) => {
      return { topic, partition, error: fault || this.#offsetFault(topic, partition, metadata) }
    })
    const good = commits.filter((_, index) => outcomes[index]!.error === ERROR.none)
    if (good.length === 0) return outcomes
    const stored = await this.#storeOffsets(this.#open(group), good)
    return stored ? outcomes : outcomes.map((one) => ({ ...one, error: one.error || ERROR.coordinatorNotAvailable }))
  }

  #commitFault(group: string, speaker: Speaker): ErrorCode {
    const { maxGroups, maxGroupsBytes } = this.#parts.limits
    const error = group === '' && this.#loaded ? ERROR.none : this.refusal(group)
    if (error !== ERROR.none) return error
    const entry = this.#groups.get(group)
    if (this.#weight > maxGroupsBytes) return ERROR.invalidCommitOffsetSize
    if (entry) return entry.group.commitFault(speaker)
    if (speaker.generation >= 0) return ERROR.illegalGeneration
    return this.#groups.size >= maxGroups ? ERROR.invalidCommitOffsetSize : ERROR.none
  }

  #offsetFault(topic: string, partition: number, metadata: string): ErrorCode {
    const partitions = this.#parts.storage.topic(topic)?.partitions ?? 0
    if (partition < 0 || partition >= partitions) return ERROR.unknownTopicOrPartition
    return metadata.length > this.#parts.limits.maxOffsetMetadata ? ERROR.offsetMetadataTooLarge : ERROR.none
  }

  async #storeOffsets({ group, offsets }: Entry, commits: readonly PartitionOffset[]): Promise<boolean> {
    const at = Math.trunc(this.#parts.clock.now())
    const done = offsets.begin(commits)
    this.#weigh(group.id)
    const stored = await this.#append(
      commits.map((commit) => offsetRecord(group.id, commit, at)),
      `offsets of group "${group.id}"`,
    )
    done()
    if (stored) {
      for (const { topic, partition, ...committed } of commits) offsets.set(topic, partition, { ...committed, at })
    }
    this.#weigh(group.id)
    return stored
  }

  /** What a group has committed of a partition. */
  committed(group: string, topic: string, partition: number): Committed | undefined {
    return this.#groups.get(group)?.offsets.get(topic, partition)
  }

  /** All partitions of which a group has committed something. */
  committedPartitions(group: string): readonly PartitionKey[] {
    const offsets = this.#groups.get(group)?.offsets
    return (
      offsets?.topics.flatMap((topic) => offsets.partitions(topic).map((partition) => ({ topic, partition }))) ?? []
    )
  }

  /** Forgets offsets, of topics that no member reads. The first is of the group, then one for each. */
  async deleteOffsets(id: string, keys: readonly PartitionKey[]): Promise<readonly [ErrorCode, ...ErrorCode[]]> {
    const entry = this.#now(id)
    const refused = this.refusal(id)
    if (refused !== ERROR.none) return [refused]
    if (!entry) return [ERROR.groupIdNotFound]
    const { group, offsets } = entry
    if (group.phase !== 'Empty' && group.protocolType !== 'consumer') return [ERROR.nonEmptyGroup]
    const read = subscribedTopics(group)
    const faults = keys.map(({ topic, partition }) => {
      if ((this.#parts.storage.topic(topic)?.partitions ?? 0) <= partition) return ERROR.unknownTopicOrPartition
      return read === undefined || read.has(topic) ? ERROR.groupSubscribedToTopic : ERROR.none
    })
    const gone = keys.filter((key, index) => faults[index] === ERROR.none && offsets.get(key.topic, key.partition))
    const stored = await this.#forget(entry, gone)
    return stored ? [ERROR.none, ...faults] : [ERROR.coordinatorNotAvailable]
  }

  /** Only of a group that no member is in. */
  async deleteGroup(id: string): Promise<ErrorCode> {
    const refused = this.refusal(id)
    const entry = this.#now(id)
    if (refused === ERROR.coordinatorLoadInProgress) return refused
    if (!entry) return ERROR.groupIdNotFound
    if (entry.group.phase !== 'Empty') return ERROR.nonEmptyGroup
    return (await this.#remove(entry)) ? ERROR.none : ERROR.coordinatorNotAvailable
  }

  /** A topic is gone: so is what was committed of it, before another one of its name comes. */
  async topicDeleted(topic: string): Promise<void> {
    for (const entry of this.#groups.values()) await this.#forget(entry, entry.offsets.keys(topic))
  }

  describe(id: string): DescribedGroup {
    const group = this.#now(id)?.group
    return group ? describeGroup(group) : { id, phase: 'Dead', protocolType: '', protocol: '', members: [] }
  }

  list(): readonly GroupState[] {
    return [...this.#groups.values()].map(({ group }) => group)
  }

  /** Removes offsets that nobody has asked for in a long time, and groups that are left with nothing. */
  async expire(): Promise<void> {
    const before = this.#wallOffset + this.#parts.clock.monotonic() - this.#parts.limits.offsetsRetentionMs
    for (const entry of this.#groups.values()) {
      const old = expiredOffsets(entry.group, entry.offsets, before)
      if (old.length > 0) this.#parts.logger.info('Offsets expired', { group: entry.group.id, partitions: old.length })
      await this.#forget(entry, old)
      const isNothing = entry.group.phase === 'Empty' && entry.group.members.promises === 0
      if (isNothing && entry.offsets.keys().length === 0) await this.#remove(entry)
    }
  }

  /** Whether it is written down. */
  async #forget(entry: Entry, keys: readonly PartitionKey[]): Promise<boolean> {
    if (keys.length === 0) return true
    const { id } = entry.group
    const tombstones = keys.map(({ topic, partition }) => offsetTombstone(id, topic, partition))
    if (!(await this.#append(tombstones, `offsets of group "${id}"`))) return false
    for (const key of keys) entry.offsets.delete(key)
    this.#weigh(id)
    return true
  }

  /** Removed at once, so that whoever joins meanwhile begins anew, behind the tombstones. */
  async #remove(entry: Entry): Promise<boolean> {
    const { id } = entry.group
    this.#groups.delete(id)
    this.#weight -= entry.weight
    const offsets = entry.offsets.keys().map(({ topic, partition }) => offsetTombstone(id, topic, partition))
    const isKnown = offsets.length > 0 || entry.group.generation > 0
    const stored = !isKnown || (await this.#append([...offsets, groupTombstone(id)], `end of group "${id}"`))
    if (stored || this.#groups.has(id)) return stored
    this.#groups.set(id, entry)
    this.#weight += entry.weight
    return false
  }

  #tick(): void {
    const over = this.#time.tick()
    for (const { group } of this.#groups.values()) {
      if (group.phase === 'Empty' && group.members.promises === 0) continue
      group.tick(over)
      this.#weigh(group.id)
    }
  }

  /** A group as it is at this moment, not as it was at the last tick. */
  #now(id: string): Entry | undefined {
    const entry = this.#groups.get(id)
    entry?.group.tick(this.#time.now())
    this.#weigh(id)
    return entry
  }

  #open(id: string): Entry {
    const known = this.#groups.get(id)
    if (known) return known
    const entry = { group: new Group(id, this.#surroundings()), offsets: new Offsets(), weight: 0 }
    this.#groups.set(id, entry)
    return entry
  }

  #weigh(id: string): void {
    const entry = this.#groups.get(id)
    if (!entry) return
    const weight = GROUP_BYTES + entry.group.members.weight + entry.offsets.weight
    this.#weight += weight - entry.weight
    entry.weight = weight
  }

  #surroundings(): Surroundings {
    const { clock, random, limits, logger } = this.#parts
    return {
      now: () => this.#time.now(),
      wallTime: () => clock.now(),
      newId: (prefix) => `${prefix}-${uuid(random.bytes(16))}`,
      // A generation that cannot be written down goes on: after a restart its members have to join again, no more.
      store: async (record) => void (await this.#append([groupRecord(record)], `group "${record.group}"`)),
      limits,
      logger,
    }
  }

  /** Whether it is durable. */
  async #append(records: readonly RawRecord[], what: string): Promise<boolean> {
    try {
      await this.#log.append(records)
      return true
    } catch (error) {
      this.#parts.logger.warn(`Cannot write down ${what}`, { error })
      return false
    }
  }
}

/** One record of the topic, on what those before it came to. */
function evolve(groups: Map<string, GroupRecord>, offsets: Map<string, Offsets>, record: ReplayedRecord): void {
  if (record.kind === 'group') {
    if (record.record) groups.set(record.group, record.record)
    else groups.delete(record.group)
    return
  }
  const own = offsets.get(record.group) ?? new Offsets()
  offsets.set(record.group, own)
  if (record.committed) own.set(record.topic, record.partition, record.committed)
  else own.delete(record)
}

function uuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
