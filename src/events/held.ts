import type { Json } from '../model/json-value.ts'

/** An event as it is kept: its data as text, which is a third of what it costs as objects. */
export interface HeldEvent {
  readonly partition: number
  readonly offset: number
  readonly id: string
  readonly type: string
  readonly asset: string
  readonly time: number
  readonly receivedTime: number
  readonly source: string
  /** What led to it, where a processor has derived it; '': nothing is named. */
  readonly cause: string
  /** JSON. */
  readonly data: string
}

/** How much is kept. A partition has its share of what is kept in all, so that it does not matter which one is read first. */
export interface EventBounds {
  /** Of each type of each asset. */
  readonly each: number
  /** Of a partition. */
  readonly events: number
  readonly bytes: number
}

/** What is kept beside the text of an event, about; bytes. */
const OVERHEAD_BYTES = 400

/** Events of one type of one asset, oldest first. */
export interface Series {
  readonly type: string
  readonly asset: string
  readonly events: HeldEvent[]
  /** Received time of the newest one that is not kept any more; undefined: all are. */
  droppedTo?: number
}

/**
 * The newest events of one partition, within bounds. A function of the records of the partition: what is let go first is what
 * came first.
 */
export class HeldPartition {
  readonly #bounds: EventBounds
  readonly #series = new Map<string, Series>()
  /** In the order of the log. */
  readonly #all = new Map<number, HeldEvent>()
  /** What makes an event the same one: its cause, or who says it and under which id. */
  readonly #known = new Set<string>()
  #bytes = 0
  /** Received time of the newest one that was let go because the partition is full. */
  droppedTo: number | undefined

  constructor(bounds: EventBounds) {
    this.#bounds = bounds
  }

  /** Takes the next event; false where it is one that is there already. */
  add(event: HeldEvent): boolean {
    const same = sameness(event)
    if (this.#known.has(same)) return false
    this.#known.add(same)
    const series = this.#seriesOf(event)
    series.events.push(event)
    this.#all.set(event.offset, event)
    this.#bytes += bytesOf(event)
    if (series.events.length > this.#bounds.each) series.droppedTo = this.#drop(series)
    while (this.#all.size > this.#bounds.events || this.#bytes > this.#bounds.bytes) {
      const [oldest] = this.#all.values()
      if (oldest === undefined) break
      this.droppedTo = this.#drop(this.#seriesOf(oldest))
    }
    return true
  }

  /** In the order of the log. */
  all(): HeldEvent[] {
    return [...this.#all.values()]
  }

  series(): IterableIterator<Series> {
    return this.#series.values()
  }

  /** For a snapshot: what was let go of a series. */
  restoreDropped(type: string, asset: string, droppedTo: number): void {
    const series = this.#series.get(seriesKey(type, asset))
    if (series) series.droppedTo = droppedTo
  }

  #seriesOf({ type, asset }: HeldEvent): Series {
    const key = seriesKey(type, asset)
    let series = this.#series.get(key)
    if (series === undefined) this.#series.set(key, (series = { type, asset, events: [] }))
    return series
  }

  /** Lets the oldest of a series go. @returns when it was received */
  #drop({ type, asset, events }: Series): number {
    const oldest = events.shift()!
    this.#all.delete(oldest.offset)
    this.#known.delete(sameness(oldest))
    this.#bytes -= bytesOf(oldest)
    if (events.length === 0) this.#series.delete(seriesKey(type, asset))
    return oldest.receivedTime
  }
}

function seriesKey(type: string, asset: string): string {
  return `${type}\n${asset}`
}

function sameness({ cause, source, id, type, asset }: HeldEvent): string {
  return cause === '' ? `${source}\n${id}` : `${source}\n${cause}\n${type}\n${asset}`
}

function bytesOf({ data, cause, id }: HeldEvent): number {
  return data.length + cause.length + id.length + OVERHEAD_BYTES
}

/** What an event is about, among those of its type and asset: `key` in its data, else `id`. */
export function keyOf(data: Json): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return ''
  const fields = data as { readonly [name: string]: Json }
  for (const name of ['key', 'id']) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (typeof value === 'string') return value
  }
  return ''
}
