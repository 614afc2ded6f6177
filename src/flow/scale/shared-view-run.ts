import type { SharedView } from '../../component/view.ts'
import type { ConsumedBatch, PartitionRef } from '../../log/groups.ts'
import type { Log, Position, ReadBatch } from '../../log/log.ts'
import { partitionOf } from '../../log/partitioner.ts'
import type { Catalogue } from '../../model/catalogue.ts'
import type { System } from '../../system/system.ts'
import { within } from '../../system/wait.ts'
import { EntryDecoder } from '../entries.ts'
import { Publisher } from './publisher.ts'

export interface SharedViewOptions {
  readonly log: Log
  /**
   * Full names of the topics that it reads and of the compacted one of its states. All exist, and have the same partitions:
   * one with another number of them is not read.
   */
  readonly topics: readonly string[]
  readonly states: string
  /** The consumer group that shares the partitions out. */
  readonly group: string
  /** Name of this hub: one that is back within its session finds its partitions where they were. */
  readonly hub: string
  /** Tells this run of this hub from all others. */
  readonly run: string
  readonly catalogue: Catalogue
  readonly system: Pick<System, 'clock' | 'random' | 'logger' | 'metrics'>
  /** How long a hub may be silent before others take its partitions, ms; default 6,000, Kafka's own lowest. */
  readonly sessionMs?: number
}

/** Waits after a failure, doubling. */
const RESTART = { firstMs: 200, mostMs: 30_000 } as const
/** Records that are taken before others get their turn: a few ms. */
const RECORDS_A_TURN = 500
/** Most bytes of one partition that are fetched at a time. */
const FETCH_BYTES = 256 * 1024
/** How often it is asked how far the other hubs are, until all is known that was there at the start. */
const ASK_MS = 250
/** How long partitions that go wait until their last states are durable; whoever gets them does it again. */
const FAREWELL_MS = 5_000
const CLOSING_MS = 8_000

/**
 * Runs a view that several hubs keep together. Each hub evolves the states of the partitions that its group gives it and
 * publishes them; all follow what is published. A hub that is given a partition knows its states from following, up to
 * the end, and goes on from what the group has committed; a record that a state has taken already is passed over.
 */
export class SharedViewRun {
  readonly #view: SharedView
  readonly #options: SharedViewOptions
  readonly #decoder: EntryDecoder
  readonly #publisher: Publisher
  /** How far the topic of states was followed, by partition. */
  readonly #followed = new Map<number, number>()
  /** Partitions that were given and are not begun with. */
  readonly #coming = new Set<number>()
  /** Of each partition that was given: which topics. */
  readonly #given = new Map<number, Set<string>>()
  /** Where the records ended when the run began, by topic and partition, as long as the states are not of all of them. */
  #behind: Map<string, number> | undefined
  #progress = Promise.withResolvers<void>()

  constructor(view: SharedView, options: SharedViewOptions) {
    this.#view = view
    this.#options = options
    this.#decoder = new EntryDecoder(view.name, options)
    this.#publisher = new Publisher({ view, ...options, topic: options.states })
  }

