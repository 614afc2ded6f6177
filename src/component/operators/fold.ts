import type { Frame, Framing } from './frames.ts'
import { isUsable } from './row.ts'
import type { Cell, Row, Scalar } from './row.ts'
import { addCell, addTime, newSummary, numberOf } from './summary.ts'
import type { Reads, Summary } from './summary.ts'

/** A tag that is summarised. */
export interface Measure {
  readonly tag: string
  readonly reads: Reads
  /** The longest that a value holds while no other comes, ms: what is beyond is a gap, and nothing is known of it. */
  readonly holdMs: number
}

/** What has been folded so far: plain JSON. */
export interface Folded {
  /** By measure; null where its tag has not come yet. */
  readonly carried: (Carried | null)[]
  /** In order of their ends. */
  readonly open: Open[]
  /** Of sliding windows: the rows that are in the one at the newest value. */
  readonly rows: Row[]
}

/** What goes over of a tag from window to window. */
interface Carried {
  /** When its last value came. */
  time: number
  /** Up to when the time for which it held has been shared out. */
  until: number
  /** The last value; null where it cannot be used. */
  value: Scalar | null
  /** The last number that could be used, for counters. */
  number: number | null
}

/** A window that is not closed yet. */
export interface Open extends Frame {
  /** By measure. */
  readonly summaries: readonly Summary[]
  /** A part of its values is missing, for there were too many. */
  readonly isPartial?: true
}

/** Called with every window that closes, in order of their ends. */
export type OnClose = (window: Open) => void

/** Folds rows into windows, in order of time. What it has folded is not in it. */
export interface Folding {
  /** The next row. */
  take(folded: Folded, row: Row, onClose: OnClose): void
  /** Time goes on: closes what closes by then. */
  goOn(folded: Folded, time: number, onClose: OnClose): void
  /** When the first window closes, if it holds no more than this and a row of a time that is still to come. */
  nextClose(folded: Folded, rowTime: number | undefined): number | undefined
}

export function newFolded(measures: readonly Measure[]): Folded {
  return { carried: measures.map(() => null), open: [], rows: [] }
}

/**
 * Folds into windows that are cut beforehand or that end with a gap. As a value holds on, so windows are there in which none
 * comes: as many as it holds for.
 */
export class Fold implements Folding {
  readonly #measures: readonly Measure[]
  readonly #framing: Framing
  readonly #index: ReadonlyMap<string, number>

  constructor(measures: readonly Measure[], framing: Framing) {
    this.#measures = measures
    this.#framing = framing
    this.#index = new Map(measures.map(({ tag }, index) => [tag, index]))
  }

  take(folded: Folded, row: Row, onClose: OnClose): void {
    this.goOn(folded, row.time, onClose)
    this.#begin(folded, this.#framing.entered(row.time, folded.open))
    for (const cell of row.cells) {
      const index = this.#index.get(cell[0])!
      this.#hold(folded, index, row.time)
      const { reads } = this.#measures[index]!
      const carried = (folded.carried[index] ??= { time: 0, until: 0, value: null, number: null })
      for (const { summaries } of folded.open) addCell(summaries[index]!, cell, reads, carried.number)
      carry(carried, cell, row.time, reads)
    }
  }

  goOn(folded: Folded, time: number, onClose: OnClose): void {
    const { open } = folded
    for (let first = open[0]; first !== undefined && this.#framing.closesAt(first) <= time; first = open[0]) {
      const { end } = first
      this.#measures.forEach((_, index) => this.#hold(folded, index, end))
      open.shift()
      onClose(first)
    }
  }

  nextClose({ open }: Folded, rowTime: number | undefined): number | undefined {
    const closes = open.map((window) => this.#framing.closesAt(window))
    if (rowTime !== undefined) closes.push(this.#framing.closesAfter(rowTime))
    return closes.length === 0 ? undefined : Math.min(...closes)
  }

  /** Shares out the time for which a tag's value held, up to a time and into the windows that begin with it. */
  #hold(folded: Folded, index: number, to: number): void {
    const carried = folded.carried[index]
    const { reads, holdMs } = this.#measures[index]!
    if (!carried || carried.until > to) return
    const { value, until: from } = carried
    const end = Math.min(to, carried.time + holdMs)
    carried.until = to
    if (value === null || !reads.needs.time || end < from) return
    this.#begin(folded, this.#framing.held(from, end))
    for (const window of folded.open) {
      const ms = Math.min(end, window.end) - Math.max(from, window.start)
      if (ms > 0) addTime(window.summaries[index]!, value, ms, reads)
    }
  }

  #begin({ open }: Folded, frames: readonly Frame[]): void {
    for (const { start, end } of frames) {
      if (open.some((one) => one.start === start)) continue
      open.push({ start, end, summaries: newSummaries(this.#measures) })
    }
  }
}

export function newSummaries(measures: readonly Measure[]): Summary[] {
  return measures.map(({ reads }) => newSummary(reads.needs))
}

function carry(carried: Carried, cell: Cell, time: number, reads: Reads): void {
  const value = isUsable(cell, reads.strict) ? cell[1] : null
  carried.time = carried.until = time
  carried.value = value
  if (value !== null) carried.number = numberOf(value) ?? carried.number
}
