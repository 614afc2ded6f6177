import type { Health } from '../component/health.ts'
import type { View, ViewBatch, ViewPosition } from '../component/view.ts'
import type { StoredRecord } from '../log/log.ts'
import type { System } from '../system/system.ts'
import { Archive, type Lease } from './archive.ts'
import type { Answers } from './calls.ts'
import { startEngine, type Engine } from './engine.ts'
import { HistoryError } from './history-error.ts'
import { packRecords } from './packed.ts'
import { Progress } from './progress.ts'
import type { Answer, Query } from './queries.ts'
import { retained, retainedAt, type RetentionLimits } from './retention.ts'
import { compact, seal, type Frozen } from './sealing.ts'
import type { StoreSettings } from './store.ts'

export interface HistorianOptions extends RetentionLimits {
  readonly site: string
  /** Folder of the files that are the history. */
  readonly lakeDirectory: string
  /** Folder of what can be thrown away at any time. */
  readonly spillDirectory: string
  /** Age and number of samples in memory at which they become files. */
  readonly sealEveryMs: number
  readonly sealRows: number
  readonly fileRows: number
  readonly memoryMegabytes: number
  readonly threads: number
  readonly system: Pick<System, 'clock' | 'disk' | 'logger' | 'metrics' | 'random'>
  /** What holds the samples in memory and makes the files; tests hand in one that fails. */
  readonly start?: () => Engine
}

export interface HistorianStatus {
  readonly health: Health
  /** Samples in the files and in memory. */
  readonly samples: number
  readonly inMemory: number
  readonly files: number
  readonly bytes: number
  /** Records that retention of the log removed before they were read here. */
  readonly missed: number
}

/** Bytes of records that are on their way to the store's thread at most. */
const MOST_BYTES = 8 << 20
/** How often it is looked whether there is something to do. */
const TICK_MS = 1_000
const RETRY = { firstMs: 1_000, mostMs: 30_000 } as const
const RETAIN_MS = 3_600_000
/** A day is over for compaction so long after its end: most of what comes late has come. */
const OVER_MS = 3_600_000
/** Bytes that a sample takes in memory, at most two generations of them. */
const ROW_BYTES = 80
/** A hub that ends soon, as in a test, is spared the loading of the library. */
const START_AFTER_MS = 300

/**
 * Every sample of the log, kept in files of Parquet. What has come since the last files were made is in memory, and in
 * the log: a crash loses none of it, since positions count only together with their files (`Archive.commit`), and the
 * log is read again from there.
 */
export class Historian implements View<StoredRecord> {
  readonly name = 'historian'
  readonly #options: HistorianOptions
  readonly #archive: Archive
  readonly #stop = new AbortController()
  #progress = new Progress(1, [])
  #engine: Promise<Engine> | undefined
  /** The engine that is in use: others have failed, and what comes of them counts no more. */
  #own: Engine | undefined
  /** Numbers of the engine's places, by epoch, topic and partition. */
  #places = new Map<string, number>()
  #generation = 0
  #frozen: Frozen | undefined
  /** Samples in memory, in the current generation. */
  #rows = 0
  #frozenRows = 0
  /** When the oldest sample of the current generation came, by the monotonic clock. */
  #since: number | undefined
  #onTheWay = 0
  /** The store failed, and the view has not been told yet. */
  #broken: { readonly error: unknown } | undefined
  #sealing: Promise<void> = Promise.resolve()
  #changed = Promise.withResolvers<void>()
  #health: Health
  #missed = 0
  #retained = { monotonic: 0, done: -Infinity }
  #tending: Promise<void> | undefined
  /** Somebody wants what is in memory to become files now. */
  #flushed: PromiseWithResolvers<void> | undefined

  constructor(options: HistorianOptions) {
    const { lakeDirectory, site, system } = options
    this.#options = options
    this.#archive = new Archive(lakeDirectory, site, system)
    this.#health = { state: 'starting', reason: 'Reading what is stored', since: system.clock.now() }
  }

