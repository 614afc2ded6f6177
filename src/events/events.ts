import type { View, ViewBatch, ViewPosition } from '../component/view.ts'
import type { Json } from '../model/json-value.ts'
import { replaceFile } from '../system/disk.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/system.ts'
import { HeldPartition, keyOf, type HeldEvent } from './held.ts'
import { eventFilter, pageOf, type EventsPage, type EventsQuery } from './query.ts'
import { decodeSnapshot, encodeSnapshot, type Dropped, type EventsSnapshot } from './snapshot.ts'

export interface EventsOptions {
  readonly site: string
  /** Folder of the snapshot; made where it is missing. */
  readonly directory: string
  /** Of the topic: each has its share of what is kept. */
  readonly partitions: number
  readonly system: Pick<System, 'clock' | 'disk' | 'logger'>
  /** Events that are kept of each type of each asset; default 1,000. */
  readonly each?: number
  /** Events, and bytes of them, that are kept in all; default 50,000 and 32 MB. */
  readonly most?: number
  readonly mostBytes?: number
  /** How often the snapshot is written if something changed, in ms; default 10,000, and more rarely when it is large. */
  readonly everyMs?: number
}

/** A page of events that are kept, and since when all that was asked for is. */
export interface HeldPage extends EventsPage {
  /** Received time up to which some were let go: they are in the log. Absent: all are here. */
  readonly droppedTo?: number
}

const EACH = 1_000
const MOST = 50_000
const MOST_BYTES = 32_000_000
const EVERY_MS = 10_000
/** A snapshot writes at most this much on average, so that a large one does not wear the disk out. */
const BYTES_PER_MS = 500

/**
 * The newest business events of a site, sent by machines or derived by processors, kept from the topic `events`. One that comes
 * again counts once. Events and positions are written to one file, atomically; without it, or when it is damaged, they are
 * rebuilt from the log, the same to the byte.
 */
export class Events implements View<HeldEvent> {
  readonly name = 'events'
  readonly #options: EventsOptions
  readonly #partitions = new Map<number, HeldPartition>()
  #positions = new Map<string, ViewPosition>()
  #changed = false
  #saved: Promise<void> | undefined
  #timer: Timer | undefined
  #notBefore = 0
  #unsaved = false

  constructor(options: EventsOptions) {
    this.#options = options
  }

  /** Reads the snapshot, if there is a good one, and begins to write new ones. Called once, before the view is run. */
  async open(): Promise<void> {
    const { directory, system, everyMs = EVERY_MS } = this.#options
    await system.disk.makeDirectory(directory)
    await this.#load()
    this.#timer = system.clock.every(everyMs, () => void this.#tick())
  }

