import type { View, ViewBatch, ViewEntry, ViewPosition } from '../component/view.ts'
import type { Catalogue } from '../model/catalogue.ts'
import { typedValue } from '../model/record.ts'
import { replaceFile } from '../system/disk.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/system.ts'
import { PathIndex } from './path-index.ts'
import { readSnapshot, SnapshotWriter, twinLine, type Snapshot } from './snapshot.ts'
import { compareTaken, evolve, newTwin, type TagState, type Twin, type TwinTopic } from './twin.ts'

/**
 * `ages`: a value is stale when nothing newer came for its limit. `holds`: the source reports changes only and is live,
 * so a value holds, unless its tag names a limit. `down`: whatever it sent is stale, however young.
 */
export type SourceVerdict = 'ages' | 'holds' | 'down'

export interface TwinsOptions {
  /** Folder of the snapshot; made where it is missing. */
  readonly directory: string
  readonly catalogue: Catalogue
  readonly system: Pick<System, 'clock' | 'disk' | 'logger'>
  /** Age in ms beyond which a value is stale where its tag's definition names none; default 60,000. */
  readonly staleAfterMs?: number
  /** How often the snapshot is written if something changed, in ms; default 10,000, and more rarely when it is large. */
  readonly everyMs?: number
}

const STALE_AFTER_MS = 60_000
const EVERY_MS = 10_000
/** Records after which it is written before its time: what a start after a crash reads again is bounded by this. */
const SAVE_AFTER = 50_000
/** However fast records come, snapshots are at least this far apart. */
const APART_MS = 1_000
/** A snapshot writes at most this much on average, so that a large one does not wear the disk out. */
const BYTES_PER_MS = 4_000
/** Tags that are written down before others get their turn: about 2 ms. */
const TAGS_A_TURN = 1_000

/**
 * The state of all assets, kept from the log: for each tag the newest value with its quality and its times. State and
 * positions are written to one file, atomically; without it, or when it is damaged, they are rebuilt from the log and
 * are the same to the byte.
 */
export class Twins implements View {
  readonly name = 'twins'
  readonly #options: TwinsOptions
  readonly #listeners = new Set<(path: string) => void>()
  readonly #verdicts = new Map<string, SourceVerdict>()
  readonly #announced = new Set<string>()
  readonly #sources = new Map<string, string>()
  readonly #index = new PathIndex()
  #twins = new Map<string, Twin>()
  #positions = new Map<string, ViewPosition>()
  #changed = false
  /** Records taken since the last snapshot. */
  #sinceSaved = 0
  #saving: Saving | undefined
  #saved: Promise<void> | undefined
  #timer: Timer | undefined
  #notBefore = 0
  /** The last snapshot could not be written, and the log has been told so. */
  #unsaved = false

  constructor(options: TwinsOptions) {
    this.#options = options
  }

  /** Reads the snapshot, if there is a good one, and begins to write new ones. Called once, before the view is run. */
  async open(): Promise<void> {
    const { directory, system } = this.#options
    await system.disk.makeDirectory(directory)
    await this.#load()
    this.#timer = system.clock.every(this.#options.everyMs ?? EVERY_MS, () => void this.#tick())
  }

