import type { Clock, Timer } from '../../system/clock.ts'
import { GROUP_ERROR } from '../group/coordinator.ts'
import type { JoinAnswer, JoinRequest, Seat, SyncAnswer } from '../group/coordinator.ts'
import type { GroupDescription } from '../groups.ts'
import type { Position } from '../log.ts'

const NOTHING = new Uint8Array(0)

/** As Kafka names them. */
const STATES = {
  empty: 'Empty',
  preparing: 'PreparingRebalance',
  completing: 'CompletingRebalance',
  stable: 'Stable',
} as const

/**
 * One group as Kafka's coordinator keeps it: gather everybody (`preparing`), wait for the leader's assignments
 * (`completing`), and then it is `stable` until somebody comes, goes or falls silent.
 */
export class MemoryGroup {
  readonly committed = new Map<string, Position>()
  readonly #clock: Pick<Clock, 'after'>
  readonly #members = new Map<string, Member>()
  readonly #promised = new Set<string>()
  #state: 'empty' | 'preparing' | 'completing' | 'stable' = 'empty'
  #generation = 0
  #protocol = ''
  #leader = ''
  #names = 0
  #deadline: Timer | undefined

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const known = this.#static(request.instanceId)
    if (known && request.memberId !== '' && request.memberId !== known.id) return refuseJoin(GROUP_ERROR.fencedInstance)
    if (known && request.memberId === '') return this.#return(known, request)
    if (request.memberId === '' && request.instanceId === undefined) {
      const memberId = `member-${++this.#names}`
      this.#promised.add(memberId)
      return refuseJoin(GROUP_ERROR.memberIdRequired, memberId)
    }
    const member = this.#members.get(request.memberId)
    const promised = this.#promised.delete(request.memberId)
    if (request.memberId !== '' && !member && !promised) return refuseJoin(GROUP_ERROR.unknownMember)
    if (!this.#speaks(request)) return refuseJoin(GROUP_ERROR.inconsistentProtocol)
    if (!member) return this.#gather(this.#add(request))
    const same = sameProtocols(member.request, request)
    member.request = request
    if (this.#state === 'completing' && same) return Promise.resolve(this.#answer(member))
    if (this.#state === 'stable' && same && member.id !== this.#leader) return Promise.resolve(this.#answer(member))
    return this.#gather(member)
  }

  sync(seat: Seat, assignments: ReadonlyMap<string, Uint8Array>): Promise<SyncAnswer> {
    const error = this.#check(seat)
    if (error !== 0) return Promise.resolve({ error, assignment: NOTHING })
    const member = this.#members.get(seat.memberId)!
    if (this.#state === 'preparing') return Promise.resolve({ error: GROUP_ERROR.rebalancing, assignment: NOTHING })
    if (this.#state === 'stable') return Promise.resolve({ error: 0, assignment: member.assignment })
    const { promise, resolve } = Promise.withResolvers<SyncAnswer>()
    member.syncing = resolve
    if (member.id === this.#leader) this.#stabilise(assignments)
    return promise
  }

  heartbeat(seat: Seat): number {
    const error = this.#check(seat)
    if (error !== 0) return error
    this.#renew(this.#members.get(seat.memberId)!)
    return this.#state === 'preparing' ? GROUP_ERROR.rebalancing : GROUP_ERROR.none
  }

  leave(seat: Seat): number {
    this.#promised.delete(seat.memberId)
    const member = this.#members.get(seat.memberId)
    if (!member) return GROUP_ERROR.unknownMember
    this.#remove(member)
    return GROUP_ERROR.none
  }

  commit(seat: Seat, positions: readonly Position[]): number {
    const error = this.#check(seat)
    if (error !== 0) return error
    if (this.#state === 'completing') return GROUP_ERROR.rebalancing
    this.#renew(this.#members.get(seat.memberId)!)
    for (const position of positions) this.committed.set(`${position.topic}/${position.partition}`, position)
    return GROUP_ERROR.none
  }

  describe(): Omit<GroupDescription, 'group'> {
    const members = [...this.#members.keys()].map((id) => ({ id, clientId: 'memory', host: 'memory' }))
    return { protocol: this.#type, state: STATES[this.#state], members, positions: [...this.committed.values()] }
  }

  get #type(): string {
    for (const { request } of this.#members.values()) return request.protocolType
    return ''
  }

  #static(instanceId: string | undefined): Member | undefined {
    if (instanceId === undefined) return undefined
    return [...this.#members.values()].find(({ request }) => request.instanceId === instanceId)
  }

  /** A static member is back under a new id: its place is as it left it, and nobody else notices (KIP-345). */
  #return(before: Member, request: JoinRequest): Promise<JoinAnswer> {
    if (!this.#speaks(request)) return refuseJoin(GROUP_ERROR.inconsistentProtocol)
    this.#drop(before)
    before.joining?.(joinRefusal(GROUP_ERROR.fencedInstance))
    before.syncing?.({ error: GROUP_ERROR.fencedInstance, assignment: NOTHING })
    const member = this.#add(request)
    member.assignment = before.assignment
    const led = before.id === this.#leader
    if (led) this.#leader = member.id
    if (this.#state !== 'stable') return this.#gather(member)
    this.#renew(member)
    // A leader that is back is not told that it leads: its assignments would reach nobody while all is stable.
    return Promise.resolve({ ...this.#answer(member), members: [], ...(led && { leader: before.id }) })
  }

  #add(request: JoinRequest): Member {
    const id = request.memberId === '' ? `${request.instanceId}-${++this.#names}` : request.memberId
    const member: Member = { id, request, assignment: NOTHING }
    this.#members.set(id, member)
    return member
  }

  /** This member is there for the next generation; the others hear of it with their heartbeats. */
  #gather(member: Member): Promise<JoinAnswer> {
    const { promise, resolve } = Promise.withResolvers<JoinAnswer>()
    member.joining = resolve
    member.session?.cancel()
    this.#prepare()
    return promise
  }

  #prepare(): void {
    if (this.#state !== 'preparing') {
      this.#state = 'preparing'
      for (const member of this.#members.values()) {
        member.syncing?.({ error: GROUP_ERROR.rebalancing, assignment: NOTHING })
        delete member.syncing
      }
      const longest = Math.max(0, ...[...this.#members.values()].map(({ request }) => request.rebalanceMs))
      this.#await(longest, () => this.#begin())
    }
    if ([...this.#members.values()].every(({ joining }) => joining)) this.#begin()
  }

  /** Who is there is the next generation; who is not is out of it, but for static members. */
  #begin(): void {
    for (const member of this.#members.values()) {
      if (!member.joining && member.request.instanceId === undefined) this.#drop(member)
    }
    this.#deadline?.cancel()
    if (this.#members.size === 0) {
      this.#state = 'empty'
      return
    }
    this.#generation++
    this.#state = 'completing'
    this.#protocol = this.#choose()
    if (!this.#members.get(this.#leader)?.joining) {
      this.#leader = [...this.#members.values()].find(({ joining }) => joining)?.id ?? ''
    }
    for (const member of this.#members.values()) {
      member.joining?.(this.#answer(member))
      delete member.joining
      this.#renew(member)
    }
    // A leader that joined and never says who does what is found out like one that is silent.
    this.#await(Math.max(...[...this.#members.values()].map(({ request }) => request.rebalanceMs)), () => {
      for (const member of this.#members.values()) if (!member.syncing) this.#drop(member)
      this.#prepare()
    })
  }

  #stabilise(assignments: ReadonlyMap<string, Uint8Array>): void {
    this.#deadline?.cancel()
    this.#state = 'stable'
    for (const member of this.#members.values()) {
      member.assignment = assignments.get(member.id) ?? NOTHING
      member.syncing?.({ error: 0, assignment: member.assignment })
      delete member.syncing
      this.#renew(member)
    }
  }

  #answer(member: Member): JoinAnswer {
    const members = [...this.#members.values()].map(({ id, request }) => ({
      id,
      ...(request.instanceId !== undefined && { instanceId: request.instanceId }),
      metadata: request.protocols.find(({ name }) => name === this.#protocol)?.metadata ?? NOTHING,
    }))
    return {
      error: 0,
      generation: this.#generation,
      protocol: this.#protocol,
      leader: this.#leader,
      memberId: member.id,
      members: member.id === this.#leader ? members : [],
    }
  }

  /** The first preference of the longest-standing member that all of them have. */
  #choose(): string {
    const all = [...this.#members.values()].map(({ request }) => request.protocols.map(({ name }) => name))
    return all[0]!.find((name) => all.every((names) => names.includes(name))) ?? ''
  }

  #speaks({ protocolType, protocols }: JoinRequest): boolean {
    return [...this.#members.values()].every(
      ({ request }) =>
        request.protocolType === protocolType &&
        request.protocols.some(({ name }) => protocols.some((offered) => offered.name === name)),
    )
  }

  #check({ memberId, instanceId, generation }: Seat): number {
    const current = this.#static(instanceId)
    if (current && current.id !== memberId) return GROUP_ERROR.fencedInstance
    if (!this.#members.has(memberId)) return GROUP_ERROR.unknownMember
    return generation === this.#generation ? GROUP_ERROR.none : GROUP_ERROR.illegalGeneration
  }

  #renew(member: Member): void {
    member.session?.cancel()
    // Who waits here for the others is not silent.
    if (!member.joining) member.session = this.#clock.after(member.request.sessionMs, () => this.#remove(member))
  }

  #remove(member: Member): void {
    this.#drop(member)
    if (this.#members.size > 0) return this.#prepare()
    this.#deadline?.cancel()
    this.#state = 'empty'
  }

  #drop(member: Member): void {
    member.session?.cancel()
    this.#members.delete(member.id)
  }

  #await(ms: number, then: () => void): void {
    this.#deadline?.cancel()
    this.#deadline = this.#clock.after(ms, then)
  }
}

interface Member {
  readonly id: string
  request: JoinRequest
  assignment: Uint8Array
  session?: Timer
  /** Answers the join that waits for the others. */
  joining?: (answer: JoinAnswer) => void
  /** Answers the sync that waits for the leader. */
  syncing?: (answer: SyncAnswer) => void
}

function sameProtocols(a: JoinRequest, b: JoinRequest): boolean {
  return (
    a.protocols.length === b.protocols.length &&
    a.protocols.every(({ name, metadata }, index) => {
      const other = b.protocols[index]!
      return name === other.name && Buffer.compare(metadata, other.metadata) === 0
    })
  )
}

function refuseJoin(error: number, memberId = ''): Promise<JoinAnswer> {
  return Promise.resolve(joinRefusal(error, memberId))
}

function joinRefusal(error: number, memberId = ''): JoinAnswer {
  return { error, generation: -1, protocol: '', leader: '', memberId, members: [] }
}
