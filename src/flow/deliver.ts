import type { Health } from '../component/health.ts'
import { Undeliverable, type DeliverySettings, type Outgoing, type Sink } from '../component/sink.ts'
import type { Fact } from '../component/topology.ts'
import type { ConsumedBatch } from '../log/groups.ts'
import { LogError } from '../log/log.ts'
import type { Log, StoredRecord } from '../log/log.ts'
import type { Catalogue } from '../model/catalogue.ts'
import { topicName } from '../model/path.ts'
import type { System } from '../system/system.ts'
import { decodeFact } from './topology/facts.ts'

export interface DeliveryOptions {
  /** Name of the sink in the config. */
  readonly name: string
  readonly site: string
  /** Whose position in the log it is. */
  readonly group: string
  readonly log: Log
  readonly catalogue: Pick<Catalogue, 'tags'>
  readonly settings: DeliverySettings
  readonly sink: Sink
  readonly system: Pick<System, 'clock' | 'random' | 'logger' | 'metrics'>
}

/** Pauses between tries, doubling, jittered. */
const RETRY = { firstMs: 500, mostMs: 60_000 } as const
/** Bytes of a partition that are fetched at a time, and records that are decoded at a time. */
const FETCH = { maxBytes: 256 * 1024, lotRecords: 500 } as const

/**
 * Delivers the facts of the log to a sink until the signal aborts. The position is that of a group in the log, so hubs that share
 * the log share the work, and a sink goes on where it was. It reads for itself: a slow sink slows nobody else. What cannot be
 * delivered is let go by a policy with a name and a counter, and what comes after it goes on.
 */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #selects: (fact: Fact) => boolean
  readonly #dropped = new Map<string, number>()
  #delivered = 0
  #health: Health

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#selects = options.settings.selector(options.site)
    this.#health = { state: 'starting', reason: 'nothing was delivered yet', since: options.system.clock.now() }
  }

  health(): Health {
    return this.#health
  }

  /** Facts since this hub began: those that the other side has taken, and those that were let go, by policy. */
  counts(): { readonly delivered: number; readonly dropped: { readonly [policy: string]: number } } {
    return { delivered: this.#delivered, dropped: Object.fromEntries(this.#dropped) }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { name, site, group, log, settings, system } = this.#options
    const topics = settings.topics.map((kind) => topicName(site, kind))
    while (!signal.aborted) {
      try {
        for await (const batch of log.consume({ group, topics, from: settings.from, signal, ...FETCH }))
          await this.#take(batch, signal)
      } catch (error) {
        if (signal.aborted) break
        system.logger.error('A sink failed; it goes on from its position', { sink: name, error })
        await system.clock.sleep(RETRY.firstMs * 4, signal).catch(() => {})
      }
    }
    await this.#options.sink.close()
    this.#tell('stopped', 'the hub ends')
  }

  async #take(batch: ConsumedBatch, signal: AbortSignal): Promise<void> {
    const { settings } = this.#options
    const facts = batch.records.flatMap((record) => this.#outgoing(batch, record))
    for (let at = 0; at < facts.length && !signal.aborted; at += settings.batch)
      await this.#deliver(facts.slice(at, at + settings.batch), signal)
    if (!signal.aborted) await this.#commit(batch)
  }

  /** A partition that went meanwhile, as all do when the coordinator is lost for long, is delivered from its position by who has it. */
  async #commit(batch: ConsumedBatch): Promise<void> {
    const { name, system } = this.#options
    try {
      await batch.commit()
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'GROUP_FENCED') throw error
      const { topic, partition } = batch
      system.logger.warn('Delivered, but too late to say so: it is delivered again', { sink: name, topic, partition })
    }
  }

  #outgoing({ topic, partition }: ConsumedBatch, record: StoredRecord): Outgoing[] {
    const { site, catalogue, settings, system } = this.#options
    const place = `${topic}/${partition}/${record.offset}`
    const kind = settings.topics.find((one) => topicName(site, one) === topic)
    if (record.value === null || kind === undefined) return []
    try {
      const fact = decodeFact(kind, record, catalogue)
      if (!this.#selects(fact)) return []
      if (system.clock.now() - record.timestamp > settings.freshMs) return this.#letGo('stale', 1)
      return [{ fact, place, receivedTime: record.timestamp }]
    } catch (error) {
      system.logger.warn('Cannot decode a record; it is passed over', { place, error })
      return this.#letGo('undecodable', 1)
    }
  }

  /** Tries until the batch is taken, refused, or too old to be tried again. */
  async #deliver(batch: readonly Outgoing[], signal: AbortSignal): Promise<void> {
    const { sink, settings, name, system } = this.#options
    const begin = system.clock.monotonic()
    for (let waitMs: number = RETRY.firstMs; !signal.aborted; waitMs = Math.min(2 * waitMs, RETRY.mostMs)) {
      try {
        await sink.deliver(batch, signal)
        this.#delivered += batch.length
        this.#tell('live', `delivered ${batch.at(-1)!.place}`)
        this.#count('millrace_sink_delivered_total', 'Facts that a sink has handed over', {}, batch.length)
        return
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof Undeliverable && batch.length > 1) return this.#oneByOne(batch, signal)
        const reason = (error as Error).message
        const isRefused = error instanceof Undeliverable
        this.#tell(isRefused ? 'failed' : 'down', reason)
        if (isRefused || system.clock.monotonic() - begin >= settings.retryForMs) {
          const policy = isRefused ? 'refused' : 'retries-ended'
          system.logger.warn('Cannot deliver; it is let go', { sink: name, policy, place: batch[0]!.place, reason })
          this.#letGo(policy, batch.length)
          return
        }
      }
      await system.clock.sleep(waitMs * (0.5 + system.random.next() / 2), signal).catch(() => {})
    }
  }

  /** One that is refused must not take the others with it. */
  async #oneByOne(batch: readonly Outgoing[], signal: AbortSignal): Promise<void> {
    for (const one of batch) await this.#deliver([one], signal)
  }

  #letGo(policy: string, count: number): [] {
    this.#dropped.set(policy, (this.#dropped.get(policy) ?? 0) + count)
    this.#count('millrace_sink_dropped_total', 'Facts that a sink let go, by policy', { policy }, count)
    return []
  }

  #count(metric: string, help: string, labels: { readonly [name: string]: string }, count: number): void {
    this.#options.system.metrics.counter(metric, help, { sink: this.#options.name, ...labels }).add(count)
  }

  #tell(state: Health['state'], reason: string): void {
    const now = this.#options.system.clock.now()
    const { state: before, since, lastData } = this.#health
    const last = state === 'live' ? now : lastData
    this.#health = {
      state,
      reason,
      since: state === before ? since : now,
      ...(last === undefined ? {} : { lastData: last }),
    }
  }
}
