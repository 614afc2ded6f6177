import type { Topology } from '../../component/topology.ts'
import { keyOf } from '../../component/topology.ts'
import type { Log, NewRecord, StoredRecord } from '../../log/log.ts'
import type { Catalogue } from '../../model/catalogue.ts'
import type { System } from '../../system/system.ts'
import { Changelog, type Mark, type Offsets } from './changelog.ts'
import type { PlacedFact, StepFault } from './engine.ts'
import { decodeFact, encodeOutput, headerText, PROCESSOR_HEADER, topicOf, type FactTopic } from './facts.ts'
import type { EngineHost, Taken } from './host.ts'
import { intakeOf, type Arrival } from './intake.ts'
import { mergeTopics, type Run } from './merge.ts'
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
  readonly from: 'start' | 'end'
  /** Whether this hub may still write for it: nobody else can have been given it. */
  readonly isMine: () => boolean
  readonly onFault: (fault: StepFault) => void
  /** Received time up to which nothing more comes of the stage before; absent: there is none. */
  readonly upTo?: () => number
  /** Called before it takes records, with the received time of the first: the tasks of its stage keep in step. */
  readonly enter?: (received: number) => Promise<void>
  /** Called when it has nothing to take. */
  readonly leave?: () => void
  readonly system: Pick<System, 'clock' | 'logger' | 'metrics'>
  /** How often states are written down, at most; ms, default 1,000. */
  readonly commitMs?: number
}

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
  #taken: ReadonlyMap<string, Offsets> = new Map()
  #repeats = new Set<string>()
  #outputEnds: { [topic: string]: readonly number[] } = {}
  #outputsAt = -Infinity
  #run = { epoch: 0, began: 0 }
  readonly #writing = new Set<Promise<unknown>>()
  #failed: { readonly error: unknown } | undefined
  #committedAt = 0
  #waitMs: number
  #moved = false
  /** How far the stage before was at the last tick. */
  #limit: number
  #received = -Infinity
  #facts = 0
  #behind: Map<string, number> | undefined

  constructor(options: TaskOptions) {
    const { topology, stage, topics, site, partition, partitions, log, system } = options
    this.#options = options
    this.#takes = intakeOf(topology.stages[stage]!, topology.name, site)
    this.#kinds = topics.reads
    const now = () => system.clock.now()
    this.#changelog = new Changelog({ log, topic: topics.state, partition, partitions, now })
    this.#waitMs = options.commitMs ?? COMMIT_MS
    this.#limit = options.upTo ? -Infinity : Infinity
  }

  /** Runs from where its changelog says until the signal aborts. @throws where it cannot go on; it may be run again. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController()
    const end = () => stop.abort()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    const host = this.#options.open()
    try {
      await this.#begin(host, stop.signal)
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

  /** Whether it has taken everything that was in the log when it began. */
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

  async #begin(host: EngineHost, signal: AbortSignal): Promise<void> {
    const { log, topology, stage, topics, partition, system } = this.#options
    this.#failed = undefined
    this.#moved = false
    this.#outputsAt = -Infinity
    const { mark, keys, taken, spoilt, end } = await this.#changelog.restore(signal)
    if (spoilt)
      system.logger.warn('States were written by a run whose time was over; the task begins anew', { partition })
    this.#taken = spoilt ? new Map() : taken
    this.#positions = await this.#start(mark, spoilt)
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

  /** Positions by the mark, or of a task that has never run; where retention has removed what they name, the first there is. */
  async #start(mark: Mark | undefined, anew: boolean): Promise<{ [topic: string]: number }> {
    const { log, topics, partition, from } = this.#options
    const positions: { [topic: string]: number } = {}
    const behind = new Map<string, number>()
    for (const topic of topics.reads.keys()) {
      const { start, end } = (await log.ends(topic))[partition]!
      const offset = anew ? start : (mark?.positions[topic] ?? (from === 'end' ? end : start))
      positions[topic] = Math.min(Math.max(offset, start), end)
      if (positions[topic] < end) behind.set(topic, end)
    }
    this.#behind ??= behind
    return positions
  }

  async #work(host: EngineHost, signal: AbortSignal): Promise<void> {
    const { log, partition, system } = this.#options
    const positions = Object.entries(this.#positions).map(([topic, offset]) => ({ topic, partition, offset }))
    const runs = mergeTopics({ log, positions, signal, clock: system.clock })
    let next = runs.next()
    while (!signal.aborted) {
      const run = await this.#orTick(next, signal)
      if (this.#failed) throw this.#failed.error
      if (run === undefined) {
        this.#options.leave?.()
        await this.#tick(host)
      } else {
        if (run.done === true) return
        await this.#take(host, run.value)
        next = runs.next()
      }
      if (system.clock.monotonic() - this.#committedAt >= this.#waitMs) await this.#commit(host)
    }
    next.catch(() => {})
  }

  /** The next run, or undefined where none came for a while. */
  async #orTick(next: Promise<IteratorResult<Run>>, signal: AbortSignal): Promise<IteratorResult<Run> | undefined> {
    const done = new AbortController()
    const { clock } = this.#options.system
    const tick = clock.sleep(TICK_MS, AbortSignal.any([done.signal, signal])).then(
      () => undefined,
      () => undefined,
    )
    const first = await Promise.race([next, tick])
    done.abort()
    return first
  }

  async #tick(host: EngineHost): Promise<void> {
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
    if (facts.length > 0) await this.#put(await host.take(facts))
    this.#facts += facts.length
    this.#received = Math.max(this.#received, records.at(-1)?.timestamp ?? -Infinity)
    this.#positions[topic] = nextOffset
    this.#moved = true
    if (nextOffset >= (this.#behind?.get(topic) ?? Infinity)) this.#behind!.delete(topic)
  }

  /** The fact of a record, where it is one for this stage, and its key's state has not taken it already. */
  #place(topic: string, record: StoredRecord): PlacedFact[] {
    const { catalogue, partition, topology, system } = this.#options
    if (record.value === null) return []
    const kind = this.#kinds.get(topic)!
    try {
      const fact = decodeFact(kind, record, catalogue)
      const by = headerText(record.headers, PROCESSOR_HEADER)
      if (!this.#takes({ topic: kind, fact, by })) return []
      if (this.#taken.size > 0 && record.offset < (this.#taken.get(keyOf(fact))?.[topic] ?? 0)) return []
      return [{ fact, cause: `${topic}/${partition}/${record.offset}`, received: record.timestamp }]
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

  /** Writes what was derived, without waiting for it. */
  async #put({ outputs, faults }: Taken): Promise<void> {
    const { log, topology, stage, topics, isMine, onFault } = this.#options
    for (const fault of faults) onFault(fault)
    const records = new Map<string, NewRecord[]>()
    for (const output of outputs) {
      if (this.#repeats.size > 0 && this.#repeats.delete(output.cause)) continue
      const topic = topics.writes(topicOf(output.fact))
      const of = records.get(topic) ?? []
      records.set(topic, of)
      of.push(encodeOutput(output, topology.name, stage))
    }
    if (records.size > 0 && !isMine()) throw new Error('The lease of this task is over')
    for (const [topic, of] of records) this.#append(topic, of)
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
    const { system, commitMs = COMMIT_MS } = this.#options
    await Promise.all(this.#writing)
    if (this.#failed) throw this.#failed.error
    if (!this.#options.isMine()) throw new Error('The lease of this task is over')
    const { keys, received } = await host.changes()
    if (keys.length > 0 || this.#moved) {
      await this.#findOutputs()
      const bytes = await this.#changelog.write(keys, this.#mark(received))
      this.#waitMs = Math.max(commitMs, bytes / STATE_BYTES_PER_MS)
      this.#moved = false
    }
    this.#committedAt = system.clock.monotonic()
  }

  #mark(received: number): Mark {
    const reached = Number.isFinite(received) ? received : null
    return { ...this.#run, positions: { ...this.#positions }, received: reached, outputs: { ...this.#outputEnds } }
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

/** From the start of what is there. */
function startOf(topics: readonly string[]): { [topic: string]: readonly number[] } {
  return Object.fromEntries(topics.map((topic) => [topic, []]))
}