  /** Writes the last snapshot. The view must not run any more. */
  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.#saved?.catch(() => {})
    this.#notBefore = 0
    await this.#tick()
  }

  positions(): readonly ViewPosition[] {
    return [...this.#positions.values()]
  }

  take({ topic, partition, entries, nextOffset }: ViewBatch<HeldEvent>): void {
    const held = this.#partition(partition)
    for (const event of entries) held.add(event)
    this.#positions.set(`${topic}/${partition}`, { topic, partition, offset: nextOffset })
    this.#changed = true
  }

  reset(): void {
    this.#partitions.clear()
    this.#positions = new Map()
    this.#changed = true
  }

  /** What is kept and was asked for, newest first. */
  page(query: EventsQuery): HeldPage {
    const { takesSeries, takesPlace } = eventFilter(this.#options.site, query)
    const found: HeldEvent[] = []
    let droppedTo: number | undefined
    for (const partition of this.#partitions.values()) {
      droppedTo = later(droppedTo, partition.droppedTo)
      for (const series of partition.series()) {
        if (!takesSeries(series)) continue
        droppedTo = later(droppedTo, series.droppedTo)
        const events = series.events.filter(takesPlace)
        found.push(...(query.latest ? newestOfEach(events) : events))
      }
    }
    return { ...pageOf(found, query.limit), ...(droppedTo !== undefined && { droppedTo }) }
  }

  /** The newest of each asset that has events of a type, by asset. */
  newest(type: string): HeldEvent[] {
    const found = [...this.#partitions.values()].flatMap((partition) =>
      [...partition.series()].flatMap((series) => (series.type === type ? (series.events.at(-1) ?? []) : [])),
    )
    return found.sort((a, b) => (a.asset < b.asset ? -1 : 1))
  }

  /** Writes events and positions down as they are now. */
  save(): Promise<void> {
    this.#saved ??= this.#save().finally(() => {
      this.#saved = undefined
    })
    return this.#saved
  }

  async #tick(): Promise<void> {
    const { clock, logger } = this.#options.system
    if (!this.#changed || this.#saved !== undefined || clock.monotonic() < this.#notBefore) return
    try {
      await this.save()
      this.#unsaved = false
    } catch (error) {
      if (!this.#unsaved) logger.warn('Cannot write the snapshot of the events; the next one holds it', { error })
      this.#unsaved = true
    }
  }

  async #save(): Promise<void> {
    const { disk, clock } = this.#options.system
    this.#changed = false
    try {
      const parts = await encodeSnapshot(this.#snapshot())
      await replaceFile(disk, this.#path, parts)
      const bytes = parts.reduce((sum, part) => sum + part.length, 0)
      this.#notBefore = clock.monotonic() + bytes / BYTES_PER_MS
    } catch (error) {
      this.#changed = true
      throw error
    }
  }

  #snapshot(): EventsSnapshot {
    const partitions = [...this.#partitions].sort(([a], [b]) => a - b)
    const dropped = partitions.flatMap(([partition, held]): Dropped[] => {
      const whole: Dropped[] = held.droppedTo === undefined ? [] : [[partition, '', '', held.droppedTo]]
      const series = [...held.series()].flatMap(({ type, asset, droppedTo }): Dropped[] => {
        return droppedTo === undefined ? [] : [[partition, type, asset, droppedTo]]
      })
      return [...whole, ...series.sort(byName)]
    })
    return { positions: this.positions(), dropped, events: partitions.flatMap(([, held]) => held.all()) }
  }

  async #load(): Promise<void> {
    const { disk, logger } = this.#options.system
    if (!(await disk.exists(this.#path))) return
    const snapshot = await this.#read()
    if (typeof snapshot === 'string') {
      const about = { code: 'SNAPSHOT_DAMAGED', file: this.#path, fault: snapshot }
      logger.warn('The snapshot of the events is damaged; they are rebuilt from the log', about)
      // Kept for whoever wants to know what happened to the disk; the next one takes its place.
      await disk.rename(this.#path, `${this.#path}.damaged`)
      return
    }
    for (const event of snapshot.events) this.#partition(event.partition).add(event)
    for (const [number, type, asset, droppedTo] of snapshot.dropped) {
      const partition = this.#partition(number)
      if (type === '') partition.droppedTo = droppedTo
      else partition.restoreDropped(type, asset, droppedTo)
    }
    for (const at of snapshot.positions) this.#positions.set(`${at.topic}/${at.partition}`, at)
  }

  async #read(): Promise<EventsSnapshot | string> {
    try {
      return decodeSnapshot(await this.#options.system.disk.readFile(this.#path))
    } catch (error) {
      return `it cannot be read (${(error as Error).message})`
    }
  }

  #partition(number: number): HeldPartition {
    let held = this.#partitions.get(number)
    if (held === undefined) {
      const { partitions, each = EACH, most = MOST, mostBytes = MOST_BYTES } = this.#options
      held = new HeldPartition({ each, events: Math.ceil(most / partitions), bytes: Math.ceil(mostBytes / partitions) })
      this.#partitions.set(number, held)
    }
    return held
  }

  get #path(): string {
    return `${this.#options.directory}/events.snapshot`
  }
}

/** Oldest first in, newest of each key out. */
function newestOfEach(events: readonly HeldEvent[]): HeldEvent[] {
  return [...new Map(events.map((event) => [keyOf(JSON.parse(event.data) as Json), event])).values()]
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one
}

function byName([, typeA, assetA]: Dropped, [, typeB, assetB]: Dropped): number {
  if (typeA !== typeB) return typeA < typeB ? -1 : 1
  return assetA < assetB ? -1 : 1
}
