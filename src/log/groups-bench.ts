import { systemClock } from '../system/clock.ts'
import { within } from '../system/wait.ts'
import { Bench, range, textRecord } from './conformance-bench.ts'
import type { ConformanceTarget } from './conformance-bench.ts'
import type { ConsumedBatch, ConsumeOptions, Generation, GroupMember, GroupOptions, Membership } from './groups.ts'
import { LogError } from './log.ts'
import type { Log } from './log.ts'

/** A driver whose logs can be cut off. */
export interface GroupsTarget extends ConformanceTarget {
  /** A new client, and what cuts it off: nothing that it sends arrives, and nothing comes, until it is healed. */
  openCuttable(): Promise<Cuttable>
}

export interface Cuttable {
  readonly log: Log
  readonly cut: () => void
  readonly heal: () => void
}

/** The groups and members of one test. */
export class GroupsBench extends Bench {
  readonly sessionMs: number
  readonly #target: GroupsTarget
  #groups = 0

  constructor(target: GroupsTarget, sessionMs: number) {
    super(target)
    this.sessionMs = sessionMs
    this.#target = target
  }

  async openCuttable(): Promise<Cuttable> {
    const cuttable = await this.#target.openCuttable()
    this.keep(cuttable.log)
    return cuttable
  }

  group(): string {
    return `${this.name()}.group${this.#groups++}`
  }

  /** A member that holds things, as a hub holds sources: `held` is what it was given last. */
  holder(log: Log, options: Pick<GroupOptions, 'group'> & Partial<GroupOptions>, things: readonly string[]): Holder {
    return new Holder(log, { sessionMs: this.sessionMs, ...options }, things)
  }

  reader(log: Log, options: Pick<ConsumeOptions, 'group' | 'topics'> & Partial<ConsumeOptions>): GroupReader {
    return new GroupReader(log, { sessionMs: this.sessionMs, ...options })
  }
}

interface Span {
  readonly thing: string
  readonly from: number
  to: number
}

/** What two of them held at the same time. */
export function heldTwice(holders: readonly Holder[]): string[] {
  const spans = holders.flatMap((holder) => holder.spans.map((span) => ({ ...span, holder })))
  return spans
    .filter((one) => spans.some((two) => one.holder !== two.holder && meet(one, two)))
    .map(({ thing, from, to }) => `${thing} from ${from} to ${to}`)
}

function meet(one: Span, two: Span): boolean {
  return one.thing === two.thing && one.from < two.to && two.from < one.to
}

/** How long a test waits for a state at most: far longer than it takes on a busy machine. */
const UNTIL_MS = 50_000

/** What changes, and tells when it does. */
export abstract class Watched {
  #changed = Promise.withResolvers<void>()

  /** What it is now, for whoever waited for something else in vain. */
  abstract describe(): string

  announce(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  changed(): Promise<void> {
    return this.#changed.promise
  }

  /** Resolves when it is so; see `untilAny`. */
  until(so: () => boolean, withinMs?: number): Promise<void> {
    return untilAny([this], so, withinMs)
  }
}

/**
 * Resolves when it is so, whichever of them it is that changes last.
 * @throws after 50 s or `withinMs`, with the text of the condition and what each of them is then
 */
export async function untilAny(
  watched: readonly Watched[],
  so: () => boolean,
  withinMs: number = UNTIL_MS,
): Promise<void> {
  const end = systemClock.monotonic() + withinMs
  while (!so()) {
    const change = Promise.race(watched.map((one) => one.changed()))
    if (await within(Math.max(0, end - systemClock.monotonic()), change, systemClock)) continue
    const found = watched.map((one) => `\n- ${one.describe()}`).join('')
    throw new Error(`Waited ${withinMs} ms in vain for ${String(so)}${found}`)
  }
}

/** One member of a group that shares things by name, cooperatively. */
export class Holder extends Watched {
  readonly membership: Membership
  readonly generations: Generation[] = []
  /** From when until when it held what, in monotonic ms. */
  readonly spans: Span[] = []
  #held: readonly string[] = []
  /** Monotonic ms at which `lost` aborted. */
  lostAt: number | undefined
  fault: unknown
  readonly ended: Promise<void>
  readonly #stop = new AbortController()

  constructor(log: Log, options: Pick<GroupOptions, 'group'> & Partial<GroupOptions>, things: readonly string[]) {
    super()
    this.membership = log.join({
      protocol: 'things',
      about: () => encode(this.held),
      assign: (members) => share(members, things),
      signal: this.#stop.signal,
      ...options,
    })
    this.ended = this.#follow()
  }

  get held(): readonly string[] {
    return this.#held
  }

  describe(): string {
    const { id, memberId } = this.generations.at(-1) ?? { id: 'none', memberId: 'nobody' }
    const leaseMs = Math.round(this.membership.heldUntil - systemClock.monotonic())
    return `holder ${memberId}: holds "${this.held.join()}", generation ${id}, lease for ${leaseMs} ms, fault ${String(this.fault)}`
  }

  leave(): Promise<void> {
    this.#stop.abort()
    return this.ended
  }

  #hold(things: readonly string[]): void {
    const now = systemClock.monotonic()
    for (const span of this.spans) if (span.to === Infinity && !things.includes(span.thing)) span.to = now
    for (const thing of things) if (!this.#held.includes(thing)) this.spans.push({ thing, from: now, to: Infinity })
    this.#held = things
  }

