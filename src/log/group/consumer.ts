import type { Timer } from '../../system/clock.ts'
import { within } from '../../system/wait.ts'
import type { ConsumedBatch, ConsumeOptions, PartitionRef } from '../groups.ts'
import type { LogError, Position } from '../log.ts'
import { Commits } from './commits.ts'
import { CONSUMER, consumerProtocols, EAGER } from './consumer-protocol.ts'
import type { Coordinator } from './coordinator.ts'
import type { GroupDriver } from './driver.ts'
import { mayPass, transientError } from './group-faults.ts'
import { Held, keyOf } from './held.ts'
import { GroupMembership } from './membership.ts'
import type { SpokenGeneration } from './membership.ts'
import type { Reading } from './reading.ts'
import { decodeAssignment } from './subscription.ts'
import type { Subscription } from './subscription.ts'

/** How long the others wait for one that must let go of everything before it joins again (`range`). */
const REBALANCE_MS = 30_000
/** How long a partition that moves away waits for the commit of what was handed out of it. */
const REVOKE_MS = 20_000
/** How often topics are looked at: there may be more of them, or more partitions. */
const TOPICS_MS = 10_000
const RETRY_MS = 200

/**
 * One `consume`: a member of the group in the background, and a reading whose positions follow what it is given.
 * Nothing here waits for the caller but a partition that goes; nothing of the membership waits for that.
 */
export class Consumer {
  readonly #driver: GroupDriver
  readonly #options: ConsumeOptions
  readonly #coordinator: Coordinator
  readonly #membership: GroupMembership
  readonly #commits: Commits
  readonly #reading: Reading
  readonly #end = new AbortController()
  readonly #held = new Map<string, Held>()
  #assigned: readonly PartitionRef[] = []
  #generation = -1
  #eager = false
  #lost: AbortSignal | undefined
  /** How often the caller has asked for a batch. */
  #asks = 0
  #changed = Promise.withResolvers<void>()
  #leaving: Promise<void> | undefined

