import type { AlarmAction, AlarmPriority, AlarmTransition } from '../model/alarm.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import type { AlarmStateName } from './life-cycle.ts'

/** A step of an alarm as people read it, newest first. */
export interface JournalEntry {
  readonly partition: number
  readonly offset: number
  /** When Millrace was told; ms since the epoch. */
  readonly receivedTime: number
  readonly transition: AlarmTransition
  /** What the alarm was after it. */
  readonly state: AlarmStateName
  readonly priority: AlarmPriority
}

export interface JournalQuery {
  /** Pattern of assets below the site. */
  readonly assets?: string
  readonly alarm?: string
  /** Received times: from this on, up to and without that. */
  readonly from?: number
  readonly to?: number
  readonly states?: readonly AlarmStateName[]
  readonly actions?: readonly AlarmAction[]
  readonly priorities?: readonly AlarmPriority[]
  /** Where the page before ended. */
  readonly after?: JournalPlace
  readonly limit: number
}

/** The place of an entry in the journal's order: received time, then partition and offset. */
export interface JournalPlace {
  readonly receivedTime: number
  readonly partition: number
  readonly offset: number
}

export interface JournalPage {
  readonly entries: readonly JournalEntry[]
  /** Where the next page goes on; absent: there is none. */
  readonly next?: JournalPlace
  /** Older than this the journal holds nothing any more: it is in the log. Absent: it holds all. */
  readonly heldFrom?: number
}

/** Entries that are kept of a partition; all others are in the log for as long as the topic keeps them. */
const KEPT_ENTRIES = 2_000

/** The newest steps of all alarms, by partition, so that it does not matter in which order partitions are read. */
export class Journal {
  readonly #site: string
  readonly #kept: number
  readonly #partitions = new Map<number, Ring>()

  constructor(site: string, kept = KEPT_ENTRIES) {
    this.#site = site
    this.#kept = kept
  }

  add(entry: JournalEntry): void {
    let ring = this.#partitions.get(entry.partition)
    if (ring === undefined) this.#partitions.set(entry.partition, (ring = { entries: [], hasDropped: false }))
    ring.entries.push(entry)
    if (ring.entries.length < this.#kept * 1.25) return
    ring.entries = ring.entries.slice(-this.#kept)
    ring.hasDropped = true
  }

  page(query: JournalQuery): JournalPage {
    const fits = filter(query, this.#site)
    const { after, limit } = query
    const found = this.all().filter((entry) => (after === undefined || isBefore(entry, after)) && fits(entry))
    const entries = found.sort((a, b) => (isBefore(a, b) ? 1 : -1)).slice(0, limit)
    const heldFrom = this.#heldFrom()
    const last = found.length > limit ? entries.at(-1) : undefined
    return {
      entries,
      ...(last && { next: { receivedTime: last.receivedTime, partition: last.partition, offset: last.offset } }),
      ...(heldFrom !== undefined && { heldFrom }),
    }
  }

  /** By partition, oldest first; no more than are kept. */
  all(): JournalEntry[] {
    const partitions = [...this.#partitions].sort(([a], [b]) => a - b)
    return partitions.flatMap(([, { entries }]) => entries.slice(-this.#kept))
  }

  /** Partitions of which older entries are not kept any more, in order. */
  incomplete(): number[] {
    const full = [...this.#partitions].filter(([, ring]) => this.#isFull(ring))
    return full.map(([partition]) => partition).sort((a, b) => a - b)
  }

  /** Puts back what `all` and `incomplete` have told. */
  restore(entries: readonly JournalEntry[], incomplete: readonly number[]): void {
    this.reset()
    for (const entry of entries) this.add(entry)
    for (const partition of incomplete) {
      const ring = this.#partitions.get(partition)
      if (ring) ring.hasDropped = true
    }
  }

  reset(): void {
    this.#partitions.clear()
  }

  #isFull(ring: Ring): boolean {
    return ring.hasDropped || ring.entries.length > this.#kept
  }

  #heldFrom(): number | undefined {
    const full = [...this.#partitions.values()].filter((ring) => this.#isFull(ring))
    const oldest = full.map(({ entries }) => entries.slice(-this.#kept)[0]!.receivedTime)
    return oldest.length === 0 ? undefined : Math.max(...oldest)
  }
}

interface Ring {
  entries: JournalEntry[]
  hasDropped: boolean
}

function filter(query: JournalQuery, site: string): (entry: JournalEntry) => boolean {
  const { assets, alarm, from = -Infinity, to = Infinity, states, actions, priorities } = query
  const matches = assets === undefined ? () => true : pathMatcher(site, assets)
  return ({ receivedTime, transition, state, priority }) =>
    receivedTime >= from &&
    receivedTime < to &&
    (alarm === undefined || transition.alarm === alarm) &&
    (states === undefined || states.includes(state)) &&
    (actions === undefined || actions.includes(transition.action)) &&
    (priorities === undefined || priorities.includes(priority)) &&
    matches(transition.asset)
}

function isBefore(one: JournalPlace, other: JournalPlace): boolean {
  if (one.receivedTime !== other.receivedTime) return one.receivedTime < other.receivedTime
  return one.partition === other.partition ? one.offset < other.offset : one.partition < other.partition
}