  async #follow(): Promise<void> {
    try {
      for await (const generation of this.membership.generations()) this.#take(generation)
    } catch (error) {
      this.fault = error
    }
    this.announce()
  }

  #take(generation: Generation): void {
    this.generations.push(generation)
    if (this.generations.at(-2)?.lost !== generation.lost) {
      generation.lost.addEventListener('abort', () => this.#lose())
    }
    const before = this.held
    this.#hold(decode(generation.assignment))
    // What goes is let go here and now; the others get it when this member has joined without it.
    if (before.some((thing) => !this.held.includes(thing))) this.membership.rejoin()
    this.announce()
  }

  #lose(): void {
    this.lostAt = systemClock.monotonic()
    this.#hold([])
    this.announce()
  }
}

/** One consumer that commits every batch, and what it saw. */
export class GroupReader extends Watched {
  readonly seen: string[] = []
  readonly assigned: string[] = []
  readonly revoked: string[] = []
  readonly lost: string[] = []
  readonly ended: Promise<void>
  fault: unknown
  /** Called with every batch before it is committed. */
  work: (batch: ConsumedBatch) => Promise<void> = async () => {}
  /** Called where a commit came too late, as it does when the lease was lost; what it throws ends the reading. */
  fenced: (fault: LogError) => void = (fault) => {
    throw fault
  }
  readonly #stop = new AbortController()

  constructor(log: Log, options: Pick<ConsumeOptions, 'group' | 'topics'> & Partial<ConsumeOptions>) {
    super()
    const name = ({ topic, partition }: { topic: string; partition: number }) => `${topic}/${partition}`
    this.ended = this.#read(
      log.consume({
        signal: this.#stop.signal,
        onAssigned: async (partitions) => {
          this.assigned.push(...partitions.map(name))
          this.announce()
        },
        onRevoked: async (partitions, lost) => {
          const into = lost ? this.lost : this.revoked
          into.push(...partitions.map(name))
          this.announce()
        },
        ...options,
      }),
    )
  }

  /** What it has now. */
  get holds(): string[] {
    const gone = [...this.revoked, ...this.lost]
    return this.assigned
      .filter((name, index) => {
        const times = this.assigned.slice(0, index + 1).filter((one) => one === name).length
        return gone.filter((one) => one === name).length < times
      })
      .sort()
  }

  describe(): string {
    const holds = this.holds.map((name) => name.slice(name.lastIndexOf('/') + 1)).join()
    return `reader: holds partitions "${holds}", has seen ${this.seen.length} records, fault ${String(this.fault)}`
  }

  leave(): Promise<void> {
    this.#stop.abort()
    return this.ended
  }

  async #read(batches: AsyncIterable<ConsumedBatch>): Promise<void> {
    try {
      for await (const batch of batches) {
        this.seen.push(...batch.records.map(({ value }) => Buffer.from(value ?? []).toString()))
        this.announce()
        await this.work(batch)
        await batch.commit().catch(this.#refused)
      }
    } catch (error) {
      this.fault = error
    }
    this.announce()
  }

  readonly #refused = (error: unknown) => {
    if (!(error instanceof LogError) || error.code !== 'GROUP_FENCED') throw error
    this.fenced(error)
  }
}

/** Appends numbers, one after the other, and knows how many. */
export class Journal {
  readonly #log: Log
  readonly #topic: string
  written: number

  constructor(log: Log, topic: string, from = 0) {
    this.#log = log
    this.#topic = topic
    this.written = from
  }

  async write(count: number): Promise<void> {
    await this.#log.append(this.#topic, numbered(this.written, this.written + count))
    this.written += count
  }

  async whileWriting(step: Promise<unknown>): Promise<void> {
    const state = { done: false }
    const stepping = step.finally(() => {
      state.done = true
    })
    while (!state.done) {
      await this.write(5)
      await systemClock.sleep(2)
    }
    await stepping
  }
}

/** Records with the numbers from one to another, without the last. */
export function numbered(from: number, to: number) {
  return range(from, to).map((number) => textRecord(`key${number % 50}`, number))
}

/** Round and round, but what somebody holds, stays with whom it is, as far as that is even. */
function share(members: readonly GroupMember[], things: readonly string[]): Map<string, Uint8Array> {
  const names = (member: GroupMember) => member.instanceId ?? member.id
  const sorted = [...members].sort((a, b) => (names(a) < names(b) ? -1 : 1))
  const most = Math.ceil(things.length / sorted.length)
  const claims = new Map(sorted.map((member) => [member.id, decode(member.about)]))
  const given = new Map(
    sorted.map(({ id }) => [
      id,
      claims
        .get(id)!
        .filter((one) => things.includes(one))
        .slice(0, most),
    ]),
  )
  const claimed = new Set([...claims.values()].flat())
  for (const thing of things.filter((one) => !claimed.has(one))) {
    const [poorest] = [...given].sort(([, a], [, b]) => a.length - b.length)
    poorest![1].push(thing)
  }
  return new Map([...given].map(([id, list]) => [id, encode(list)]))
}

function encode(things: readonly string[]): Uint8Array {
  return Buffer.from(JSON.stringify(things))
}

function decode(bytes: Uint8Array): string[] {
  return bytes.length === 0 ? [] : (JSON.parse(Buffer.from(bytes).toString()) as string[])
}
