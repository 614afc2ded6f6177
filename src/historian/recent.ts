import type { ViewBatch, ViewPosition } from '../component/view.ts'
import type { StoredRecord } from '../log/log.ts'
import type { System } from '../system/system.ts'
import type { Answers } from './calls.ts'
import type { Engine } from './engine.ts'
import { packRecords } from './packed.ts'
import { Progress } from './progress.ts'
import type { Frozen } from './sealing.ts'
import type { StoreSettings } from './store.ts'

export interface RecentOptions {
  readonly sealRows: number
  readonly memoryMegabytes: number
  readonly threads: number
  readonly spillDirectory: string
  readonly system: Pick<System, 'clock' | 'disk' | 'logger' | 'metrics'>
  readonly start: () => Engine
  /** Which generations in memory count from now on. */
  readonly onGenerations: (generations: readonly number[]) => void
  /** Something has changed that somebody may wait for. */
  readonly onChange: () => void
}

/** Bytes of records that are on their way to the store's thread at most. */
const MOST_BYTES = 8 << 20
/** Bytes that a sample takes in memory; there are at most two generations of them. */
const ROW_BYTES = 80
/** A hub that ends soon, as in a test, is spared the loading of the library. */
const START_AFTER_MS = 300

/**
 * What has come since the last files were made: samples in the store's memory, and how far of the log they go. When the
 * store fails they are gone, and are read from the log again, from the positions of the files.
 */
export class Recent {
  readonly #options: RecentOptions
  readonly #stop: AbortSignal
  #progress = new Progress(1, [])
  #starting: Promise<Engine> | undefined
  /** The engine that is in use: others have failed, and what comes of them counts no more. */
  #engine: Engine | undefined
  /** Numbers of the engine's places, by epoch, topic and partition. */
  #places = new Map<string, number>()
  #generation = 0
  #frozen: Frozen | undefined
  /** Samples of the current generation. */
  #rows = 0
  #frozenRows = 0
  /** When the oldest sample of the current generation came, by the monotonic clock. */
  #since: number | undefined
  #onTheWay = 0
  /** At least so many samples are on their way. */
  #recordsOnTheWay = 0
  #missed = 0
  #life = new AbortController()
  #changed = Promise.withResolvers<void>()

