import type { Logger } from '../../../system/logger.ts'
import type { Limits } from '../wire/limits.ts'
import { ERROR } from '../wire/protocol-error.ts'
import type { ErrorCode } from '../wire/protocol-error.ts'
import { decideJoin } from './decide-join.ts'
import type { JoinDecision } from './decide-join.ts'
import type { GroupRecord } from './group-records.ts'
import { groupRecordOf, joinAnswer, refusedJoin, refusedSync, syncAnswer } from './group-views.ts'
import type { GroupState } from './group-views.ts'
import { Members } from './members.ts'
import type { Member } from './members.ts'
import { NOTHING } from './messages.ts'
import type { JoinAnswer, JoinRequest, Leaver, Phase, Speaker, SyncAnswer, SyncRequest } from './messages.ts'

/** How long a client may wait for its first generation before it has to ask again. */
const FIRST_ANSWER_MS = 5 * 60_000

/** What a group needs of the world. */
export interface Surroundings {
  /** Time as the groups live it, ms. */
  readonly now: () => number
  /** Time of the day, ms since the epoch. */
  readonly wallTime: () => number
  /** A fresh id that begins with `prefix`. */
  readonly newId: (prefix: string) => string
  /** Writes down what the group is now. Resolves when durable, or when it cannot be: a group goes on without. */
  readonly store: (record: GroupRecord) => Promise<void>
  readonly limits: Limits
  readonly logger: Logger
}

/**
 * One group, by the rules of Kafka's classic coordinator: members join until all are there or their time is up, the
 * leader is told who they are and says who does what, everybody gets its part; then heartbeats, until somebody comes,
 * goes, falls silent or wants something else, and it begins again. Time only passes in `tick`.
 */
export class Group implements GroupState {
  readonly id: string
  readonly members = new Members()
  readonly #world: Surroundings
  #phase: Phase = 'Empty'
  #generation = 0
  #protocolType: string | null = null
  #protocol: string | null = null
  /** Wall time of the last change between empty and not. */
  #since: number
  /** While it prepares: until when members may join; by how much newcomers may still extend that; whether one came. */
  #joinUntil = 0
  #first = false
  #extendMs = 0
  #newcomer = false
  /** Members that have been told of the generation and not asked for their part, and until when they may. */
  readonly #unsynced = new Set<string>()
  #syncUntil = 0
  /** The generation whose assignment is being written down. */
  #storing = -1

  constructor(id: string, world: Surroundings) {
    this.id = id
    this.#world = world
    this.#since = world.wallTime()
  }

  get phase(): Phase {
    return this.#phase
  }

  get generation(): number {
    return this.#generation
  }

  get protocolType(): string | null {
    return this.#protocolType
  }

  get protocol(): string | null {
    return this.#protocol
  }

  get since(): number {
    return this.#since
  }

