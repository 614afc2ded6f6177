import type { View, ViewBatch, ViewPosition } from '../component/view.ts'
import { ViewFile } from '../component/view-file.ts'
import type { Json } from '../model/json-value.ts'
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
  readonly #file: ViewFile

  constructor(options: EventsOptions) {
    const { directory, system, everyMs } = options
    this.#options = options
    this.#file = new ViewFile({
      view: this.name,
      directory,
      system,
      everyMs,
      encode: () => encodeSnapshot(this.#snapshot()),
      restore: (bytes) => this.#restore(bytes),
    })
  }

  /** Reads the snapshot, if there is a good one, and begins to write new ones. Called once, before the view is run. */
  open(): Promise<void> {
    return this.#file.open()
  }

  /** Writes the last snapshot. The view must not run any more. */
  close(): Promise<void> {
    return this.#file.close()
  }

  positions(): readonly ViewPosition[] {
    return [...this.#positions.values()]
  }

  take({ topic, partition, entries, nextOffset }: ViewBatch<HeldEvent>): void {
    const held = this.#partition(partition)
    for (const event of entries) held.add(event)
    this.#positions.set(`${topic}/${partition}`, { topic, partition, offset: nextOffset })
    this.#file.changed()
  }

  reset(): void {
    this.#partitions.clear()
    this.#positions = new Map()
    this.#file.changed()
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
    return this.#file.save()
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

  #restore(bytes: Uint8Array): string | undefined {
    const snapshot = decodeSnapshot(bytes)
    if (typeof snapshot === 'string') return snapshot
    for (const event of snapshot.events) this.#partition(event.partition).add(event)
    for (const [number, type, asset, droppedTo] of snapshot.dropped) {
      const partition = this.#partition(number)
      if (type === '') partition.droppedTo = droppedTo
      else partition.restoreDropped(type, asset, droppedTo)
    }
    for (const at of snapshot.positions) this.#positions.set(`${at.topic}/${at.partition}`, at)
    return undefined
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
