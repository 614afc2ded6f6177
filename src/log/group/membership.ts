import type { System } from '../../system/system.ts'
import { unlessAborted, within } from '../../system/wait.ts'
import type { Generation, GroupMember, Membership } from '../groups.ts'
import { GROUP_ERROR, isElsewhere } from './coordinator.ts'
import type { Coordinator, JoinAnswer, JoinedMember, Seat, SyncAnswer } from './coordinator.ts'
import { instanceFencedError, mayPass, refusedError, transientError } from './group-faults.ts'
import { Lease } from './lease.ts'

/** What a member wants of its group; `join` and `consume` fill it in. */
export interface MemberSpec {
  readonly group: string
  readonly protocolType: string
  /** By preference; the coordinator chooses one that all members have. */
  readonly protocols: readonly GroupProtocol[]
  readonly instanceId?: string
  readonly sessionMs: number
  readonly rebalanceMs: number
  readonly signal: AbortSignal
  /** Awaited before every join: what must be let go first, where a protocol demands it. */
  readonly beforeJoin?: () => Promise<void>
}

export interface GroupProtocol {
  readonly name: string
  readonly about: () => Uint8Array
  readonly assign: (
    members: readonly GroupMember[],
  ) => ReadonlyMap<string, Uint8Array> | Promise<ReadonlyMap<string, Uint8Array>>
}

/** A generation, and which of the protocols it speaks. */
export interface SpokenGeneration extends Generation {
  readonly protocol: string
}

/** Heartbeats in a session: who is told sooner that a generation begins, joins it sooner. */
const BEATS = 6
/** How long leaving may take: it is a courtesy, silence tells the same after `sessionMs`. */
const LEAVE_MS = 2_000
/** Refusals that are part of joining, before the pauses begin. */
const FREE_TRIES = 3
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000

const NOTHING: ReadonlyMap<string, Uint8Array> = new Map()

/**
 * One member of one group, from its first join until its signal aborts. Two things go on at the same time: rounds
 * (join, sync, wait until another one is wanted), and heartbeats, which go on through the rounds, since they alone keep
 * the lease while the coordinator waits for other members.
 */
export class GroupMembership implements Membership {
  readonly #coordinator: Coordinator
  readonly #system: Pick<System, 'clock' | 'random'>
  readonly #spec: MemberSpec
  readonly #lease: Lease
  readonly #stop = new AbortController()
  #memberId = ''
  /** Where this member sits, as far as the coordinator has said; kept through a rebalance. */
  #seat: Seat | undefined
  /** The newest generation was synchronised: the seat is good for commits. */
  #seated = false
  #joining = false
  #wanted = false
  #failures = 0
  #fault: unknown
  #running: Promise<void> | undefined
  #next: SpokenGeneration | undefined
  #changed = Promise.withResolvers<void>()