  /** Resolves after the signal has aborted, and what was due is published and committed, if the log answers. */
  async run(signal: AbortSignal): Promise<void> {
    const late = Promise.withResolvers<void>()
    const bound = () => {
      this.#advance()
      this.#options.system.clock.after(CLOSING_MS, () => late.resolve())
    }
    signal.addEventListener('abort', bound, { once: true })
    await Promise.race([this.#work(signal), late.promise])
  }

  async #work(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#again('follow', signal, () => this.#follow(signal)),
      this.#again('evolve', signal, () => this.#evolve(signal)),
      this.#again('catch up', signal, () => this.#catchUp(signal)),
      this.#publisher.run(signal),
    ])
  }

  /** Whether the states are of everything that was in the log when this was started, whoever has taken it. */
  get caughtUp(): boolean {
    return this.#behind?.size === 0
  }

  /** Partitions whose states this hub evolves, in order. */
  partitions(): number[] {
    return this.#publisher.partitions()
  }

  /** Does a part of the work until it is done or the signal aborts, from where it is after each failure. */
  async #again(part: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { clock, random, logger } = this.#options.system
    let waitMs: number = RESTART.firstMs
    while (!signal.aborted) {
      const began = clock.monotonic()
      try {
        await work()
        if (part === 'catch up') return
      } catch (error) {
        if (signal.aborted) return
        logger.error('A shared view failed; it goes on from where it is', {
          view: this.#view.name,
          part,
          error,
          waitMs,
        })
      }
      if (clock.monotonic() - began > RESTART.mostMs) waitMs = RESTART.firstMs
      await clock.sleep(waitMs * (0.5 + random.next() / 2), signal).catch(() => {})
      waitMs = Math.min(2 * waitMs, RESTART.mostMs)
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const positions = await this.#places()
    for (const { partition, offset } of positions) this.#followed.set(partition, offset)
    this.#advance()
    for await (const batch of this.#options.log.read(positions, { signal, maxBytes: FETCH_BYTES })) {
      await this.#adopt(batch)
    }
  }

  /** The view's places in the topic of states; those of another topic, or beyond its end, are not of these states. */
  async #places(): Promise<Position[]> {
    const { log, states } = this.#options
    const ends = await log.ends(states)
    const endOf = new Map(ends.map(({ partition, end }) => [partition, end]))
    const strange = this.#view
      .positions()
      .find(({ topic, partition, offset }) => topic !== states || offset > (endOf.get(partition) ?? 0))
    // Made anew while this runs, the topic is filled from what is known here.
    const first = this.#followed.size === 0
    if (strange !== undefined && first) {
      this.#options.system.logger.warn('A shared view is not of this log; it is rebuilt', { ...strange })
      this.#view.reset()
    }
    const own = new Map(this.#view.positions().map(({ partition, offset }) => [partition, offset]))
    return ends.map(({ partition, start, end }) => {
      const offset = own.get(partition) ?? start
      return { topic: states, partition, offset: offset > end ? start : offset }
    })
  }

  async #adopt({ topic, partition, records, nextOffset }: ReadBatch): Promise<void> {
    for (let at = 0; at < records.length; at += RECORDS_A_TURN) {
      const some = records.slice(at, at + RECORDS_A_TURN)
      const next = records[at + RECORDS_A_TURN]?.offset ?? nextOffset
      // What this hub published itself it knows.
      const states = some.flatMap(({ value, headers }) => (value === null || this.#isOwn(headers) ? [] : [value]))
      const older = this.#view.adopt({ topic, partition, states, nextOffset: next })
      // A hub that did not know that its time was over has put an older state over a newer one.
      this.#publisher.touch(partition, older)
      if (records.length > RECORDS_A_TURN) await new Promise<void>((resolve) => setImmediate(resolve))
    }
    this.#followed.set(partition, nextOffset)
    this.#advance()
  }

  #isOwn(headers: ReadBatch['records'][number]['headers']): boolean {
    const run = headers.find(([name]) => name === 'run')
    return run !== undefined && Buffer.from(run[1]).toString() === this.#options.run
  }

  async #evolve(signal: AbortSignal): Promise<void> {
    const { log, group, hub, sessionMs } = this.#options
    const topics = await this.#fittingTopics()
    try {
      const batches = log.consume({
        group,
        topics,
        together: true,
        instanceId: hub,
        ...(sessionMs !== undefined && { sessionMs }),
        maxBytes: FETCH_BYTES,
        signal,
        onAssigned: (refs) => this.#begin(refs, signal),
        onRevoked: (refs, lost) => this.#end(refs, lost),
      })
      for await (const batch of batches) await this.#take(batch)
    } finally {
      this.#coming.clear()
      this.#given.clear()
      for (const partition of this.partitions()) this.#publisher.remove(partition)
    }
  }

  /** Topics whose partitions have the same assets as those of the states. */
  async #fittingTopics(): Promise<string[]> {
    const { log, topics, states, system } = this.#options
    const wanted = (await log.ends(states)).length
    const fitting: string[] = []
    for (const topic of topics) {
      const partitions = (await log.ends(topic)).length
      if (partitions === wanted) fitting.push(topic)
      else
        system.logger.error('A topic has not the partitions of the states, so it is not in them', {
          topic,
          partitions,
          wanted,
        })
    }
    return fitting
  }

  /** Knows first all that others have published of partitions that it was given. */
  async #begin(refs: readonly PartitionRef[], signal: AbortSignal): Promise<void> {
    const given = [...new Set(refs.map(({ partition }) => partition))].filter((one) => !this.#given.has(one))
    for (const { topic, partition } of refs) {
      const topics = this.#given.get(partition)
      if (topics) topics.add(topic)
      else this.#given.set(partition, new Set([topic]))
    }
    for (const partition of given) this.#coming.add(partition)
    await this.#followUp(given, signal)
    const unpublished = this.#view.unpublished()
    for (const partition of given) if (this.#coming.delete(partition)) this.#publisher.add(partition)
    const count = this.#followed.size
    for (const key of unpublished) this.#publisher.touch(partitionOf(key, count), [key])
  }

  /** What goes to others is published and committed first. */
  async #end(refs: readonly PartitionRef[], lost: boolean): Promise<void> {
    for (const { topic, partition } of refs) this.#given.get(partition)?.delete(topic)
    const going = [...this.#given].flatMap(([partition, topics]) => (topics.size === 0 ? [partition] : []))
    if (!lost) await within(FAREWELL_MS, this.#publisher.settle(going), this.#options.system.clock)
    for (const partition of going) {
      this.#given.delete(partition)
      this.#coming.delete(partition)
      this.#publisher.remove(partition)
    }
  }

  async #take(batch: ConsumedBatch): Promise<void> {
    const { topic, partition, records, nextOffset } = batch
    for (let at = 0; at < records.length; at += RECORDS_A_TURN) {
      const entries = this.#decoder.decode(topic, partition, records.slice(at, at + RECORDS_A_TURN))
      this.#view.take(topic, entries)
      // Also what was passed over: the group has not been told yet that its state is durable.
      this.#publisher.touch(partition, new Set(entries.map(({ reading }) => reading.asset)))
      if (entries.length === RECORDS_A_TURN) await new Promise<void>((resolve) => setImmediate(resolve))
    }
    this.#publisher.done(partition, topic, () => batch.commit())
    const place = placeOf({ topic, partition })
    if (nextOffset >= (this.#behind?.get(place) ?? Infinity)) this.#behind?.delete(place)
  }

  /** Resolves when the states are of all that was there at the start, taken by this hub or by others. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { log, group, system } = this.#options
    const topics = await this.#fittingTopics()
    const ends: { readonly place: string; readonly start: number; readonly end: number }[] = []
    for (const topic of topics) {
      const own = await log.ends(topic)
      for (const { partition, start, end } of own) ends.push({ place: placeOf({ topic, partition }), start, end })
      await this.#followUp([...own.keys()], signal)
    }
    this.#behind ??= new Map(ends.filter(({ start, end }) => start < end).map(({ place, end }) => [place, end]))
    while (this.#behind.size > 0 && !signal.aborted) {
      const committed = await log.committed(group, topics)
      const taken = committed.filter((at) => at.offset >= (this.#behind?.get(placeOf(at)) ?? Infinity))
      await this.#followUp(
        taken.map(({ partition }) => partition),
        signal,
      )
      for (const at of taken) this.#behind.delete(placeOf(at))
      if (this.#behind.size > 0) await system.clock.sleep(ASK_MS, signal).catch(() => {})
    }
  }

  /** Resolves when everything was followed that is published of some partitions now. */
  async #followUp(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    if (partitions.length === 0) return
    const ends = await this.#options.log.ends(this.#options.states)
    const wanted = ends.filter(({ partition }) => partitions.includes(partition))
    const known = () => wanted.every(({ partition, end }) => (this.#followed.get(partition) ?? -1) >= end)
    while (!known() && !signal.aborted) await this.#progress.promise
  }

  #advance(): void {
    this.#progress.resolve()
    this.#progress = Promise.withResolvers()
  }
}

function placeOf({ topic, partition }: PartitionRef): string {
  return `${topic}/${partition}`
}
