import type { Topology } from '../../component/topology.ts'
import { keyOf } from '../../component/topology.ts'
import type { Log, NewRecord, StoredRecord } from '../../log/log.ts'
import { positionsAt, type Where } from '../../log/positions.ts'
import type { Catalogue } from '../../model/catalogue.ts'
import type { System } from '../../system/system.ts'
import { LongWork } from '../../system/wait.ts'
import { Changelog, type Mark, type Taking } from './changelog.ts'
import type { Output, PlacedFact, StepFault } from './engine.ts'
import { CAUSE_HEADER, decodeFact, headerText, PROCESSOR_HEADER, type FactTopic } from './facts.ts'
import type { EngineHost, Taken } from './host.ts'
import { intakeOf, type Arrival } from './intake.ts'
import { outgoing } from './outgoing.ts'
import { mergeTopics, type Run } from './merge.ts'
import { progressOf, progressRecords } from './progress.ts'
import { comparePoints, OTHER, Reorder, type Point } from './reorder.ts'
import { findRepeats } from './repeats.ts'
import type { StageTopics } from './stage-topics.ts'

export interface TaskOptions {
  readonly log: Log
  readonly catalogue: Pick<Catalogue, 'tags'>
  readonly site: string
  readonly topology: Topology
  /** Number of its stage. */
  readonly stage: number
  readonly topics: StageTopics
  readonly partition: number
  readonly partitions: number
  readonly open: () => EngineHost
  /** Where a task begins that has never run: with what the log still has, or with what comes. */
  readonly from: Where
  /** Whether this hub may still write for it: nobody else can have been given it. */
  readonly isMine: () => boolean
  readonly onFault: (fault: StepFault) => void
  /** Called before outputs are written; what it answers is waited for. */
  readonly learn?: (outputs: readonly Output[]) => Promise<void> | undefined
  /** Received time up to which nothing more comes of the stage before; absent: there is none. */
  readonly upTo?: () => number
  /** Called before it takes records, with the received time of the first: the tasks of its stage keep in step. */
  readonly enter?: (received: number) => Promise<void>
  /** Called when it has nothing to take. */
  readonly leave?: () => void
  readonly system: Pick<System, 'clock' | 'logger' | 'metrics'>
  /** How often states are written down, at most; ms, default that of the stage, else 1,000. */
  readonly commitMs?: number
}

const START: Where = { at: 'start' }
const COMMIT_MS = 1_000
/** On average at most this much of states is written, so that large ones do not crowd out what machines send. */
const STATE_BYTES_PER_MS = 1_000
/** How often it is looked where the topics end that it writes to: what is behind is read after a crash. */
const OUTPUTS_MS = 10_000
/** How often time goes on while nothing comes, and how far behind the clock: what was received by then is in the log. */
const TICK_MS = 500
const TICK_BEHIND_MS = 1_000

/**
 * One stage of a processor over one partition: reads its topics as one, hands the facts to the engine, writes what is derived,
 * and now and then the states and how far it is. Outputs are written before the mark that covers them; what a crash makes it
 * derive again is recognised by its cause and dropped. So every effect is there once.
 */
export class Task {
  readonly #options: TaskOptions
  readonly #takes: (arrival: Arrival) => boolean
  readonly #kinds: ReadonlyMap<string, FactTopic>
  readonly #changelog: Changelog
  #positions: { [topic: string]: number } = {}
  #taken: ReadonlyMap<string, Taking> = new Map()
  /** Of a stage that takes keyed facts in order. */
  #order: Reorder | undefined
  /** What the next stage was told last. */
  #said = -Infinity
  #repeats = new Set<string>()
  #outputEnds: { [topic: string]: readonly number[] } = {}
  #outputsAt = -Infinity
  #run = { epoch: 0, began: 0 }
  readonly #writing = new Set<Promise<unknown>>()
  #failed: { readonly error: unknown } | undefined
  readonly #commitMs: number
  #committedAt = 0
  #waitMs: number
  #moved = false
  /** How far the stage before was at the last tick. */
  #limit: number
  #received = -Infinity
  #facts = 0
  #lastFact: number | undefined
  #behind: Map<string, number> | undefined