  /** Takes up what was written down. Members have a whole session to be heard of. */
  restore(record: GroupRecord): void {
    this.#generation = record.generation
    this.#protocolType = record.protocolType === '' ? null : record.protocolType
    this.#protocol = record.protocol
    this.#since = record.since < 0 ? this.#world.wallTime() : record.since
    for (const { metadata, ...known } of record.members) {
      const protocols = record.protocol === null ? [] : [{ name: record.protocol, metadata }]
      const deadline = this.#world.now() + known.sessionMs
      this.members.add({ ...known, protocols, deadline, fresh: false, joining: undefined, syncing: undefined })
    }
    if (this.members.size > 0) this.#phase = 'Stable'
    if (record.leader !== null && this.members.get(record.leader)) this.members.lead(record.leader)
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const decision = decideJoin(this, request, this.#world.limits.maxGroupMembers)
    return this.#take(decision, request)
  }

  #take(decision: JoinDecision, request: JoinRequest): Promise<JoinAnswer> {
    switch (decision.act) {
      case 'refuse':
        return Promise.resolve(refusedJoin(decision.error, request.memberId))
      case 'promise':
        return Promise.resolve(refusedJoin(ERROR.memberIdRequired, this.#promise(request)))
      case 'add':
        return this.#add(request, decision.memberId ?? this.#newId(request))
      case 'replace':
        return this.#replace(request, decision.old)
      case 'rejoin':
        return this.#rejoin(request, decision.member)
      default:
        this.#heard(decision.member)
        return Promise.resolve(joinAnswer(this, decision.member))
    }
  }

  #newId({ instanceId, clientId }: JoinRequest): string {
    return this.#world.newId(instanceId ?? clientId)
  }

  #promise(request: JoinRequest): string {
    const id = this.#newId(request)
    this.members.promise(id, this.#world.now() + request.sessionMs)
    return id
  }

  #add(request: JoinRequest, id: string): Promise<JoinAnswer> {
    if (this.members.size === 0) this.#protocolType = request.protocolType
    const member = this.#member(request, id)
    this.members.add(member)
    if (this.#phase === 'PreparingRebalance' && this.#first) this.#newcomer = true
    const answer = this.#wait(member, request.closed)
    this.#rebalance(`member ${id} joins`)
    return answer
  }

  #member(request: JoinRequest, id: string): Member {
    const { instanceId, clientId, clientHost, sessionMs, rebalanceMs, protocols } = request
    const timing = { sessionMs, rebalanceMs, deadline: this.#world.now() + FIRST_ANSWER_MS }
    const waits = { fresh: true, joining: undefined, syncing: undefined }
    return { id, instanceId, clientId, clientHost, protocols, assignment: NOTHING, ...timing, ...waits }
  }

  /** Fences the older self. A stable group goes on as it is: that is what static members are for. */
  #replace(request: JoinRequest, old: Member): Promise<JoinAnswer> {
    const ledBefore = this.members.leader ?? ''
    const member: Member = { ...this.#member(request, this.#newId(request)), assignment: old.assignment }
    this.members.replace(old, member)
    this.#unsynced.delete(old.id)
    this.#dismiss(old, ERROR.fencedInstanceId)
    const answer = this.#wait(member, request.closed)
    if (this.#phase !== 'Stable' || this.members.vote() !== this.#protocol) {
      this.#rebalance(`static member ${member.id} is back`)
      return answer
    }
    void this.#goOn(member, ledBefore, request.maySkipAssignment)
    return answer
  }

  /** A static member is back in a stable group: its answer, as soon as its new id is written down. */
  async #goOn(member: Member, ledBefore: string, maySkipAssignment: boolean): Promise<void> {
    const generation = this.#generation
    await this.#store()
    if (this.#phase !== 'Stable' || this.#generation !== generation) return
    const joined = joinAnswer(this, member)
    // An older client that hears it leads would assign anew, so it is told that its former self does.
    const told = maySkipAssignment
      ? { ...joined, skipAssignment: joined.leader === member.id }
      : { ...joined, leader: ledBefore, members: [] }
    this.#answerJoin(member, told)
  }

  #rejoin(request: JoinRequest, member: Member): Promise<JoinAnswer> {
    member.protocols = request.protocols
    member.sessionMs = request.sessionMs
    member.rebalanceMs = request.rebalanceMs
    const answer = this.#wait(member, request.closed)
    this.#rebalance(`member ${member.id} joins again${request.reason && `: ${request.reason}`}`)
    return answer
  }

