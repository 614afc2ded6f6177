import type { Health } from '../component/health.ts'
import type { View, ViewBatch, ViewPosition } from '../component/view.ts'
import type { Log, StoredRecord } from '../log/log.ts'
import type { System } from '../system/system.ts'
import { Archive, type Lease } from './archive.ts'
import { startEngine, type Engine } from './engine.ts'
import { HistoryError } from './history-error.ts'
import { KINDS, type Lake } from './lake.ts'
import type { LakeFile } from './manifest.ts'
import { Recent } from './recent.ts'
import { repair } from './repair.ts'
import type { Answer } from './answer.ts'
import type { Query } from './queries.ts'
import { retained, retainedAt, type RetentionLimits } from './retention.ts'
import { compact, seal } from './sealing.ts'
import { Inspection } from './inspection.ts'

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
  /** Where files that are damaged are made again from. */
  readonly log: Pick<Log, 'ends' | 'read'>
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

/** How often it is looked whether there is something to do. */
const TICK_MS = 1_000
const RETRY = { firstMs: 1_000, mostMs: 30_000 } as const
const RETAIN_MS = 3_600_000
/** A day is over for compaction so long after its end: most of what comes late has come. */
const OVER_MS = 3_600_000
const DAY_MS = 86_400_000

/**
 * Every sample of the log, kept in files of Parquet. What has come since the last files were made is in memory, and in
 * the log: a crash loses none of it, since positions count only together with their files (`Archive.commit`), and the
 * log is read again from there.
 */
export class Historian implements View<StoredRecord> {
  readonly name = 'historian'
  readonly #options: HistorianOptions
  readonly #start: () => Engine
  readonly #archive: Archive
  readonly #recent: Recent
  readonly #inspection: Inspection
  readonly #stop = new AbortController()
  #changed = Promise.withResolvers<void>()
  #health: Health
  #retained = { monotonic: 0, done: -Infinity }
  #tending: Promise<void> | undefined
  /** What is done to the files right now. */
  #doing: Promise<void> = Promise.resolve()
  /** Somebody wants what is in memory to become files now. */
  #flushed: PromiseWithResolvers<void> | undefined