  constructor(options: RecentOptions, stop: AbortSignal) {
    this.#options = options
    this.#stop = stop
    stop.addEventListener('abort', () => this.#change())
  }

  positions(): readonly ViewPosition[] {
    return this.#progress.positions()
  }

  /** Samples in memory. */
  get rows(): number {
    return this.#rows + this.#frozenRows
  }

  /** Records that retention of the log removed before they were read here. */
  get missed(): number {
    return this.#missed
  }

  /** Whether there is no room for more until files were made. */
  get isFull(): boolean {
    return this.#rows >= this.#options.sealRows
  }

  /** ms since the oldest sample that is in no file came; undefined: there is none. */
  get ageMs(): number | undefined {
    if (this.#frozen !== undefined) return Infinity
    return this.#since === undefined ? undefined : this.#options.system.clock.monotonic() - this.#since
  }

  /** Aborts when the samples in memory are lost; after `rewind` there is a new one. */
  get life(): AbortSignal {
    return this.#life.signal
  }

  /** See `View.take`: hands records to the store, and waits where that has enough to do. */
  async take({ topic, partition, entries, nextOffset, skipped }: ViewBatch<StoredRecord>): Promise<void> {
    await this.#room()
    const engine = await this.engine(START_AFTER_MS)
    this.#life.signal.throwIfAborted()
    const first = this.#progress.offset(topic, partition) ?? entries[0]?.offset ?? nextOffset
    if (skipped > 0) this.#noteMissed(topic, partition, skipped)
    const place = this.#placeOf(engine, topic, partition)
    const packed = packRecords(entries)
    const size = { bytes: packed.bytes.length, records: packed.offsets.length }
    this.#progress.advance(topic, partition, first, nextOffset)
    if (packed.offsets.length === 0) return
    this.#since ??= this.#options.system.clock.monotonic()
    this.#onTheWay += size.bytes
    this.#recordsOnTheWay += size.records
    // Not awaited: the next records cross while these are taken in.
    engine.call({ kind: 'append', place, packed }).then(
      (answer) => engine === this.#engine && this.#took(topic, partition, size, answer),
      (error: unknown) => this.#lose(engine, error),
    )
  }

  /** The store, started where it is not there. @throws HistoryError, or the reason where the historian ends */
  engine(afterMs = 0): Promise<Engine> {
    // What is there serves to the end: the last samples become files by it.
    if (this.#starting !== undefined) return this.#starting
    this.#stop.throwIfAborted()
    if (afterMs === 0) return (this.#starting = this.#start())
    return this.#options.system.clock.sleep(afterMs, this.#stop).then(() => this.engine())
  }

  /**
   * Ends a generation, that it may become files; the one that was ended before, as long as it is not settled. Undefined:
   * nothing has come.
   */
  async freeze(engine: Engine): Promise<Frozen | undefined> {
    if (this.#frozen !== undefined || this.#since === undefined) return this.#frozen
    // In the same turn as the call: what was handed over before it is in the generation, and nothing else.
    const cut = this.#progress.cut()
    this.#since = undefined
    const { generation, days } = await engine.call({ kind: 'rotate' }).catch((error: unknown) => {
      this.#lose(engine, error)
      throw error
    })
    if (engine !== this.#engine) return undefined
    this.#frozenRows = days.reduce((sum, day) => sum + day.rows, 0)
    this.#rows -= this.#frozenRows
    this.#generation = generation + 1
    this.#frozen = { generation, days, ...cut }
    this.#options.onGenerations([generation, this.#generation])
    return this.#frozen
  }

  /** A frozen generation has become files. Answers which generations count now. */
  settle(frozen: Frozen): readonly number[] {
    if (this.#frozen === frozen) {
      this.#frozen = undefined
      this.#frozenRows = 0
      this.#change()
    }
    return this.#engine === undefined ? [] : [...(this.#frozen ? [this.#frozen.generation] : []), this.#generation]
  }

  /** Begins again from these positions: what is in memory is let go. */
  rewind(epoch: number, positions: readonly ViewPosition[]): void {
    this.#discard()
    this.#progress = new Progress(epoch, positions)
    this.#life = new AbortController()
  }

  get epoch(): number {
    return this.#progress.epoch
  }

  async close(): Promise<void> {
    await (await this.#starting?.catch(() => undefined))?.close()
  }

  async #start(): Promise<Engine> {
    const { system, memoryMegabytes, threads, sealRows, spillDirectory, start } = this.#options
    await system.disk.remove(spillDirectory)
    await system.disk.makeDirectory(spillDirectory)
    const engine = start()
    const settings: StoreSettings = {
      memoryMegabytes: memoryMegabytes + Math.ceil((2 * sealRows * ROW_BYTES) / 1e6),
      threads,
      spillDirectory,
    }
    this.#engine = engine
    void engine.ended.then(() => this.#lose(engine, new Error('its thread ended')))
    try {
      await engine.call({ kind: 'open', settings })
    } catch (error) {
      if (this.#engine === engine) this.#discard()
      throw error
    }
    this.#options.onGenerations([this.#generation])
    return engine
  }

  /** Waits until more may be handed over: a slow disk slows this view, and nobody else. */
  async #room(): Promise<void> {
    for (;;) {
      this.#stop.throwIfAborted()
      this.#life.signal.throwIfAborted()
      // A generation may be begun while another one becomes files, and no third.
      const most = this.#options.sealRows * (this.#frozen === undefined ? 2 : 1)
      const isFull = this.#rows + this.#recordsOnTheWay >= most
      if (this.#onTheWay < MOST_BYTES && !isFull) return
      await this.#changed.promise
    }
  }

  #placeOf(engine: Engine, topic: string, partition: number): number {
    const { epoch } = this.#progress
    const name = `${epoch}/${topic}/${partition}`
    let id = this.#places.get(name)
    if (id === undefined) {
      this.#places.set(name, (id = this.#places.size))
      engine.call({ kind: 'place', id, epoch, topic, partition }).catch((error: unknown) => this.#lose(engine, error))
    }
    return id
  }

  #took(
    topic: string,
    partition: number,
    size: { readonly bytes: number; readonly records: number },
    { rows, undecodable }: Answers['append'],
  ): void {
    const { logger, metrics } = this.#options.system
    this.#onTheWay -= size.bytes
    this.#recordsOnTheWay -= size.records
    this.#rows += rows
    metrics.counter('millrace_historian_samples_total', 'Samples that the historian has taken').add(rows)
    for (const { offset, reason } of undecodable) {
      const help = 'Records that a view could not decode and passed over'
      metrics.counter('millrace_undecodable_total', help, { view: 'historian' }).add()
      logger.warn('Cannot decode a record; it is passed over', { topic, partition, offset, reason })
    }
    this.#change()
  }

  #noteMissed(topic: string, partition: number, records: number): void {
    this.#missed += records
    const where = { code: 'HISTORY_MISSED', topic, partition, records }
    this.#options.system.logger.error('The log removed records before history had them', where)
  }

  #lose(engine: Engine, error: unknown): void {
    if (engine !== this.#engine || this.#stop.aborted) return
    this.#options.system.logger.error('The store of history failed; what was in memory is read again', { error })
    this.#discard()
    this.#life.abort(error)
    void engine.close()
  }

  #discard(): void {
    this.#starting?.then((engine) => engine.close()).catch(() => {})
    this.#starting = this.#engine = undefined
    this.#places = new Map()
    this.#generation = 0
    this.#frozen = undefined
    this.#rows = this.#frozenRows = this.#onTheWay = this.#recordsOnTheWay = 0
    this.#since = undefined
    this.#options.onGenerations([])
    this.#change()
  }

  #change(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
    this.#options.onChange()
  }
}
