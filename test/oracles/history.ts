/** Something that happened, in the order in which it was heard of. */
export type Happening =
  /** The producer was told that its record is stored. */
  | { readonly kind: 'acked'; readonly value: string; readonly partition: number; readonly offset: number }
  /** A member was given partitions; from here on it reads them from where the group stands. */
  | { readonly kind: 'assigned'; readonly member: string; readonly partitions: readonly number[] }
  /** A client went back of its own accord, as it says: what it reads again is not the broker's doing. */
  | { readonly kind: 'restarted'; readonly member: string; readonly partitions: readonly number[] }
  /** What one poll of a member brought, of one partition. */
  | {
      readonly kind: 'read'
      readonly member: string
      readonly partition: number
      readonly records: readonly (readonly [offset: number, value: string])[]
    }
  /** A member was told that everything before this offset is committed. */
  | { readonly kind: 'committed'; readonly member: string; readonly partition: number; readonly offset: number }

/** What is there in the end. */
export interface Remains {
  /** By partition: the values of its records, by offset. */
  readonly log: readonly ReadonlyMap<number, string>[]
  /** By partition: where the log ends, and what the group has committed. */
  readonly ends: readonly number[]
  readonly committed: readonly number[]
}

/** How often each promise was broken; all zero where they were kept. */
export interface Violations {
  /** Acknowledged, and not where it was said to be. */
  lost: number
  /** A value that is in the log more than once, although its producer is idempotent. */
  duplicates: number
  /** A later value of the producer before an earlier one. */
  disorder: number
  /** Read, and not so in the log. */
  phantoms: number
  /** In the log, and read by nobody. */
  unread: number
  /** A poll that went back without a new assignment. */
  nonMonotonic: number
  /** Read from before what the group had committed when the partition was assigned. */
  forgottenCommits: number
  /** Committed beyond what anybody had read, or beyond the end. */
  beyond: number
  /** Partitions that the group has not read to their end: somebody is stuck. */
  stuck: number
}

/**
 * Checks what happened to a group and its log against what Kafka promises (T9). Values are counted up by the producer.
 * `note` is told who broke a promise of reading, and where.
 */
export function check(
  happenings: readonly Happening[],
  remains: Remains,
  note: (line: string) => void = () => {},
): Violations {
  const found = logViolations(remains)
  const readers = new Readers(remains, note)
  for (const one of happenings) {
    if (one.kind === 'acked' && remains.log[one.partition]?.get(one.offset) !== one.value) found.lost++
    if (one.kind === 'assigned') readers.assigned(one.member, one.partitions)
    if (one.kind === 'restarted') readers.restarted(one.member, one.partitions)
    if (one.kind === 'read') readers.read(one.member, one.partition, one.records)
    if (one.kind === 'committed') readers.committed(one.partition, one.offset)
  }
  return { ...found, ...readers.violations() }
}

function logViolations({ log, ends, committed }: Remains) {
  const seen = new Set<string>()
  const found = { lost: 0, duplicates: 0, disorder: 0, stuck: 0 }
  for (const [partition, records] of log.entries()) {
    let last = -1
    for (const value of records.values()) {
      if (seen.has(value)) found.duplicates++
      seen.add(value)
      if (Number(value) < last) found.disorder++
      last = Number(value)
    }
    if (committed[partition] !== ends[partition]) found.stuck++
  }
  return found
}

/** What the members of the group did, partition by partition. */
class Readers {
  readonly #remains: Remains
  readonly #note: (line: string) => void
  /** By member and partition: the next offset it may read, and where it must not begin before. */
  readonly #next = new Map<string, number>()
  readonly #floor = new Map<string, number>()
  readonly #read: Set<number>[]
  readonly #committed: number[]
  readonly #found = { phantoms: 0, nonMonotonic: 0, forgottenCommits: 0, beyond: 0 }

  constructor(remains: Remains, note: (line: string) => void) {
    this.#remains = remains
    this.#note = note
    this.#read = remains.log.map(() => new Set())
    this.#committed = remains.log.map(() => 0)
  }

  assigned(member: string, partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#next.delete(`${member} ${partition}`)
      this.#floor.set(`${member} ${partition}`, this.#committed[partition]!)
    }
  }

  restarted(member: string, partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#next.delete(`${member} ${partition}`)
      this.#floor.delete(`${member} ${partition}`)
    }
  }

  read(member: string, partition: number, records: readonly (readonly [number, string])[]): void {
    const place = `${member} ${partition}`
    for (const [offset, value] of records) {
      if (this.#remains.log[partition]!.get(offset) !== value) this.#found.phantoms++
      const next = this.#next.get(place) ?? 0
      const floor = this.#floor.get(place) ?? 0
      if (offset < next) this.#found.nonMonotonic++
      if (offset < floor) this.#found.forgottenCommits++
      if (offset < next || offset < floor)
        this.#note(`${place}: read ${offset}, want ${next} or later, and ${floor} or later`)
      this.#next.set(place, offset + 1)
      this.#read[partition]!.add(offset)
    }
  }

  committed(partition: number, offset: number): void {
    if (offset > this.#remains.ends[partition]!) this.#found.beyond++
    else if (offset > 0 && !this.#read[partition]!.has(offset - 1)) this.#found.beyond++
    this.#committed[partition] = Math.max(this.#committed[partition]!, offset)
  }

  violations() {
    const { log, ends, committed } = this.#remains
    const unread = log.reduce((sum, records, i) => {
      return sum + [...records.keys()].filter((offset) => !this.#read[i]!.has(offset)).length
    }, 0)
    const beyond = this.#found.beyond + committed.filter((offset, i) => offset > ends[i]!).length
    return { ...this.#found, beyond, unread }
  }
}