  /** Reads the manifest and begins to tend the files. Called once; again where it has thrown. @throws a system error */
  async open(): Promise<void> {
    await this.#archive.open()
    this.#rewind()
    this.#retained = { ...this.#retained, monotonic: this.#options.system.clock.monotonic() }
    this.#setHealth('live', 'Keeps what the log has')
    this.#tending ??= this.#tend()
  }

  positions(): readonly ViewPosition[] {
    return this.#progress.positions()
  }

  async take(batch: ViewBatch<StoredRecord>): Promise<void> {
    const { topic, partition, entries, nextOffset, skipped } = batch
    await this.#room()
    const engine = await this.#started(START_AFTER_MS)
    await this.#checkBroken()
    const first = this.#progress.offset(topic, partition) ?? entries[0]?.offset ?? nextOffset
    if (skipped > 0) this.#noteMissed(topic, partition, skipped)
    const place = this.#placeOf(engine, topic, partition)
    const packed = packRecords(entries)
    const bytes = packed.bytes.length
    this.#progress.advance(topic, partition, first, nextOffset)
    if (packed.offsets.length === 0) return
    this.#since ??= this.#options.system.clock.monotonic()
    this.#onTheWay += bytes
    // Not awaited: the next records cross while these are taken in.
    engine.call({ kind: 'append', place, packed }).then(
      (answer) => this.#took(topic, partition, bytes, answer),
      (error: unknown) => this.#lose(engine, error),
    )
  }

  /** The log is another one than it was. What is stored stays, and what comes is told apart from it. */
  reset(): void {
    const { epoch } = this.#progress
    this.#options.system.logger.warn('The log is another one: what history has of the former one is kept', { epoch })
    this.#discard()
    this.#progress = new Progress(epoch + 1, [])
  }