  constructor(options: TaskOptions) {
    const { topology, stage, topics, site, partition, partitions, log, system } = options
    this.#options = options
    this.#takes = intakeOf(topology.stages[stage]!, topology.name, site)
    this.#kinds = topics.reads
    const now = () => system.clock.now()
    this.#changelog = new Changelog({ log, topic: topics.state, partition, partitions, now })
    this.#commitMs = options.commitMs ?? topology.stages[stage]!.saveEveryMs ?? COMMIT_MS
    this.#waitMs = this.#commitMs
    this.#limit = options.upTo ? -Infinity : Infinity
  }

  /**
   * Runs from where its changelog says until the signal aborts; `begun` is called when it has its states.
   * @throws where it cannot go on; it may be run again
   */
  async run(signal: AbortSignal, begun: () => void): Promise<void> {
    const stop = new AbortController()
    const end = () => stop.abort()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    const host = this.#options.open()
    try {
      await this.#begin(host, stop.signal)
      begun()
      await this.#work(host, stop.signal)
      if (this.#options.isMine()) await this.#commit(host)
    } finally {
      signal.removeEventListener('abort', end)
      stop.abort()
      this.#options.leave?.()
      await host.close()
    }
  }

  /** Where it goes on in each topic. */
  positions() {
    const { partition } = this.#options
    return Object.entries(this.#positions).map(([topic, offset]) => ({ topic, partition, offset }))
  }

  /** Whether it has taken everything that was in the log when its run began. */
  get caughtUp(): boolean {
    return this.#behind?.size === 0
  }

  /** Received time that it has got to, in records or by the clock. */
  get received(): number {
    return this.#received
  }

  /** Facts that it has taken since the hub's start. */
  get facts(): number {
    return this.#facts
  }

  /** When it took the last of them, wall time in ms since the epoch. */
  get lastFact(): number | undefined {
    return this.#lastFact
  }

  async #begin(host: EngineHost, signal: AbortSignal): Promise<void> {
    const { log, topology, stage, topics, partition, system } = this.#options
    this.#failed = undefined
    this.#behind = undefined
    this.#said = -Infinity
    this.#moved = false
    this.#outputsAt = -Infinity
    const { mark, keys, taken, spoilt, end } = await this.#changelog.restore(signal)
    if (spoilt)
      system.logger.warn('States were written by a run whose time was over; the task begins anew', { partition })
    this.#taken = spoilt ? new Map() : taken
    this.#positions = await this.#start(mark, spoilt)
    this.#order = this.#inOrder(spoilt ? undefined : mark)
    this.#outputEnds = spoilt ? startOf(topics.outputs) : { ...mark?.outputs }
    if (mark === undefined && !spoilt) await this.#findOutputs()
    const prefixes = [...topics.reads.keys()].map((topic) => `${topic}/${partition}/`)
    this.#run = { epoch: (mark?.epoch ?? 0) + 1, began: end }
    const received = spoilt ? -Infinity : (mark?.received ?? -Infinity)
    await this.#changelog.write([], this.#mark(received))
    this.#repeats = await findRepeats(this.#outputEnds, { log, processor: topology.name, stage, prefixes, signal })
    await host.restore(spoilt ? [] : keys, received)
    this.#committedAt = system.clock.monotonic()
  }

  #inOrder(mark: Mark | undefined): Reorder | undefined {
    const { topology, stage, partitions } = this.#options
    const { from, order } = topology.stages[stage]!
    if (order === 'as-they-come' || !from.some(({ topic }) => topic === 'keyed')) return undefined
    return new Reorder(partitions, mark?.order?.reached, mark?.order?.last)
  }

