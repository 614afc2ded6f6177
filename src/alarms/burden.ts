import type { Json } from '../model/json-value.ts'

/**
 * How many alarms come to the operator, by minute of when Millrace was told (ISA-18.2-2016 clause 16.5; EEMUA 191, 3rd
 * edition, chapter 6). Counts of partitions add up, so the sum does not depend on how they were read.
 */
export class Burden {
  /** Annunciations by minute since the epoch. */
  readonly #minutes = new Map<number, number>()
  #newest = -Infinity

  add(time: number): void {
    const minute = Math.floor(time / MINUTE_MS)
    this.#minutes.set(minute, (this.#minutes.get(minute) ?? 0) + 1)
    if (minute > this.#newest) this.#newest = minute
    if (this.#minutes.size > 2 * KEPT_MINUTES) this.#prune()
  }

  /** Annunciations from a time on, up to and without another. */
  count(from: number, to: number): number {
    let count = 0
    for (const [minute, alarms] of this.#minutes)
      if (minute * MINUTE_MS >= from && minute * MINUTE_MS < to) count += alarms
    return count
  }

  /** The figures of clause 16 for a stretch of time, in whole minutes. */
  figures(from: number, to: number): BurdenFigures {
    const floods = this.floods(from, to)
    const alarms = this.count(from, to)
    const tens = Math.max(1, (to - from) / TEN_MINUTES_MS)
    const flooded = floods.reduce((sum, { since, until = to }) => sum + until - Math.max(since, from), 0)
    return {
      alarms,
      perTenMinutes: alarms / tens,
      peakTenMinutes: this.#peak(from, to),
      floods,
      floodShare: to > from ? flooded / (to - from) : 0,
    }
  }

  /**
   * Floods: from the minute in which more than 10 have come within 10 minutes, to that in which fewer than 5 have
   * (clause 16.5.3).
   */
  floods(from: number, to: number): readonly Flood[] {
    const floods: { since: number; until?: number; alarms: number }[] = []
    let open: { since: number; until?: number; alarms: number } | undefined
    // One that is there at `from` began before.
    const first = Math.floor(from / MINUTE_MS) - LONGEST_FLOOD_MINUTES
    const last = Math.ceil(to / MINUTE_MS)
    let rolling = 0
    for (let minute = first; minute < last; minute += 1) {
      const here = this.#minutes.get(minute) ?? 0
      const gone = minute - WINDOW_MINUTES
      rolling += here - (gone < first ? 0 : (this.#minutes.get(gone) ?? 0))
      if (open === undefined && rolling > FLOOD_ABOVE) {
        floods.push((open = { since: minute * MINUTE_MS, alarms: rolling }))
      } else if (open !== undefined) {
        open.alarms += here
        if (rolling < FLOOD_BELOW) open.until = minute * MINUTE_MS
        if (open.until !== undefined) open = undefined
      }
    }
    return floods.filter(({ until }) => until === undefined || until > from)
  }

  save(): Json {
    this.#prune()
    return [...this.#minutes].sort(([a], [b]) => a - b)
  }

  restore(json: Json): void {
    this.#minutes.clear()
    for (const [minute, count] of json as readonly [number, number][]) {
      this.#minutes.set(minute, count)
      this.#newest = Math.max(this.#newest, minute)
    }
  }

  reset(): void {
    this.#minutes.clear()
    this.#newest = -Infinity
  }

  /** Most annunciations in ten minutes that begin with a minute. */
  #peak(from: number, to: number): number {
    let peak = 0
    let rolling = 0
    for (let minute = Math.floor(from / MINUTE_MS); minute * MINUTE_MS < to; minute += 1) {
      const gone = minute - WINDOW_MINUTES
      rolling += this.#minutes.get(minute) ?? 0
      if (gone * MINUTE_MS >= from) rolling -= this.#minutes.get(gone) ?? 0
      peak = Math.max(peak, rolling)
    }
    return peak
  }

  #prune(): void {
    for (const minute of this.#minutes.keys()) if (minute <= this.#newest - KEPT_MINUTES) this.#minutes.delete(minute)
  }
}

/** A time in which more alarms came than a person can take in. */
export interface Flood {
  readonly since: number
  /** Absent: it goes on. */
  readonly until?: number
  readonly alarms: number
}

export interface BurdenFigures {
  readonly alarms: number
  /** Up to about 1 is what a person can handle, 2 the most (clause 16.5.1, table 6). */
  readonly perTenMinutes: number
  readonly peakTenMinutes: number
  readonly floods: readonly Flood[]
  /** Share of the time that was in a flood; less than 0.01 is wanted. */
  readonly floodShare: number
}

const MINUTE_MS = 60_000
const WINDOW_MINUTES = 10
const TEN_MINUTES_MS = WINDOW_MINUTES * MINUTE_MS
const FLOOD_ABOVE = 10
const FLOOD_BELOW = 5
/** How far back the beginning of a flood is looked for. */
const LONGEST_FLOOD_MINUTES = 24 * 60
/** 30 days, the time over which the standard wants its figures. */
const KEPT_MINUTES = 30 * 24 * 60