  constructor(options: HistorianOptions) {
    const { lakeDirectory, site, system } = options
    this.#options = options
    this.#start = options.start ?? startEngine
    this.#archive = new Archive(lakeDirectory, site, system)
    this.#inspection = new Inspection(this.#archive, system)
    const onGenerations = (generations: readonly number[]) => this.#archive.publish(generations)
    const parts = { ...options, start: this.#start, onGenerations, onChange: () => this.#wake() }
    this.#recent = new Recent(parts, this.#stop.signal)
    this.#health = { state: 'starting', reason: 'Reading what is stored', since: system.clock.now() }
  }

  /** Reads the manifest and begins to tend the files. Called once; again where it has thrown. @throws a system error */
  async open(): Promise<void> {
    await this.#archive.open()
    await this.#inspection.look()
    const { epoch, positions } = this.#archive.manifest
    this.#recent.rewind(epoch, positions)
    this.#retained = { ...this.#retained, monotonic: this.#options.system.clock.monotonic() }
    this.#setHealth('live', KEEPS)
    this.#tending ??= this.#tend()
  }

  positions(): readonly ViewPosition[] {
    return this.#recent.positions()
  }

  take(batch: ViewBatch<StoredRecord>): Promise<void> {
    return this.#recent.take(batch)
  }

  /** The log is another one than it was. What is stored stays, and what comes is told apart from it. */
  reset(): void {
    const { epoch } = this.#recent
    this.#options.system.logger.warn('The log is another one: what history has of the former one is kept', { epoch })
    this.#recent.rewind(epoch + 1, [])
  }

  /** Aborts when what was taken and is in no file is lost: the run of the view ends, and begins again after `recover`. */
  get life(): AbortSignal {
    return this.#recent.life
  }

  /** Begins again from what the files hold. */
  async recover(): Promise<void> {
    // What is under way may still come to count: else what it makes files of would be read once more.
    await this.#doing
    const { epoch, positions } = this.#archive.manifest
    this.#recent.rewind(epoch, positions)
  }

  /** Resolves when everything that was taken before is in files; a full disk delays it. */
  flush(): Promise<void> {
    if (this.#recent.ageMs === undefined) return Promise.resolve()
    this.#flushed ??= Promise.withResolvers<void>()
    this.#wake()
    return this.#flushed.promise
  }

  /** Ends what runs; what is in memory becomes files, where that can be done. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#tending
    this.#inspection.end()
    try {
      while (this.#recent.ageMs !== undefined) await this.#seal(await this.#recent.engine())
    } catch (error) {
      const { logger } = this.#options.system
      logger.warn('Cannot make files of the newest samples; they are read from the log again', { error })
    }
    await this.#archive.settled()
    await this.#recent.close()
  }

  /** Ends at once, as a crash would: nothing more becomes a file. */
  async abandon(): Promise<void> {
    this.#stop.abort()
    await this.#tending
    this.#inspection.end()
    await this.#recent.close()
  }

  /** What counts now; it stays readable until the lease is disposed of. @throws HistoryError `HISTORY_UNAVAILABLE` */
  async lease(): Promise<Lease> {
    if (this.#health.state === 'starting')
      throw new HistoryError('HISTORY_UNAVAILABLE', 'Cannot read history: it is being opened')
    await this.#recent.engine()
    return this.#archive.lease()
  }

  /** Copies samples in memory to a file. @throws HistoryError, or the signal's reason */
  async copy(generations: readonly number[], file: string, signal: AbortSignal): Promise<void> {
    const engine = await this.#recent.engine()
    await engine.call({ kind: 'copy', generations, file }, signal)
  }

  /** @throws HistoryError, or the signal's reason */
  async query(query: Query, signal: AbortSignal): Promise<Answer> {
    const engine = await this.#recent.engine()
    await this.prove([...query.sources.files, ...query.sources.rollups], signal)
    try {
      return await engine.call({ kind: 'query', query }, signal)
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
      const { code, message } = error
      const files = [...query.sources.files, ...query.sources.rollups]
      // It says which file it could not read, if it was one.
      const named = files.filter((file) => message.includes(file))
      throw new HistoryError(code, message, { cause: error, files: named.length > 0 ? named : files })
    }
  }

  /**
   * Called before files are read: finds damage that reading would not notice.
   * @throws HistoryError with the damaged files, or the signal's reason
   */
  async prove(paths: readonly string[], signal: AbortSignal): Promise<void> {
    const files = await this.#inspection.prove(paths, signal)
    if (files.length === 0) return
    throw new HistoryError('HISTORY_UNAVAILABLE', `Cannot read "${files[0]}": it is damaged`, { files })
  }

  /**
   * Looks at files that could not be read; those that are damaged do not count any more.
   * @returns whether there were any, and reading may go better now
   */
  async inspect(paths: readonly string[]): Promise<boolean> {
    const { lake, manifest } = this.#archive
    const isMeant = (file: LakeFile) => KINDS.some((kind) => paths.includes(lake.path(kind, file)))
    const meant = manifest.files.filter(isMeant)
    // Somebody else has found out, or they were merged.
    if (meant.length === 0) return true
    const inspected = this.#inspection.ask(meant)
    this.#wake()
    return inspected
  }

  get lake(): Lake {
    return this.#archive.lake
  }

  /** Where roll-ups of files are: in files of their own, or still to be made again from samples. */
  rollupsOf(files: readonly LakeFile[]): { readonly rollups: readonly string[]; readonly unrolled: readonly string[] } {
    const { remake } = this.#inspection
    return {
      rollups: files.filter(({ number }) => !remake.has(number)).map((file) => this.lake.path('rollups', file)),
      unrolled: files.filter(({ number }) => remake.has(number)).map((file) => this.lake.path('samples', file)),
    }
  }

  status(): HistorianStatus {
    const { files } = this.#archive.manifest
    const stored = files.reduce((sum, { rows, bytes }) => (bytes === undefined ? sum : sum + rows), 0)
    return {
      health: this.#health,
      samples: stored + this.#recent.rows,
      inMemory: this.#recent.rows,
      files: files.length,
      bytes: files.reduce((sum, { bytes = 0, rollupBytes }) => sum + bytes + rollupBytes, 0),
      missed: this.#recent.missed,
    }
  }

  async #tend(): Promise<void> {
    const { clock, logger, random } = this.#options.system
    const { signal } = this.#stop
    let waitMs: number = RETRY.firstMs
    while (!signal.aborted) {
      // Of before: what comes up while something is done is not to wait.
      const changed = this.#changed.promise
      const done = this.#tendOnce()
      this.#doing = done.catch(() => {})
      try {
        await done
        if (this.#health.state === 'down') logger.info('History is kept again')
        this.#setHealth('live', KEEPS)
        waitMs = RETRY.firstMs
        await this.#idle(TICK_MS, changed)
      } catch (error) {
        if (signal.aborted) return
        if (this.#health.state !== 'down') logger.error('History cannot be stored; it goes on by itself', { error })
        this.#setHealth('down', `Cannot store history: ${error instanceof Error ? error.message : String(error)}`)
        await clock.sleep(waitMs * (0.5 + random.next() / 2), signal).catch(() => {})
        waitMs = Math.min(2 * waitMs, RETRY.mostMs)
      }
    }
  }

  async #tendOnce(): Promise<void> {
    const { clock } = this.#options.system
    const { fileRows } = this.#options
    const { signal } = this.#stop
    await this.#inspection.answer()
    await this.#sealDue()
    await this.#archive.tidy()
    if (await repair(this.#archive, { ...this.#options, start: this.#start }, signal)) this.#wake()
    const isOver = (day: number) => (day + 1) * DAY_MS + OVER_MS <= clock.now()
    const isBusy = this.#recent.isFull
    const merging = { fileRows, isOver, isBusy, inspection: this.#inspection }
    if (await compact(this.#archive, () => this.#recent.engine(), merging)) this.#wake()
    if (clock.monotonic() - this.#retained.done >= RETAIN_MS) await this.#retain()
  }

  /** Makes files of what is old, of too many samples, or asked for: one generation, and one that could not be sealed before. */
  async #sealDue(): Promise<void> {
    const flushed = this.#flushed
    this.#flushed = undefined
    const { sealEveryMs } = this.#options
    const isDue = () => flushed !== undefined || this.#recent.isFull || (this.#recent.ageMs ?? 0) >= sealEveryMs
    try {
      for (let round = 0; round < 2 && this.#recent.ageMs !== undefined && isDue(); round++) {
        await this.#seal(await this.#recent.engine())
      }
    } catch (error) {
      const newer = this.#flushed as PromiseWithResolvers<void> | undefined
      this.#flushed = flushed ?? newer
      if (flushed && newer) void flushed.promise.then(newer.resolve)
      throw error
    }
    flushed?.resolve()
  }

  async #seal(engine: Engine): Promise<void> {
    const frozen = await this.#recent.freeze(engine)
    if (frozen !== undefined) await seal(this.#archive, engine, frozen, () => this.#recent.settle(frozen))
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

  async #idle(ms: number, changed: Promise<void>): Promise<void> {
    const wait = new AbortController()
    const over = this.#options.system.clock.sleep(ms, AbortSignal.any([this.#stop.signal, wait.signal])).catch(() => {})
    await Promise.race([over, changed])
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

const KEEPS = 'Keeps what the log has'