  constructor(coordinator: Coordinator, system: Pick<System, 'clock' | 'random'>, spec: MemberSpec) {
    this.#coordinator = coordinator
    this.#system = system
    this.#spec = spec
    this.#lease = new Lease({
      clock: system.clock,
      sessionMs: spec.sessionMs,
      rebalanceMs: spec.rebalanceMs,
      onExpired: () => this.rejoin(),
    })
  }

  async *generations(): AsyncGenerator<SpokenGeneration> {
    const stop = () => this.stop()
    this.#spec.signal.addEventListener('abort', stop, { once: true })
    if (this.#spec.signal.aborted) this.stop()
    const running = this.#run()
    this.#running = running
    try {
      while (!this.#stop.signal.aborted) {
        const changed = this.#changed.promise
        const next = this.#next
        this.#next = undefined
        if (next) yield next
        else await changed
      }
      await running
      if (this.#fault !== undefined) throw this.#fault
    } finally {
      this.#spec.signal.removeEventListener('abort', stop)
      this.stop()
      await running
    }
  }

  rejoin(): void {
    this.#wanted = true
    this.#announce()
  }

  get heldUntil(): number {
    return this.#lease.until
  }

  /** Who this member is right now, for a commit; undefined between two generations, and without a group. */
  get seat(): Seat | undefined {
    return this.#seated ? this.#seat : undefined
  }

  /** Resolves at the next thing that happens to this member. */
  changed(): Promise<void> {
    return this.#changed.promise
  }

  /** Leaves. */
  stop(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    this.#announce()
  }

  /** Leaves, and `generations` throws. Resolves when it has left. */
  async fail(fault: unknown): Promise<void> {
    this.#end(fault)
    await this.#running
  }

  async #run(): Promise<void> {
    const beating = this.#beat()
    while (!this.#stop.signal.aborted) {
      try {
        await this.#round()
      } catch (error) {
        await this.#recover(error)
      }
    }
    await beating
    await this.#leave()
  }

  /** Join, sync, and then all is well until another generation is wanted. */
  async #round(): Promise<void> {
    await this.#unlessStopped(this.#spec.beforeJoin?.())
    const joined = await this.#join()
    const synced = joined && (await this.#sync(joined))
    if (!synced) return this.#again()
    this.#failures = 0
    const lost = this.#lease.begin()
    this.#next = {
      id: joined.generation,
      memberId: joined.memberId,
      assignment: synced.assignment,
      protocol: joined.protocol,
      lost,
    }
    this.#seated = true
    this.#announce()
    while (!this.#wanted && !this.#stop.signal.aborted) await this.#changed.promise
  }

  async #join(): Promise<JoinAnswer | undefined> {
    this.#wanted = false
    const { protocolType, protocols, instanceId, sessionMs, rebalanceMs } = this.#spec
    const sentAt = this.#system.clock.monotonic()
    this.#joining = true
    const answer = await this.#unlessStopped(
      this.#coordinator.join({
        memberId: this.#memberId,
        ...(instanceId !== undefined && { instanceId }),
        sessionMs,
        rebalanceMs,
        protocolType,
        protocols: protocols.map(({ name, about }) => ({ name, metadata: about() })),
      }),
    ).finally(() => {
      this.#joining = false
    })
    if (!answer) return undefined
    if (answer.error === GROUP_ERROR.memberIdRequired) this.#memberId = answer.memberId
    else if (answer.error !== 0) this.#refused('join', answer.error)
    if (answer.error !== 0) return undefined
    this.#memberId = answer.memberId
    this.#seated = false
    this.#seat = {
      memberId: answer.memberId,
      generation: answer.generation,
      ...(instanceId !== undefined && { instanceId }),
    }
    this.#lease.settle(sentAt)
    return answer
  }

  async #sync(joined: JoinAnswer): Promise<SyncAnswer | undefined> {
    const leads = joined.leader === joined.memberId
    const assignments = leads ? await this.#unlessStopped(this.#assign(joined)) : NOTHING
    const seat = this.#seat
    if (!seat || !assignments) return undefined
    const sentAt = this.#system.clock.monotonic()
    const answer = await this.#unlessStopped(this.#coordinator.sync(seat, assignments))
    // Heartbeats go on meanwhile: they may have heard that this seat is gone.
    if (!answer || this.#seat !== seat) return undefined
    if (answer.error !== 0) {
      this.#refused('sync', answer.error)
      return undefined
    }
    this.#lease.settle(sentAt)
    return answer
  }

  async #assign({ protocol, members }: JoinAnswer): Promise<ReadonlyMap<string, Uint8Array>> {
    const spoken = this.#spec.protocols.find(({ name }) => name === protocol)
    if (!spoken)
      throw refusedError(this.#spec.group, `it chose protocol "${protocol}", which this member does not have`)
    return spoken.assign(members.map(plainMember))
  }

  /** Keeps the seat warm; ends with the membership. */
  async #beat(): Promise<void> {
    const { clock } = this.#system
    const everyMs = this.#spec.sessionMs / BEATS
    let waitMs = everyMs
    while (!this.#stop.signal.aborted) {
      await clock.sleep(waitMs, this.#stop.signal).catch(() => {})
      const seat = this.#seat
      if (!seat || this.#stop.signal.aborted) continue
      const sentAt = clock.monotonic()
      const error = await this.#ask(seat)
      if (this.#stop.signal.aborted || seat !== this.#seat) continue
      waitMs = this.#beaten(error, sentAt) ? everyMs : Math.min(everyMs, this.#pauseMs(1))
    }
  }

  async #ask(seat: Seat): Promise<number | undefined> {
    try {
      return await this.#unlessStopped(this.#coordinator.heartbeat(seat))
    } catch {
      // Whoever coordinates now is looked for at the next beat; the lease's own timer sees to it that it is soon.
      return undefined
    }
  }

  /** Answers whether that was an answer of who coordinates. */
  #beaten(error: number | undefined, sentAt: number): boolean {
    if (error === undefined || isElsewhere(error)) return false
    if (error === GROUP_ERROR.none && this.#seated) this.#lease.settle(sentAt)
    else if (error === GROUP_ERROR.none) this.#lease.renew(sentAt)
    else if (error === GROUP_ERROR.rebalancing) {
      this.#lease.renew(sentAt)
      if (!this.#joining) this.rejoin()
    } else if (error !== GROUP_ERROR.illegalGeneration || !this.#joining) {
      // A generation that is over while the next one is being joined is no news.
      this.#heard(error)
    }
    return true
  }

  #heard(error: number): void {
    try {
      this.#refused('heartbeat', error)
      this.rejoin()
    } catch (fault) {
      if (!mayPass(fault)) this.#end(fault)
    }
  }

  /** What a refusal means for the seat. @throws LogError where it is for ever, or means to try again after a pause. */
  #refused(action: string, error: number): void {
    const { group, instanceId } = this.#spec
    if (error === GROUP_ERROR.fencedInstance) throw instanceFencedError(group, instanceId ?? '')
    if (error === GROUP_ERROR.rebalancing) return
    if (error === GROUP_ERROR.unknownMember || error === GROUP_ERROR.illegalGeneration) {
      if (error === GROUP_ERROR.unknownMember) this.#memberId = ''
      return this.#unseat()
    }
    throw transientError(action, group, error)
  }

  #unseat(): void {
    this.#seat = undefined
    this.#seated = false
    this.#lease.lose()
    this.#announce()
  }

  /** A refusal that another join answers; a coordinator that refuses on and on is not asked all the time. */
  async #again(): Promise<void> {
    this.#failures++
    if (this.#failures > FREE_TRIES) await this.#pause(this.#failures - FREE_TRIES)
  }

  async #recover(fault: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return
    if (!mayPass(fault)) return this.#end(fault)
    this.#failures++
    await this.#pause(this.#failures)
  }

  #end(fault: unknown): void {
    this.#fault ??= fault
    this.stop()
  }

  async #leave(): Promise<void> {
    const memberId = this.#memberId
    const generation = this.#seat?.generation ?? -1
    this.#unseat()
    // A static member keeps its place for `sessionMs`: it may be back by then (KIP-345).
    if (memberId !== '' && this.#spec.instanceId === undefined) {
      const leaving = this.#coordinator.leave({ memberId, generation }).catch(() => {})
      await within(LEAVE_MS, leaving, this.#system.clock)
    }
    this.#coordinator.close()
  }

  #announce(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** Undefined where the membership was stopped first. */
  #unlessStopped<T>(step: Promise<T> | undefined): Promise<T | undefined> {
    return unlessAborted(Promise.resolve(step), this.#stop.signal)
  }

  async #pause(attempt: number): Promise<void> {
    await this.#system.clock.sleep(this.#pauseMs(attempt), this.#stop.signal).catch(() => {})
  }

  #pauseMs(attempt: number): number {
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_PAUSE_MS)
    return ms * (0.5 + this.#system.random.next() / 2)
  }
}

function plainMember({ id, instanceId, metadata }: JoinedMember): GroupMember {
  return { id, about: metadata, ...(instanceId !== undefined && { instanceId }) }
}
