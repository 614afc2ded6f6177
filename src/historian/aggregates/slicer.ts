import assert from 'node:assert/strict'
import { Quality } from '../../model/quality.ts'
import { withInfo } from './info-bits.ts'
import type { Interval } from './intervals.ts'
import type { RawValue } from './raw-value.ts'
import type { Edge, Slice } from './slice.ts'

/** Values that are kept though no interval needs them, before room is made. */
const SPARE_VALUES = 1024

/**
 * Cuts a stream of stored values into intervals. It keeps only the values of the interval under way and what follows
 * until the next usable one, and hands out an interval when nothing that may still come can change it.
 *
 * Values come in order of time. Of several with the same time the last one counts, and says by ExtraData that there are
 * more. Bad_NoData at the very beginning ("point created") stands for no value.
 */
export class Slicer {
  readonly #intervals: Iterator<Interval>
  readonly #backwards: boolean
  readonly #isUsable: (raw: RawValue) => boolean
  #values: RawValue[] = []
  /** First value that the newest edge has not passed. */
  #index = 0
  /** Nothing usable lies between the newest edge and this one. */
  #usableHint = 0
  #before: RawValue | undefined
  #usable: RawValue | undefined
  #secondUsable: RawValue | undefined
  #dataFrom = Infinity
  #dataTo = -Infinity
  /** Newest usable value that nothing of the same time can replace any more. */
  #settled = -Infinity
  #ended = false
  #interval: Interval | undefined
  #early: Edge | undefined

  constructor(intervals: Iterator<Interval>, backwards: boolean, isUsable: (raw: RawValue) => boolean) {
    this.#intervals = intervals
    this.#backwards = backwards
    this.#isUsable = isUsable
    this.#interval = this.#nextInterval()
  }

  push(raw: RawValue): void {
    assert(raw.time >= this.#dataTo && !this.#ended, 'values come in order of time')
    const newest = this.#values.at(-1)
    if (newest?.time === raw.time) {
      this.#values[this.#values.length - 1] = { ...raw, quality: withInfo(raw.quality, 'ExtraData') }
      return
    }
    if (this.#dataFrom === Infinity) {
      if ((raw.quality & 0xffff0000) >>> 0 === Quality.BadNoData) return
      this.#dataFrom = raw.time
    }
    if (newest !== undefined && this.#isUsable(newest)) this.#settled = newest.time
    this.#dataTo = raw.time
    this.#values.push(raw)
  }

  /** No more values come. */
  end(): void {
    this.#ended = true
  }

  /** The next interval, oldest first; undefined: not before more values, or the end. */
  next(): Slice | undefined {
    if (this.#interval === undefined) return undefined
    const { early, late } = this.#interval
    if (!this.#ended && this.#settled <= late) return undefined
    const earlyEdge = this.#early ?? this.#edgeAt(early)
    const from = this.#index
    const lateEdge = this.#edgeAt(late)
    const slice = this.#sliceOf(earlyEdge, lateEdge, this.#values.slice(from, this.#index))
    this.#early = lateEdge
    this.#interval = this.#nextInterval()
    this.#makeRoom()
    return slice
  }

  #nextInterval(): Interval | undefined {
    const { done, value } = this.#intervals.next()
    return done ? undefined : value
  }

  /** Moves on to a moment, and answers what lies around it. */
  #edgeAt(time: number): Edge {
    const values = this.#values
    for (; this.#index < values.length && values[this.#index]!.time < time; this.#index++) {
      this.#pass(values[this.#index]!)
    }
    const found = values[this.#index]
    const at = found?.time === time ? found : undefined
    const afterIndex = this.#index + (at === undefined ? 0 : 1)
    let usableIndex = Math.max(this.#usableHint, afterIndex)
    while (usableIndex < values.length && !this.#isUsable(values[usableIndex]!)) usableIndex++
    this.#usableHint = usableIndex
    return {
      time,
      at,
      before: this.#before,
      after: values[afterIndex],
      usableBefore: this.#usable,
      secondUsableBefore: this.#secondUsable,
      usableAfter: values[usableIndex],
    }
  }

  #pass(raw: RawValue): void {
    this.#before = raw
    if (!this.#isUsable(raw)) return
    this.#secondUsable = this.#usable
    this.#usable = raw
  }

  #sliceOf(early: Edge, late: Edge, inForward: readonly RawValue[]): Slice {
    const [from, to] = [this.#dataFrom, this.#dataTo]
    if (!this.#backwards) {
      const outside = early.time > to || late.time <= from
      const partial = (from > early.time && from < late.time) || (to >= early.time && to < late.time)
      return { early, late, backwards: false, values: inForward, partial, outside }
    }
    const outside = late.time < from || early.time >= to
    const partial = (from > early.time && from <= late.time) || (to > early.time && to < late.time)
    const values = [...(early.at === undefined ? inForward : inForward.slice(1)), ...(late.at ? [late.at] : [])]
    return { early, late, backwards: true, values, partial, outside }
  }

  #makeRoom(): void {
    if (this.#index < SPARE_VALUES || this.#index < this.#values.length / 2) return
    this.#values.splice(0, this.#index)
    this.#usableHint -= this.#index
    this.#index = 0
  }
}