  /** Resolves when everything that was taken before is in files; a full disk delays it. */
  flush(): Promise<void> {
    if (this.#since === undefined && this.#frozen === undefined) return Promise.resolve()
    this.#flushed ??= Promise.withResolvers<void>()
    this.#wake()
    return this.#flushed.promise
  }

  /** Ends what runs; what is in memory becomes files, where that can be done soon. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#wake()
    await this.#tending
    try {
      if (this.#engine !== undefined && !this.#broken) await this.#sealAll(await this.#engine)
    } catch (error) {
      this.#options.system.logger.warn('Cannot make files of the newest samples; they are read from the log again', {
        error,
      })
    }
    await (await this.#engine?.catch(() => undefined))?.close()
  }

  /** Ends at once, as a crash would: nothing more becomes a file. */
  async abandon(): Promise<void> {
    this.#stop.abort()
    this.#wake()
    await this.#tending
    await (await this.#engine?.catch(() => undefined))?.close()
  }

  /** What counts now; it stays readable until the lease is disposed of. @throws HistoryError `HISTORY_UNAVAILABLE` */
  async lease(): Promise<Lease> {
    if (this.#health.state === 'starting')
      throw new HistoryError('HISTORY_UNAVAILABLE', 'Cannot read history: it is being opened')
    await this.#started(0)
    return this.#archive.lease()
  }

  /** @throws HistoryError, or the signal's reason */
  async query(query: Query, signal: AbortSignal): Promise<Answer> {
    const engine = await this.#started(0)
    return engine.call({ kind: 'query', query }, signal)
  }

  get lake() {
    return this.#archive.lake
  }

  status(): HistorianStatus {
    const { files } = this.#archive.manifest
    const stored = files.reduce((sum, { rows, bytes }) => (bytes === undefined ? sum : sum + rows), 0)
    return {
      health: this.#health,
      samples: stored + this.#rows + this.#frozenRows,
      inMemory: this.#rows + this.#frozenRows,
      files: files.length,
      bytes: files.reduce((sum, { bytes = 0, rollupBytes }) => sum + bytes + rollupBytes, 0),
      missed: this.#missed,
    }
  }

  /** Waits until more may be handed over: a slow disk slows this view, and nobody else. */
  async #room(): Promise<void> {
    const { sealRows } = this.#options
    while (!this.#stop.signal.aborted) {
      await this.#checkBroken()
      const isFull = this.#rows >= sealRows && this.#frozen !== undefined
      if (this.#onTheWay < MOST_BYTES && !isFull) return
      await this.#changed.promise
    }
    this.#stop.signal.throwIfAborted()
  }

  #started(afterMs: number): Promise<Engine> {
    this.#stop.signal.throwIfAborted()
    if (this.#engine !== undefined) return this.#engine
    if (afterMs === 0) return (this.#engine = this.#startEngine())
    const { clock } = this.#options.system
    return clock.sleep(afterMs, this.#stop.signal).then(() => this.#started(0))
  }

  async #startEngine(): Promise<Engine> {
    const { system, memoryMegabytes, threads, sealRows, spillDirectory, start = startEngine } = this.#options
    await system.disk.remove(spillDirectory)
    await system.disk.makeDirectory(spillDirectory)
    const engine = start()
    const settings: StoreSettings = {
      memoryMegabytes: memoryMegabytes + Math.ceil((2 * sealRows * ROW_BYTES) / 1e6),
      threads,
      spillDirectory,
    }
    this.#own = engine
    void engine.ended.then(() => this.#lose(engine, new Error('its thread ended')))
    try {
      await engine.call({ kind: 'open', settings })
    } catch (error) {
      if (this.#own === engine) this.#discard()
      throw error
    }
    this.#archive.publish([this.#generation])
    return engine
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

  #took(topic: string, partition: number, bytes: number, { rows, undecodable }: Answers['append']): void {
    const { logger, metrics } = this.#options.system
    this.#onTheWay -= bytes
    this.#rows += rows
    metrics.counter('millrace_historian_samples_total', 'Samples that the historian has taken').add(rows)
    for (const { offset, reason } of undecodable) {
      const help = 'Records that a view could not decode and passed over'
      metrics.counter('millrace_undecodable_total', help, { view: this.name }).add()
      logger.warn('Cannot decode a record; it is passed over', { topic, partition, offset, reason })
    }
    this.#wake()
  }

  #noteMissed(topic: string, partition: number, records: number): void {
    this.#missed += records
    this.#options.system.logger.error('The log removed records before history had them', {
      code: 'HISTORY_MISSED',
      topic,
      partition,
      records,
    })
  }

  /** The samples in memory are gone: they are read from the log again, once the view is told (`#checkBroken`). */
  #lose(engine: Engine, error: unknown): void {
    if (engine !== this.#own || this.#stop.signal.aborted) return
    this.#options.system.logger.error('The store of history failed; what was in memory is read again', { error })
    this.#discard()
    this.#broken = { error }
    void engine.close()
    this.#wake()
  }

  #discard(): void {
    this.#own = undefined
    void this.#engine?.then((engine) => engine.close()).catch(() => {})
    this.#engine = undefined
    this.#places = new Map()
    this.#generation = 0
    this.#frozen = undefined
    this.#rows = this.#frozenRows = this.#onTheWay = 0
    this.#since = undefined
    this.#archive.publish([])
  }

  #rewind(): void {
    const { epoch, positions } = this.#archive.manifest
    this.#progress = new Progress(epoch, positions)
  }

  /**
   * Whoever runs the view begins again from the positions: what was handed over since is not here. A sealing that is under
   * way may still come to count, so it is waited for: else what it made files of would be read once more.
   */
  async #checkBroken(): Promise<void> {
    const broken = this.#broken
    if (broken === undefined) return
    await this.#sealing
    this.#broken = undefined
    this.#rewind()
    throw broken.error
  }