  constructor(driver: GroupDriver, options: ConsumeOptions, sessionMs: number) {
    this.#driver = driver
    this.#options = options
    const { group, instanceId, maxBytes } = options
    const timing = { sessionMs, rebalanceMs: Math.max(REBALANCE_MS, sessionMs) }
    this.#coordinator = driver.coordinator(group, timing)
    this.#membership = new GroupMembership(this.#coordinator, driver.system, {
      group,
      protocolType: CONSUMER,
      protocols: consumerProtocols(
        () => this.#about(),
        (topics) => driver.partitions(topics),
        options.together,
      ),
      ...(instanceId !== undefined && { instanceId }),
      ...timing,
      signal: new AbortController().signal,
      beforeJoin: () => this.#beforeJoin(),
    })
    this.#commits = new Commits(group, this.#coordinator, this.#membership, driver.system)
    this.#reading = driver.reading({ signal: this.#end.signal, ...(maxBytes !== undefined && { maxBytes }) })
  }

  async *run(): AsyncGenerator<ConsumedBatch> {
    const leave = () => void this.#leave()
    this.#options.signal.addEventListener('abort', leave, { once: true })
    if (this.#options.signal.aborted) return
    const following = this.#follow().catch((fault: LogError) => this.#reading.fail(fault))
    const watching = this.#watchTopics()
    try {
      for await (const batch of this.#reading.batches()) {
        const held = this.#held.get(keyOf(batch))
        if (held?.state !== 'here') continue
        held.handedOut = batch.nextOffset
        held.handedOutAt = this.#asks
        yield { ...batch, commit: () => this.#commit(held, batch.nextOffset) }
        this.#asked()
      }
    } finally {
      this.#options.signal.removeEventListener('abort', leave)
      this.#asked()
      watching.cancel()
      await this.#leave()
      await following
    }
  }

  /** Ends with an error; what is held is not waited for. Resolves when the group was left. */
  async fail(fault: LogError): Promise<void> {
    this.#drop([...this.#held.values()])
    this.#reading.fail(fault)
    await this.#membership.fail(fault)
  }

  async #commit(held: Held, offset: number): Promise<void> {
    await this.#commits.commit(held, offset)
    this.#announce()
  }

  #about(): Subscription {
    const owned = [...this.#held.values()].map(({ ref }) => ref)
    return { topics: this.#options.topics, owned, generation: owned.length > 0 ? this.#generation : -1 }
  }

  async #beforeJoin(): Promise<void> {
    if (this.#eager) await this.#letGo([...this.#held.values()])
  }

  async #follow(): Promise<void> {
    for await (const generation of this.#membership.generations()) {
      if (generation.lost.aborted) continue
      if (generation.lost !== this.#lost) {
        this.#lost = generation.lost
        generation.lost.addEventListener('abort', () => this.#lose(), { once: true })
      }
      this.#apply(generation)
    }
  }

  #apply({ id, protocol, assignment }: SpokenGeneration): void {
    const wasEager = this.#eager
    this.#generation = id
    this.#eager = protocol === EAGER
    this.#assigned = decodeAssignment(assignment)
    if (this.#leaving) return
    const given = new Set(this.#assigned.map(keyOf))
    const going = [...this.#held].filter(([key, { state }]) => !given.has(key) && state !== 'going')
    const helds = going.map(([, held]) => held)
    // `range` knows nothing of what is held: whoever is given it has begun already.
    if (this.#eager && !wasEager) this.#background(this.#lostOnes(helds))
    else if (helds.length > 0) this.#background(this.#revoke(helds))
    this.#take()
  }

  /** Begins with what is given and not held. */
  #take(): void {
    const coming = this.#assigned.filter((ref) => !this.#held.has(keyOf(ref))).map((ref) => new Held(ref))
    if (coming.length === 0 || this.#leaving) return
    for (const held of coming) this.#held.set(keyOf(held.ref), held)
    const restored = this.#restore(coming)
    for (const held of coming) held.restored = restored.catch(() => {})
    this.#background(restored)
  }

  async #restore(coming: readonly Held[]): Promise<void> {
    const refs = coming.map(({ ref }) => ref)
    const own = (await this.#options.onAssigned?.(refs)) ?? []
    const given = new Map(own.map((position) => [keyOf(position), position]))
    const others = coming.filter(({ ref }) => !given.has(keyOf(ref)))
    for (const position of await this.#positions(others)) given.set(keyOf(position), position)
    const ready = coming.filter(({ ref, state }) => state === 'coming' && given.has(keyOf(ref)))
    for (const held of ready) held.state = 'here'
    this.#reading.add(ready.map(({ ref }) => given.get(keyOf(ref))!))
  }

  /** Where the group has come to, or where to begin; tried until it is known, or nobody wants it any more. */
  async #positions(helds: readonly Held[]): Promise<readonly Position[]> {
    while (helds.some(({ state }) => state === 'coming')) {
      try {
        return await this.#ask(helds.map(({ ref }) => ref))
      } catch (error) {
        if (!mayPass(error)) throw error
        await this.#driver.system.clock.sleep(RETRY_MS, this.#end.signal).catch(() => {})
      }
    }
    return []
  }

  async #ask(refs: readonly PartitionRef[]): Promise<readonly Position[]> {
    if (refs.length === 0) return []
    const { error, positions } = await this.#coordinator.committed(refs)
    if (error !== 0) throw transientError('ask for positions', this.#options.group, error)
    const known = new Set(positions.map(keyOf))
    const fresh = refs.filter((ref) => !known.has(keyOf(ref)))
    const topics = [...new Set(fresh.map(({ topic }) => topic))]
    const ends = await Promise.all(topics.map(async (topic) => [topic, await this.#driver.ends(topic)] as const))
    const endsOf = new Map(ends)
    const begin = fresh.map(({ topic, partition }) => {
      const found = endsOf.get(topic)!.find((one) => one.partition === partition)!
      return { topic, partition, offset: this.#options.from === 'end' ? found.end : found.start }
    })
    return [...positions, ...begin]
  }

  async #revoke(helds: readonly Held[]): Promise<void> {
    await this.#letGo(helds)
    this.#take()
    this.#membership.rejoin()
  }

  /** Hands nothing more out of partitions, waits for the commits of what was, and then they are no longer held. */
  async #letGo(helds: readonly Held[]): Promise<void> {
    for (const held of helds) held.state = 'going'
    this.#reading.remove(helds.map(({ ref }) => ref))
    await within(REVOKE_MS, this.#workedOff(helds), this.#driver.system.clock)
    const left = helds.filter(({ gone }) => !gone)
    if (left.length > 0) {
      await this.#options.onRevoked?.(
        left.map(({ ref }) => ref),
        false,
      )
    }
    this.#drop(helds)
  }

  async #workedOff(helds: readonly Held[]): Promise<void> {
    await Promise.all(helds.map(({ restored }) => restored))
    // A caller that asks for the next batch is done with the one before, but for commits that it did not await.
    const busy = (held: Held) => !held.gone && held.committed < held.handedOut
    while (helds.some((held) => busy(held) && held.handedOutAt === this.#asks)) await this.#changed.promise
    if (helds.some(busy)) await this.#commits.idle()
  }

  #lose(): void {
    this.#assigned = []
    this.#background(this.#lostOnes([...this.#held.values()]))
  }

  async #lostOnes(helds: readonly Held[]): Promise<void> {
    this.#drop(helds)
    const refs = helds.map(({ ref }) => ref)
    if (refs.length > 0) await this.#options.onRevoked?.(refs, true)
  }

  #drop(helds: readonly Held[]): void {
    this.#reading.remove(helds.map(({ ref }) => ref))
    for (const held of helds) {
      held.state = 'gone'
      if (this.#held.get(keyOf(held.ref)) === held) this.#held.delete(keyOf(held.ref))
    }
    this.#announce()
  }

  /** Reads no more, waits for what is being worked on, and leaves the group; once. */
  #leave(): Promise<void> {
    this.#leaving ??= (async () => {
      this.#end.abort()
      try {
        await this.#letGo([...this.#held.values()])
      } finally {
        this.#membership.stop()
      }
    })()
    return this.#leaving
  }

  #watchTopics(): Timer {
    let known: string | undefined
    const look = async () => {
      const counts = await this.#driver.partitions(this.#options.topics).catch(() => undefined)
      if (counts === undefined) return
      const now = this.#options.topics.map((topic) => counts.get(topic) ?? 0).join()
      if (known !== undefined && known !== now) this.#membership.rejoin()
      known = now
    }
    void look()
    return this.#driver.system.clock.every(TOPICS_MS, () => void look())
  }

  #asked(): void {
    this.#asks++
    this.#announce()
  }

  #announce(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  #background(task: Promise<void>): void {
    task.catch((fault: LogError) => this.fail(fault))
  }
}