  /** Positions by the mark, or of a task that has never run; where retention has removed what they name, the first there is. */
  async #start(mark: Mark | undefined, anew: boolean): Promise<{ [topic: string]: number }> {
    const { log, topics, partition } = this.#options
    const positions: { [topic: string]: number } = {}
    const behind = new Map<string, number>()
    for (const topic of topics.reads.keys()) {
      const { start, end } = (await log.ends(topic))[partition]!
      const offset = anew ? start : (mark?.positions[topic] ?? (await this.#first(topic)) ?? end)
      positions[topic] = Math.min(Math.max(offset, start), end)
      if (positions[topic] < end) behind.set(topic, end)
    }
    this.#behind = behind
    return positions
  }

  /** Where it begins with a topic when it has never run; what another stage says it takes whole. */
  async #first(topic: string): Promise<number | undefined> {
    const { log, partition, from } = this.#options
    const where = this.#kinds.get(topic) === 'keyed' ? START : from
    return (await positionsAt(log, topic, where)).find((at) => at.partition === partition)?.offset
  }

  async #work(host: EngineHost, signal: AbortSignal): Promise<void> {
    const { log, partition, system } = this.#options
    const positions = Object.entries(this.#positions).map(([topic, offset]) => ({ topic, partition, offset }))
    const runs = mergeTopics({ log, positions, signal, clock: system.clock })
    let next = new LongWork(runs.next())
    while (!signal.aborted) {
      const came = await next.within(TICK_MS, system.clock, signal)
      if (this.#failed) throw this.#failed.error
      if (came) {
        const run = await next.result
        if (run.done === true) return
        await this.#take(host, run.value)
        next = new LongWork(runs.next())
      } else {
        this.#options.leave?.()
        await this.#tick(host)
      }
      if (system.clock.monotonic() - this.#committedAt >= this.#waitMs) await this.#commit(host)
    }
  }

  async #tick(host: EngineHost): Promise<void> {
    // Its time goes on with that of those who speak to it.
    if (this.#order) return
    const { log, system } = this.#options
    const { connected, lastError } = log.state()
    if (!this.caughtUp || !connected || lastError) return
    // What the stage before has said by the last tick has come by now.
    const received = Math.min(system.clock.now() - TICK_BEHIND_MS, this.#limit)
    this.#limit = this.#options.upTo?.() ?? Infinity
    await this.#put(await host.advance(received))
    this.#received = Math.max(this.#received, received)
  }

  async #take(host: EngineHost, { topic, records, nextOffset }: Run): Promise<void> {
    await this.#options.enter?.(records[0]?.timestamp ?? -Infinity)
    const facts = records.flatMap((record) => this.#place(topic, record))
    this.#positions[topic] = nextOffset
    this.#moved = true
    await this.#hand(host, this.#order ? this.#order.release() : facts)
    this.#received = Math.max(this.#received, records.at(-1)?.timestamp ?? -Infinity)
    if (nextOffset >= (this.#behind?.get(topic) ?? Infinity)) this.#behind!.delete(topic)
  }

  async #hand(host: EngineHost, facts: readonly PlacedFact[]): Promise<void> {
    if (facts.length > 0) await this.#put(await host.take(facts))
    if (this.#order && this.#order.reached > 0) await this.#put(await host.advance(this.#order.reached))
    this.#facts += facts.length
    if (facts.length > 0) this.#lastFact = this.#options.system.clock.now()
  }

  /** The fact of a record, where it is one for this stage, and its key's state has not taken it already. */
  #place(topic: string, record: StoredRecord): PlacedFact[] {
    const { catalogue, partition, topology, system } = this.#options
    if (record.value === null) return []
    const progress = this.#order && progressOf(record)
    if (progress) {
      this.#order!.reach(progress.from, progress.reached)
      return []
    }
    const kind = this.#kinds.get(topic)!
    try {
      const fact = decodeFact(kind, record, catalogue)
      const by = headerText(record.headers, PROCESSOR_HEADER)
      if (!this.#takes({ topic: kind, fact, by })) return []
      const placed = { fact, cause: `${topic}/${partition}/${record.offset}`, received: record.timestamp }
      const point: Point = [record.timestamp, upstreamOf(kind, record), record.offset]
      if (this.#hasTaken(keyOf(fact), topic, point)) return []
      this.#order?.add({ placed, point, topic })
      return [placed]
    } catch (error) {
      const help = 'Records that a processor could not decode and passed over'
      system.metrics.counter('millrace_processor_undecodable_total', help, { processor: topology.name }).add()
      system.logger.warn('Cannot decode a record; it is passed over', {
        topic,
        partition,
        offset: record.offset,
        error,
      })
      return []
    }
  }

  #hasTaken(key: string, topic: string, point: Point): boolean {
    const taken = this.#taken.get(key)
    if (taken === undefined) return false
    if (this.#order) return taken.last !== undefined && comparePoints(point, taken.last) <= 0
    return point[2] < (taken.at[topic] ?? 0)
  }

  /** Writes what was derived, without waiting for it. */
  async #put({ outputs, faults }: Taken): Promise<void> {
    const { log, topics, onFault } = this.#options
    const isNew = ({ cause }: Output) => this.#repeats.size === 0 || !this.#repeats.delete(cause)
    const fresh = outputs.filter(isNew)
    const { records, faults: unwritable } = outgoing(fresh, this.#options)
    await this.#options.learn?.(fresh)
    for (const fault of [...faults, ...unwritable]) onFault(fault)
    if (records.size > 0) this.#checkLease()
    for (const [topic, of] of records) this.#append(topics.writes(topic), of)
    await log.ready()
  }

  #append(topic: string, records: readonly NewRecord[]): void {
    const writing = this.#options.log
      .append(topic, records)
      .catch((error: unknown) => {
        this.#failed ??= { error }
      })
      .finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  /** Writes the states and the mark down, once everything that they cover is durable. */
  async #commit(host: EngineHost): Promise<void> {
    const { system } = this.#options
    await Promise.all(this.#writing)
    if (this.#failed) throw this.#failed.error
    const { keys, received, faults } = await host.changes()
    for (const fault of faults) this.#options.onFault(fault)
    if (keys.length > 0 || this.#moved) {
      await this.#findOutputs()
      this.#checkLease()
      const bytes = await this.#changelog.write(keys, this.#mark(received))
      this.#waitMs = Math.max(this.#commitMs, bytes / STATE_BYTES_PER_MS)
      this.#moved = false
    }
    await this.#say(received)
    this.#committedAt = system.clock.monotonic()
  }

  #checkLease(): void {
    if (!this.#options.isMine()) throw new Error('The lease of this task is over')
  }

  /** Tells the tasks of the next stage how far this one is: everything that it has said before is durable. */
  async #say(received: number): Promise<void> {
    const { log, topology, stage, topics, partition: from, partitions } = this.#options
    const next = topology.stages[stage + 1]
    const reached = Math.floor(received)
    if (next === undefined || next.order === 'as-they-come' || !(reached > this.#said) || reached < 0) return
    this.#said = reached
    this.#checkLease()
    await log.append(topics.writes('keyed'), progressRecords({ from, reached }, topology.name, partitions))
  }

  #mark(received: number): Mark {
    const reached = Number.isFinite(received) ? received : null
    const order = this.#order?.state
    // What waits is read again.
    const waiting = ([topic, offset]: [string, number]) => [topic, this.#order?.firstWaiting(topic) ?? offset] as const
    const positions = Object.fromEntries(Object.entries(this.#positions).map(waiting))
    return { ...this.#run, positions, received: reached, outputs: { ...this.#outputEnds }, ...(order && { order }) }
  }

  async #findOutputs(): Promise<void> {
    const { log, topics, system } = this.#options
    const now = system.clock.monotonic()
    // What an earlier run has written ahead of where this one is has to be found again, should it die too.
    if (now < this.#outputsAt + OUTPUTS_MS || this.#repeats.size > 0) return
    for (const topic of topics.outputs) this.#outputEnds[topic] = (await log.ends(topic)).map(({ end }) => end)
    this.#outputsAt = now
  }
}

/** Who has said a fact, for its place in the order: the partition of the stage before, by its cause. */
function upstreamOf(kind: FactTopic, { headers }: StoredRecord): number {
  return kind === 'keyed' ? Number(headerText(headers, CAUSE_HEADER).split('/')[1]) : OTHER
}

/** From the start of what is there. */
function startOf(topics: readonly string[]): { [topic: string]: readonly number[] } {
  return Object.fromEntries(topics.map((topic) => [topic, []]))
}