  /** The member's join waits; an earlier one that does is told to come again. */
  #wait(member: Member, closed: AbortSignal): Promise<JoinAnswer> {
    const { promise, resolve } = Promise.withResolvers<JoinAnswer>()
    this.#answerJoin(member, refusedJoin(ERROR.rebalanceInProgress, member.id))
    // A client that is gone before it has heard of its membership would be waited for by all the others.
    const gone = () => {
      if (member.fresh && member.instanceId === null && member.joining === answer) this.#drop([member], 'gone')
    }
    const answer = (joined: JoinAnswer) => {
      closed.removeEventListener('abort', gone)
      resolve(joined)
    }
    closed.addEventListener('abort', gone)
    member.joining = answer
    return promise
  }

  /** Begins to prepare the next generation, or ends that where everybody is there. */
  #rebalance(reason: string): void {
    if (this.#phase === 'PreparingRebalance') return this.#completeIfAllJoined()
    this.#world.logger.debug('Group prepares a generation', { group: this.id, after: this.#generation, reason })
    for (const member of this.members.all()) {
      if (this.#phase === 'CompletingRebalance') member.assignment = NOTHING
      this.#answerSync(member, refusedSync(ERROR.rebalanceInProgress))
    }
    this.#unsynced.clear()
    this.#first = this.#phase === 'Empty'
    this.#newcomer = false
    const whole = this.members.rebalanceMs
    const wait = this.#first ? Math.min(this.#world.limits.firstJoinWaitMs, whole) : whole
    this.#extendMs = this.#first ? whole - wait : 0
    this.#joinUntil = this.#world.now() + wait
    this.#phase = 'PreparingRebalance'
    this.#completeIfAllJoined()
  }

  #completeIfAllJoined(): void {
    if (this.#phase !== 'PreparingRebalance' || this.#first || this.members.promises > 0) return
    if (this.members.all().every(({ joining }) => joining)) this.#complete()
  }

  /** The generation is who has joined. Static members that have not stay until their session is over. */
  #complete(): void {
    const absent = this.members.all().filter(({ joining, instanceId }) => !joining && instanceId === null)
    for (const member of absent) this.members.remove(member.id)
    const joined = this.members.all().filter(({ joining }) => joining)
    if (joined.length === 0 && this.members.size > 0) {
      this.#joinUntil = this.#world.now() + this.members.rebalanceMs
      return
    }
    if (!joined.some(({ id }) => id === this.members.leader)) this.members.lead(joined[0]?.id ?? null)
    this.#generation++
    if (joined.length === 0) return this.#becomeEmpty()
    this.#protocol = this.members.vote()
    this.#phase = 'CompletingRebalance'
    this.#syncUntil = this.#world.now() + this.members.rebalanceMs
    for (const member of joined) {
      this.#unsynced.add(member.id)
      this.#answerJoin(member, joinAnswer(this, member))
    }
  }

  #becomeEmpty(): void {
    this.#phase = 'Empty'
    this.#protocol = null
    this.#since = this.#world.wallTime()
    this.#world.logger.info('Group has no members', { group: this.id, generation: this.#generation })
    void this.#store()
  }

  sync(request: SyncRequest): Promise<SyncAnswer> {
    const error = this.#fault(request) || this.#protocolFault(request)
    if (error !== ERROR.none) return Promise.resolve(refusedSync(error))
    if (this.#phase === 'PreparingRebalance') return Promise.resolve(refusedSync(ERROR.rebalanceInProgress))
    const member = this.members.get(request.memberId)!
    this.#unsynced.delete(member.id)
    this.#heard(member)
    if (this.#phase === 'Stable') return Promise.resolve(syncAnswer(this, member))
    this.#answerSync(member, refusedSync(ERROR.rebalanceInProgress))
    const { promise, resolve } = Promise.withResolvers<SyncAnswer>()
    member.syncing = resolve
    if (this.members.leader === member.id) void this.#settle(request.assignments)
    return promise
  }

  #protocolFault({ protocolType, protocol }: SyncRequest): ErrorCode {
    const same = (given: string | null, own: string | null) => given === null || given === own
    const fits = same(protocolType, this.#protocolType) && same(protocol, this.#protocol)
    return fits ? ERROR.none : ERROR.inconsistentGroupProtocol
  }

  /** The leader has said who does what: written down, then told. */
  async #settle(assignments: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const generation = this.#generation
    if (this.#storing === generation) return
    this.#storing = generation
    await this.#store(assignments)
    if (this.#phase !== 'CompletingRebalance' || this.#generation !== generation) return
    this.#phase = 'Stable'
    const { size, leader } = this.members
    this.#world.logger.info('Group is stable', { group: this.id, generation, members: size, leader })
    for (const member of this.members.all()) {
      member.assignment = assignments.get(member.id) ?? NOTHING
      if (member.syncing) this.#heard(member)
      this.#answerSync(member, syncAnswer(this, member))
    }
  }

  heartbeat(speaker: Speaker): ErrorCode {
    const error = this.#fault(speaker)
    if (error !== ERROR.none) return error
    this.#heard(this.members.get(speaker.memberId)!)
    return this.#phase === 'PreparingRebalance' ? ERROR.rebalanceInProgress : ERROR.none
  }

  /** The outcome for each of them. */
  leave(leavers: readonly Leaver[]): ErrorCode[] {
    const left: Member[] = []
    const outcomes = leavers.map(({ memberId, instanceId }) => {
      if (instanceId === null && this.members.forgetPromise(memberId)) return ERROR.none
      const id = memberId === '' && instanceId !== null ? (this.members.idOf(instanceId) ?? '') : memberId
      const error = this.members.fault(id, instanceId)
      const member = this.members.get(id)
      if (error !== ERROR.none || !member || left.includes(member)) return error || ERROR.unknownMemberId
      left.push(member)
      return ERROR.none
    })
    this.#drop(left, 'left')
    return outcomes
  }

  /** Whether such a member, or a client that is none, may commit offsets now. A commit is a sign of life. */
  commitFault({ memberId, instanceId, generation }: Speaker): ErrorCode {
    const outside = generation < 0 && memberId === '' && instanceId === null
    if (this.#phase === 'Empty' && generation < 0) return ERROR.none
    if (outside) return ERROR.unknownMemberId
    const error = this.#fault({ memberId, instanceId, generation })
    if (error !== ERROR.none) return error
    if (this.#phase === 'CompletingRebalance') return ERROR.rebalanceInProgress
    this.#heard(this.members.get(memberId)!)
    return ERROR.none
  }

  /** What time until `now` does to a group. Called several times a second, and before it is asked whether somebody is in. */
  tick(now: number): void {
    if (this.members.promises > 0 && this.members.expirePromises(now) > 0) this.#completeIfAllJoined()
    this.#expireSilent(now)
    if (this.#phase === 'PreparingRebalance' && now >= this.#joinUntil) this.#endJoining(now)
    if (this.#unsynced.size > 0 && now >= this.#syncUntil) {
      const late = this.members.all().filter(({ id }) => this.#unsynced.has(id))
      this.#drop(late, 'did not ask for its part')
    }
  }

  #expireSilent(now: number): void {
    if (this.members.size === 0) return
    const isWaiting = ({ joining, syncing, fresh }: Member) =>
      (joining !== undefined && !fresh) || syncing !== undefined
    const silent = this.members.all().filter((member) => member.deadline <= now && !isWaiting(member))
    this.#drop(silent, 'was silent')
  }

  #endJoining(now: number): void {
    if (!this.#newcomer || this.#extendMs === 0) return this.#complete()
    const wait = Math.min(this.#world.limits.firstJoinWaitMs, this.#extendMs)
    this.#extendMs -= wait
    this.#newcomer = false
    this.#joinUntil = now + wait
  }

  #drop(members: readonly Member[], reason: string): void {
    if (members.length === 0) return
    for (const member of members) {
      this.#world.logger.info('Group lost a member', { group: this.id, member: member.id, reason })
      this.members.remove(member.id)
      this.#unsynced.delete(member.id)
      this.#dismiss(member, ERROR.unknownMemberId)
    }
    if (this.#phase !== 'Empty') this.#rebalance(`${members.length} members less`)
  }

  #dismiss(member: Member, error: ErrorCode): void {
    const id = error === ERROR.unknownMemberId ? '' : member.id
    this.#answerJoin(member, refusedJoin(error, id))
    this.#answerSync(member, refusedSync(error))
  }

  #fault({ memberId, instanceId, generation }: Speaker): ErrorCode {
    const error = this.members.fault(memberId, instanceId)
    if (error !== ERROR.none) return error
    return generation === this.#generation ? ERROR.none : ERROR.illegalGeneration
  }

  #heard(member: Member): void {
    if (!member.fresh) member.deadline = this.#world.now() + member.sessionMs
  }

  #answerJoin(member: Member, answer: JoinAnswer): void {
    if (!member.joining) return
    if (answer.error === ERROR.none) member.fresh = false
    this.#heard(member)
    member.joining(answer)
    member.joining = undefined
  }

  #answerSync(member: Member, answer: SyncAnswer): void {
    member.syncing?.(answer)
    member.syncing = undefined
  }

  #store(assignments?: ReadonlyMap<string, Uint8Array>): Promise<void> {
    return this.#world.store(groupRecordOf(this, assignments))
  }
}