  async #tend(): Promise<void> {
    const { clock, logger, random } = this.#options.system
    let waitMs: number = RETRY.firstMs
    while (!this.#stop.signal.aborted) {
      try {
        await this.#tendOnce()
        if (this.#health.state === 'down') logger.info('History is kept again')
        this.#setHealth('live', 'Keeps what the log has')
        waitMs = RETRY.firstMs
        await this.#idle(TICK_MS)
      } catch (error) {
        if (this.#stop.signal.aborted) return
        if (this.#health.state !== 'down') logger.error('History cannot be stored; it goes on by itself', { error })
        this.#setHealth('down', `Cannot store history: ${error instanceof Error ? error.message : String(error)}`)
        await clock.sleep(waitMs * (0.5 + random.next() / 2), this.#stop.signal).catch(() => {})
        waitMs = Math.min(2 * waitMs, RETRY.mostMs)
      }
    }
  }

  async #tendOnce(): Promise<void> {
    const { clock } = this.#options.system
    const { sealRows, sealEveryMs, fileRows } = this.#options
    const flushed = this.#flushed
    this.#flushed = undefined
    try {
      const isOld = this.#since !== undefined && clock.monotonic() - this.#since >= sealEveryMs
      if (this.#frozen !== undefined) await this.#seal(await this.#started(0))
      if (flushed !== undefined || isOld || this.#rows >= sealRows) await this.#seal(await this.#started(0))
      flushed?.resolve()
    } catch (error) {
      this.#flushed = flushed
      throw error
    }
    const isOver = (day: number) => (day + 1) * 86_400_000 + OVER_MS <= clock.now()
    if (await compact(this.#archive, () => this.#started(0), fileRows, isOver)) this.#wake()
    if (clock.monotonic() - this.#retained.done >= RETAIN_MS) await this.#retain()
  }

  #seal(engine: Engine): Promise<void> {
    const sealed = this.#sealOne(engine)
    this.#sealing = sealed.catch(() => {})
    return sealed
  }

  async #sealOne(engine: Engine): Promise<void> {
    if (this.#frozen === undefined && this.#since === undefined) return
    this.#frozen ??= await this.#freeze(engine)
    const frozen = this.#frozen
    if (frozen === undefined) return
    const generations = () => (this.#frozen === frozen ? [this.#generation] : this.#archive.generations)
    await seal(this.#archive, engine, frozen, generations)
    if (this.#frozen !== frozen) return
    this.#frozen = undefined
    this.#frozenRows = 0
    this.#wake()
  }

  /** Undefined: the store failed in the meantime, and what it had is read again. */
  async #freeze(engine: Engine): Promise<Frozen | undefined> {
    // In the same turn as the call: what was handed over before it is in the generation, and nothing else.
    const cut = this.#progress.cut()
    this.#since = undefined
    const { generation, days } = await engine.call({ kind: 'rotate' }).catch((error: unknown) => {
      this.#lose(engine, error)
      throw error
    })
    if (engine !== this.#own) return undefined
    const rows = days.reduce((sum, day) => sum + day.rows, 0)
    this.#frozenRows = rows
    this.#rows -= rows
    this.#generation = generation + 1
    this.#archive.publish([generation, this.#generation])
    return { generation, days, ...cut }
  }

  async #sealAll(engine: Engine): Promise<void> {
    if (this.#frozen !== undefined) await this.#seal(engine)
    await this.#seal(engine)
  }

  async #retain(): Promise<void> {
    const { clock } = this.#options.system
    const monotonic = clock.monotonic()
    const { manifest } = this.#archive
    const at = retainedAt(manifest.retainedAt, clock.now(), monotonic - this.#retained.monotonic)
    const files = retained(manifest, at, this.#options)
    if (manifest.files.length > 0) await this.#archive.commit({ files, retainedAt: at })
    this.#retained = { monotonic, done: monotonic }
  }

  async #idle(ms: number): Promise<void> {
    const wait = new AbortController()
    const over = this.#options.system.clock.sleep(ms, AbortSignal.any([this.#stop.signal, wait.signal])).catch(() => {})
    await Promise.race([over, this.#changed.promise])
    wait.abort()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  #setHealth(state: Health['state'], reason: string): void {
    if (this.#health.state === state && this.#health.reason === reason) return
    this.#health = { state, reason, since: this.#options.system.clock.now() }
  }
}
