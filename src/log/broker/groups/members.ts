import { ERROR } from '../wire/protocol-error.ts'
import type { ErrorCode } from '../wire/protocol-error.ts'
import type { JoinAnswer, Protocol, SyncAnswer } from './messages.ts'

export interface Member {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  sessionMs: number
  rebalanceMs: number
  protocols: readonly Protocol[]
  assignment: Uint8Array
  /** When it is taken for dead, unless it is waiting for an answer of ours. */
  deadline: number
  /** Whether no join of it has been answered: it does not know that it is a member. */
  fresh: boolean
  /** Answers the join, or the sync, that waits. */
  joining: ((answer: JoinAnswer) => void) | undefined
  syncing: ((answer: SyncAnswer) => void) | undefined
}

/** The members of one group: who is in, who leads, which id a static name has, and what they have in common. */
export class Members {
  readonly #all = new Map<string, Member>()
  readonly #byInstance = new Map<string, string>()
  /** Ids that were told to clients which have not come back with them, and until when they may (KIP-394). */
  readonly #promised = new Map<string, number>()
  #leader: string | null = null

  get size(): number {
    return this.#all.size
  }

  get leader(): string | null {
    return this.#leader
  }

  all(): readonly Member[] {
    return [...this.#all.values()]
  }

  get(id: string): Member | undefined {
    return this.#all.get(id)
  }

  /** The id that a static member has now. */
  idOf(instanceId: string): string | undefined {
    return this.#byInstance.get(instanceId)
  }

  /** The first to come leads. */
  add(member: Member): void {
    this.#promised.delete(member.id)
    this.#all.set(member.id, member)
    if (member.instanceId !== null) this.#byInstance.set(member.instanceId, member.id)
    this.#leader ??= member.id
  }

  remove(id: string): void {
    const member = this.#all.get(id)
    if (!member) return
    this.#all.delete(id)
    if (member.instanceId !== null) this.#byInstance.delete(member.instanceId)
    if (this.#leader === id) this.#leader = this.all()[0]?.id ?? null
  }

  /** A static member is back under another id: what it had, and whether it leads, stays. */
  replace(old: Member, member: Member): void {
    const led = this.#leader === old.id
    this.remove(old.id)
    this.add(member)
    if (led) this.#leader = member.id
  }

  lead(id: string | null): void {
    this.#leader = id
  }

  promise(id: string, until: number): void {
    this.#promised.set(id, until)
  }

  isPromised(id: string): boolean {
    return this.#promised.has(id)
  }

  get promises(): number {
    return this.#promised.size
  }

  /** Whether there was such a promise. */
  forgetPromise(id: string): boolean {
    return this.#promised.delete(id)
  }

  /** Forgets the promises that are over; answers how many. */
  expirePromises(now: number): number {
    const over = [...this.#promised].filter(([, until]) => until <= now)
    for (const [id] of over) this.#promised.delete(id)
    return over.length
  }

  /** Why whoever gives this id, and this static name, is not a member. A static member's older self is fenced. */
  fault(id: string, instanceId: string | null): ErrorCode {
    if (instanceId !== null) {
      const known = this.#byInstance.get(instanceId)
      if (known !== undefined && known !== id) return ERROR.fencedInstanceId
    }
    const member = this.#all.get(id)
    const isIt = member !== undefined && (instanceId === null || member.instanceId === instanceId)
    return isIt ? ERROR.none : ERROR.unknownMemberId
  }

  /** The names of the protocols that every member knows. */
  common(): ReadonlySet<string> {
    const counts = new Map<string, number>()
    for (const { protocols } of this.#all.values()) {
      for (const name of new Set(protocols.map((one) => one.name))) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return new Set([...counts].filter(([, count]) => count === this.#all.size).map(([name]) => name))
  }

  /** The protocol that most members like best among those that all know; the first of them where votes are equal. */
  vote(): string {
    const common = this.common()
    const votes = new Map([...common].map((name) => [name, 0]))
    for (const { protocols } of this.#all.values()) {
      const best = protocols.find(({ name }) => common.has(name))
      if (best) votes.set(best.name, votes.get(best.name)! + 1)
    }
    const [first, ...others] = votes
    return others.reduce((best, one) => (one[1] > best[1] ? one : best), first!)[0]
  }

  /** The longest of the members' rebalance timeouts, ms. */
  get rebalanceMs(): number {
    return Math.max(0, ...this.all().map((member) => member.rebalanceMs))
  }

  /** About how many bytes they take. */
  get weight(): number {
    let bytes = this.#promised.size * PROMISE_BYTES
    for (const member of this.#all.values()) {
      bytes += MEMBER_BYTES + member.assignment.length
      for (const { metadata } of member.protocols) bytes += PROTOCOL_BYTES + metadata.length
    }
    return bytes
  }
}

const MEMBER_BYTES = 800
const PROTOCOL_BYTES = 200
const PROMISE_BYTES = 300

/** What a member says of itself in a protocol; undefined where it does not know it. */
export function metadataOf(member: Member, protocol: string | null): Uint8Array | undefined {
  return member.protocols.find(({ name }) => name === protocol)?.metadata
}

/** Whether a member would say nothing new with these. */
export function sameProtocols(member: Member, protocols: readonly Protocol[]): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every(({ name, metadata }, index) => {
      const other = protocols[index]!
      return name === other.name && Buffer.compare(metadata, other.metadata) === 0
    })
  )
}
