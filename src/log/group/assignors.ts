import type { PartitionRef } from '../groups.ts'
import { keyOf } from './held.ts'
import type { Subscription } from './subscription.ts'

/** A member as an assignor sees it. */
export interface Subscriber extends Subscription {
  readonly id: string
  readonly instanceId?: string
}

/** Partitions by member; every member is in it. */
export type Assignment = Map<string, PartitionRef[]>

/**
 * Kafka's `cooperative-sticky` (KIP-429): as even as can be, and what a member has it keeps, unless it must go for
 * that. What has to move from one to another is given to nobody in this generation: its owner lets go of it, joins
 * again, and the next generation gives it away.
 * @param counts partitions of the topics that exist
 */
export function assignSticky(members: readonly Subscriber[], counts: ReadonlyMap<string, number>): Assignment {
  const sorted = ordered(members)
  const owners = ownersOf(sorted, counts)
  const shares = new Shares(sorted)
  for (const [key, { owner, ref }] of owners) shares.give(owner, key, ref)
  for (const ref of allPartitions(sorted, counts)) {
    if (!owners.has(keyOf(ref))) shares.give(shares.poorest(ref.topic), keyOf(ref), ref)
  }
  shares.even()
  const assignment: Assignment = new Map()
  for (const member of sorted) {
    const kept = shares.of(member).filter((ref) => (owners.get(keyOf(ref))?.owner ?? member) === member)
    assignment.set(member.id, kept)
  }
  return assignment
}

/**
 * As `assignSticky`, and partitions of one number go together, whatever their topics: who keeps a state for each key reads all
 * that is said of it. Topics have the same number of partitions, or what some have more is one topic's alone.
 */
export function assignTogether(members: readonly Subscriber[], counts: ReadonlyMap<string, number>): Assignment {
  const topics = [...counts.keys()].sort()
  const most = Math.max(0, ...counts.values())
  const asOne = members.map((member) => ({ ...member, topics: [TOGETHER], owned: numbersOf(member.owned) }))
  const assignment: Assignment = new Map()
  for (const [id, numbers] of assignSticky(asOne, new Map([[TOGETHER, most]]))) {
    const refs = numbers.flatMap(({ partition }) => topics.map((topic) => ({ topic, partition })))
    assignment.set(
      id,
      refs.filter(({ topic, partition }) => partition < counts.get(topic)!),
    )
  }
  return assignment
}

/** Kafka's `range`: of each topic, neighbouring partitions to each member, in the order of their names. */
export function assignRange(members: readonly Subscriber[], counts: ReadonlyMap<string, number>): Assignment {
  const sorted = ordered(members)
  const assignment: Assignment = new Map(sorted.map(({ id }) => [id, []]))
  for (const [topic, count] of counts) {
    const takers = sorted.filter(({ topics }) => topics.includes(topic))
    let next = 0
    takers.forEach(({ id }, index) => {
      const share = Math.floor(count / takers.length) + (index < count % takers.length ? 1 : 0)
      for (const last = next + share; next < last; next++) assignment.get(id)!.push({ topic, partition: next })
    })
  }
  return assignment
}

const TOGETHER = ''

/** A member that has one partition of a number has to let go of all of them before another may have them. */
function numbersOf(owned: readonly PartitionRef[]): PartitionRef[] {
  return [...new Set(owned.map(({ partition }) => partition))].map((partition) => ({ topic: TOGETHER, partition }))
}

/** Who has how much, kept in the order of the members. */
class Shares {
  readonly #members: readonly Subscriber[]
  readonly #shares: ReadonlyMap<Subscriber, Map<string, PartitionRef>>

  constructor(members: readonly Subscriber[]) {
    this.#members = members
    this.#shares = new Map(members.map((member) => [member, new Map<string, PartitionRef>()]))
  }

  give(member: Subscriber, key: string, ref: PartitionRef): void {
    this.#shares.get(member)!.set(key, ref)
  }

  of(member: Subscriber): PartitionRef[] {
    return [...this.#shares.get(member)!.values()]
  }

  /** Who has least, of those that want the topic. There is one: only topics that somebody wants are shared. */
  poorest(topic: string): Subscriber {
    const takers = this.#members.filter(({ topics }) => topics.includes(topic))
    return takers.reduce((least, member) => (this.#load(member) < this.#load(least) ? member : least))
  }

  /** Moves partitions from who has more to who may have them and has at least two fewer, until there are none. */
  even(): void {
    for (let moved = true; moved;) {
      moved = false
      const richest = [...this.#members].sort((a, b) => this.#load(b) - this.#load(a))
      for (const giver of richest) if (this.#unload(giver)) moved = true
    }
  }

  /** The last that came is the first to go. */
  #unload(giver: Subscriber): boolean {
    let moved = false
    for (const [key, ref] of [...this.#shares.get(giver)!].reverse()) {
      const taker = this.poorest(ref.topic)
      if (this.#load(giver) - this.#load(taker) < 2) continue
      this.#shares.get(giver)!.delete(key)
      this.give(taker, key, ref)
      moved = true
    }
    return moved
  }

  #load(member: Subscriber): number {
    return this.#shares.get(member)!.size
  }
}

/** Who holds what, of what exists and is still wanted: a claim of a later generation is worth more. */
function ownersOf(
  members: readonly Subscriber[],
  counts: ReadonlyMap<string, number>,
): Map<string, { owner: Subscriber; ref: PartitionRef }> {
  const owners = new Map<string, { owner: Subscriber; ref: PartitionRef }>()
  for (const owner of members) {
    for (const ref of owner.owned) {
      const rival = owners.get(keyOf(ref))
      if (rival && rival.owner.generation >= owner.generation) continue
      if (ref.partition >= (counts.get(ref.topic) ?? 0) || !owner.topics.includes(ref.topic)) continue
      owners.set(keyOf(ref), { owner, ref })
    }
  }
  return owners
}

function allPartitions(members: readonly Subscriber[], counts: ReadonlyMap<string, number>): PartitionRef[] {
  const wanted = new Set(members.flatMap(({ topics }) => topics))
  return [...counts]
    .filter(([topic]) => wanted.has(topic))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => ({ topic, partition })))
}

/** By the name that survives a restart, where there is one: the same members get the same. */
function ordered(members: readonly Subscriber[]): Subscriber[] {
  return [...members].sort((a, b) => ((a.instanceId ?? a.id) < (b.instanceId ?? b.id) ? -1 : 1))
}