  /** Writes the last snapshot. The view must not run any more. */
  async close(): Promise<void> {
    this.#timer?.cancel()
    try {
      await this.#saved
      if (this.#changed) await this.save()
    } catch (error) {
      this.#options.system.logger.warn('Cannot write the last snapshot of the twins; they are read from the log', {
        error,
      })
    }
  }

  get(path: string): Twin | undefined {
    return this.#twins.get(path)
  }

  /** Assets that are declared are listed before they have sent anything. */
  announce(paths: Iterable<string>): void {
    for (const path of paths) {
      if (this.#announced.has(path)) continue
      this.#announced.add(path)
      if (!this.#twins.has(path)) this.#index.add(path)
    }
  }

  /** Paths in order: `under` itself and what is below it ('' is everything), after `after`, at most `limit`. */
  list(under: string, after: string | undefined, limit: number): string[] {
    return this.#index.list(under, after, limit)
  }

  /** Assets that have sent something. */
  get size(): number {
    return this.#twins.size
  }

  /**
   * Calls `listener` with the path of each asset that changed, once a record. It must be cheap and must not throw.
   * @returns ends the subscription
   */
  subscribe(listener: (path: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Says what to make of the values that a source sent last; without a word they age. */
  judge(source: string, verdict: SourceVerdict): void {
    this.#verdicts.set(source, verdict)
  }

  /**
   * Whether a value must not be taken for the present: its source is down, or the value is older than its limit.
   * Ages are monotonic, so a step of the wall clock neither refreshes nor ages anything; only for values from before
   * this process started the wall time of their receipt counts.
   */
  isStale(path: string, tag: string, state: TagState): boolean {
    const verdict = this.#verdicts.get(state.source) ?? 'ages'
    if (verdict === 'down') return true
    const own = this.#options.catalogue.tags(path)?.get(tag)?.staleAfterMs
    if (own === undefined && verdict === 'holds') return false
    const age = this.#options.system.clock.monotonic() - state.heardAt
    return age > (own ?? this.#options.staleAfterMs ?? STALE_AFTER_MS)
  }

  positions(): readonly ViewPosition[] {
    return [...this.#positions.values()]
  }

  take({ topic, partition, entries, nextOffset }: ViewBatch): void {
    const heardAt = this.#ageing()
    for (const { reading, source } of entries) {
      const twin = this.#twinOf(reading.asset)
      this.#saving?.keep(twin)
      if (!evolve(twin, reading, this.#shared(source), heardAt(reading.receivedTime))) continue
      for (const listener of this.#listeners) listener(reading.asset)
    }
    this.moveTo({ topic, partition, offset: nextOffset })
    this.#noteChanges(entries.length)
  }

  /**
   * Takes records where hubs share the twins: what a twin has taken already, here or on the hub that published it, is
   * passed over, so that each record counts once. The twin's own place is kept, not the view's.
   */
  takeOnce(topic: TwinTopic, entries: readonly ViewEntry[]): void {
    const heardAt = this.#ageing()
    for (const { offset, reading, source } of entries) {
      const twin = this.#twinOf(reading.asset)
      if (offset < (twin.taken?.[topic] ?? 0)) continue
      this.#saving?.keep(twin)
      twin.taken ??= { telemetry: 0, derived: 0 }
      twin.taken[topic] = offset + 1
      if (!evolve(twin, reading, this.#shared(source), heardAt(reading.receivedTime))) continue
      for (const listener of this.#listeners) listener(reading.asset)
    }
    this.#noteChanges(entries.length)
  }

  /**
   * Takes a twin as another hub has published it, unless what is known here is of as many records or more, or of others:
   * a hub whose time was over has taken some that are not in this one, and whoever's they are takes them again.
   */
  adopt(twin: Twin): 'taken' | 'known' | 'older' {
    const before = this.#twins.get(twin.path)
    const known = before?.taken && compareTaken(before.taken, twin.taken)
    if (known !== undefined && known !== 'behind') return known === 'same' ? 'known' : 'older'
    const heardAt = this.#ageing()
    for (const [tag, state] of twin.tags) {
      const known = before?.tags.get(tag)
      // What was heard already is as old as it was: its age is not to follow a step of the wall clock.
      const same = known !== undefined && known.receivedTime === state.receivedTime
      const source = this.#shared(state.source)
      twin.tags.set(tag, { ...state, source, heardAt: same ? known.heardAt : heardAt(state.receivedTime) })
    }
    if (before !== undefined) this.#saving?.keep(before)
    else if (!this.#announced.has(twin.path)) this.#index.add(twin.path)
    this.#twins.set(twin.path, twin)
    this.retype(twin.path)
    this.#noteChanges(1)
    for (const listener of this.#listeners) listener(twin.path)
    return 'taken'
  }

  /** Keeps up to where the view has come, for the next snapshot. */
  moveTo(position: ViewPosition): void {
    this.#positions.set(`${position.topic}/${position.partition}`, position)
    this.#changed = true
  }

  /** All twins, in no order. */
  all(): IterableIterator<Twin> {
    return this.#twins.values()
  }

  /**
   * The definition of an asset has come later than values of it, from another hub: they are given their types, so that
   * the twin is the one that it would have been.
   */
  retype(path: string): void {
    const twin = this.#twins.get(path)
    const definitions = this.#options.catalogue.tags(path)
    if (twin === undefined || definitions === undefined) return
    let changed = false
    for (const [tag, state] of twin.tags) {
      const definition = definitions.get(tag)
      const value = definition === undefined ? state.value : typedValue(state.value, definition)
      if (value === state.value) continue
      this.#saving?.keep(twin)
      twin.tags.set(tag, { ...state, value })
      changed = true
    }
    if (!changed) return
    this.#changed = true
    for (const listener of this.#listeners) listener(path)
  }

  reset(): void {
    this.#twins = new Map()
    this.#positions = new Map()
    this.#saving = undefined
    this.#changed = true
    this.#index.clear()
    for (const path of this.#announced) this.#index.add(path)
  }

  /** Writes state and positions down as they are now, while both go on. */
  save(): Promise<void> {
    this.#saved ??= this.#save().finally(() => {
      this.#saved = undefined
    })
    return this.#saved
  }

  #noteChanges(records: number): void {
    this.#changed = true
    this.#sinceSaved += records
    if (this.#sinceSaved >= SAVE_AFTER) void this.#tick()
  }

  async #tick(): Promise<void> {
    const { clock, logger } = this.#options.system
    if (!this.#changed || this.#saved !== undefined || clock.monotonic() < this.#notBefore) return
    try {
      await this.save()
      this.#unsaved = false
    } catch (error) {
      if (!this.#unsaved) logger.warn('Cannot write the snapshot of the twins; the next one holds it', { error })
      this.#unsaved = true
    }
  }

  async #save(): Promise<void> {
    const { disk, clock } = this.#options.system
    const saving = new Saving(this.#twins)
    const writer = new SnapshotWriter(this.positions())
    const paths = this.#index.sorted().filter((path) => this.#twins.has(path))
    this.#saving = saving
    this.#changed = false
    this.#sinceSaved = 0
    try {
      let tags = 0
      for (const path of paths) {
        writer.twin(saving.line(path))
        tags += this.#twins.get(path)?.tags.size ?? 0
        if (tags < TAGS_A_TURN) continue
        tags = 0
        await new Promise<void>((resolve) => setImmediate(resolve))
        // Forgotten in the meantime.
        if (this.#saving !== saving) return
      }
      this.#saving = undefined
      await replaceFile(disk, this.#path, writer.finish())
      this.#notBefore = clock.monotonic() + Math.max(APART_MS, writer.bytes / BYTES_PER_MS)
    } catch (error) {
      this.#changed = true
      throw error
    }
  }

  async #load(): Promise<void> {
    const { disk, logger } = this.#options.system
    if (!(await disk.exists(this.#path))) return
    const snapshot = await this.#read()
    if (typeof snapshot === 'string') {
      logger.warn('The snapshot of the twins is damaged; they are rebuilt from the log', {
        code: 'SNAPSHOT_DAMAGED',
        file: this.#path,
        fault: snapshot,
      })
      // Kept for whoever wants to know what happened to the disk; the next one takes its place.
      await disk.rename(this.#path, `${this.#path}.damaged`)
      return
    }
    for (const twin of snapshot.twins) {
      this.#twins.set(twin.path, twin)
      if (!this.#announced.has(twin.path)) this.#index.add(twin.path)
    }
    for (const position of snapshot.positions) {
      this.#positions.set(`${position.topic}/${position.partition}`, position)
    }
  }

  async #read(): Promise<Snapshot | string> {
    try {
      return readSnapshot(await this.#options.system.disk.readFile(this.#path), this.#ageing())
    } catch (error) {
      return `it cannot be read (${(error as Error).message})`
    }
  }

  /** Tells the monotonic time at which something was received, by how long ago that is on the wall clock right now. */
  #ageing(): (receivedTime: number) => number {
    const { clock } = this.#options.system
    const wall = clock.now()
    const monotonic = clock.monotonic()
    return (receivedTime) => monotonic - Math.max(0, wall - receivedTime)
  }

  #twinOf(path: string): Twin {
    let twin = this.#twins.get(path)
    if (twin === undefined) {
      twin = newTwin(path)
      this.#twins.set(path, twin)
      if (!this.#announced.has(path)) this.#index.add(path)
    }
    return twin
  }

  /** One text for all tags of a source: each record brings its own copy. */
  #shared(source: string): string {
    const known = this.#sources.get(source)
    if (known !== undefined) return known
    if (this.#sources.size < 10_000) this.#sources.set(source, source)
    return source
  }

  get #path(): string {
    return `${this.#options.directory}/twins.snapshot`
  }
}

/**
 * A snapshot being written, a few twins at a time. A twin that is about to change before its turn is written down first,
 * so that the file holds all twins as they were at one moment.
 */
class Saving {
  readonly #todo: Map<string, Twin>
  readonly #kept = new Map<string, string>()

  constructor(twins: ReadonlyMap<string, Twin>) {
    this.#todo = new Map(twins)
  }

  /** The twin is about to change. */
  keep(twin: Twin): void {
    if (this.#todo.delete(twin.path)) this.#kept.set(twin.path, twinLine(twin))
  }

  line(path: string): string {
    const twin = this.#todo.get(path)
    this.#todo.delete(path)
    return twin === undefined ? this.#kept.get(path)! : twinLine(twin)
  }
}
