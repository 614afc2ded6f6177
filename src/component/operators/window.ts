import type { Json } from '../../model/json-value.ts'
import { Quality } from '../../model/quality.ts'
import type { Fact, Operator, StepContext } from '../topology.ts'
import { figuresOf, needsOf } from './aggregates.ts'
import type { Figure, Limits } from './aggregates.ts'
import { readingOf } from './derived-reading.ts'
import { Fold, newFolded } from './fold.ts'
import type { Folded, Folding, Measure, OnClose, Open } from './fold.ts'
import { Grid, Sessions } from './frames.ts'
import type { Shape } from './frames.ts'
import { afterNow, horizonAt, insertInTime, takeUpTo } from './in-time.ts'
import { rowOf, worse } from './row.ts'
import type { Row } from './row.ts'
import { SlidingFold } from './sliding.ts'
import { lateEvent } from './too-late.ts'

export interface WindowOptions {
  /** Name of the processor: the source of the late facts. */
  readonly name: string
  readonly shape: Shape
  /** What is said of each tag. */
  readonly tags: readonly TagOptions[]
  /** How far behind the clock of its asset a value may come and still count, ms. */
  readonly lateMs: number
  /**
   * `side` and `drop`: a result comes once, `lateMs` after the end of its window, and what is later goes to the log as an
   * event `reading.late`, or is only counted. `update`: a result comes at the end of its window, and again, with the next
   * revision, whenever something late has changed it; what is later than `lateMs` goes aside. Only for windows that are
   * cut beforehand: tumbling and hopping.
   */
  readonly onLate: 'side' | 'drop' | 'update'
  /** The longest that a value holds while no other comes, ms. */
  readonly holdMs: number
  readonly limits: Limits
  /** Uncertain values are as good as none. */
  readonly strict: boolean
  /** Name of a derived tag. */
  readonly nameOf: (tag: string, figure: string) => string
}

interface TagOptions {
  readonly tag: string
  /** Names of aggregates. */
  readonly aggregates: readonly string[]
  readonly rollover?: number
}

/** Plain JSON. Of bounded size: rows of the last `lateMs` (at most `MOST_PENDING`), and a summary a tag and open window. */
interface State extends Folded {
  /** What came before this has been folded; null: nothing has. */
  horizon: number | null
  /** Not folded yet, for something earlier may still come. */
  readonly pending: Row[]
  /** Where results may change: the newest end of a window up to which they have been told. */
  early: number | null
  /** Results that have been told and may still change, by the ends of their windows. */
  told: Told[]
  /** What came too late and was dropped since the last result. */
  dropped: number
}

interface Told {
  readonly end: number
  readonly text: string
  readonly revision: number
}

/** Rows of a key that wait for what may come before them; when there are more, the oldest no longer waits. */
export const MOST_PENDING = 10_000

/**
 * Aggregates of tags over windows of event time, as derived readings of the asset at the end of each window (of a session: at
 * its last value). A window in which nothing is known of any tag says nothing.
 *
 * Exact and independent of the order of arrival: a value waits until nothing that may still count can come before it,
 * and is then folded in order of event time, of equal times in order of arrival.
 */
export function windowOperator(options: WindowOptions): Operator<State> {
  return new WindowOperator(options)
}

class WindowOperator implements Operator<State> {
  readonly #options: WindowOptions
  readonly #measures: readonly Measure[]
  readonly #tags: readonly string[]
  /** Of windows that are cut beforehand. */
  readonly #grid: Grid | undefined
  readonly #fold: Folding

  constructor(options: WindowOptions) {
    const { tags, holdMs, strict, shape } = options
    this.#options = options
    this.#tags = tags.map(({ tag }) => tag)
    this.#measures = tags.map(({ tag, aggregates, rollover }) => {
      const reads = { needs: needsOf(aggregates), strict, ...(rollover === undefined ? {} : { rollover }) }
      return { tag, reads, holdMs }
    })
    this.#grid = gridOf(shape)
    this.#fold = foldingOf(shape, this.#measures, this.#grid)
  }

  create(): State {
    return { ...newFolded(this.#measures), horizon: null, pending: [], early: null, told: [], dropped: 0 }
  }

  take(state: State, fact: Fact, context: StepContext): void {
    if (fact.kind !== 'reading') return
    const row = rowOf(fact.reading, context.time, this.#tags)
    const before = state.horizon ?? -Infinity
    const horizon = horizonAt(before, context, this.#options.lateMs)
    if (row !== undefined && row.time < horizon) this.#late(state, fact, horizon - row.time, context)
    else if (row !== undefined) insertInTime(state.pending, row)
    const over = state.pending.length - MOST_PENDING
    const reached = over > 0 ? Math.max(horizon, state.pending[over - 1]!.time) : horizon
    this.#goOn(state, reached, row?.time, context)
    const at = this.#next(state, context.now)
    if (at === undefined) context.clearTimer('close')
    else context.setTimer('close', at)
  }

  due(state: State, _timer: string, context: StepContext): void {
    const horizon = context.now - this.#options.lateMs
    this.#goOn(state, Math.max(horizon, state.horizon ?? -Infinity), undefined, context)
    const at = this.#next(state, context.now)
    if (at !== undefined) context.setTimer('close', afterNow(at, context))
  }

  save(state: State): Json {
    return structuredClone(state) as unknown as Json
  }

  restore(json: Json): State {
    return structuredClone(json) as unknown as State
  }

  #late(state: State, fact: Fact & { kind: 'reading' }, behindMs: number, context: StepContext): void {
    const { name, onLate } = this.#options
    if (onLate === 'drop') state.dropped += 1
    else context.emitAside({ kind: 'event', event: lateEvent(fact, name, behindMs, context) })
  }

  /** Nothing before the horizon counts any more: folds and tells what this settles. `time`: of the value that came. */
  #goOn(state: State, horizon: number, time: number | undefined, context: StepContext): void {
    state.horizon = horizon
    this.#foldUpTo(state, takeUpTo(state.pending, horizon), horizon, (window) => this.#tell(state, window, context))
    if (this.#options.onLate === 'update' && this.#grid) {
      state.told = state.told.filter(({ end }) => end > horizon)
      this.#tellEarly(state, this.#grid.lastEnd(context.now), time ?? Infinity, context)
    }
  }

  #foldUpTo(folded: Folded, rows: readonly Row[], time: number, onClose: OnClose): void {
    for (const row of rows) this.#fold.take(folded, row, onClose)
    this.#fold.goOn(folded, time, onClose)
  }

  /** Tells what windows that have ended would say if nothing late came any more, if that may be something new. */
  #tellEarly(state: State, lastEnd: number, time: number, context: StepContext): void {
    const { open, carried, pending, horizon, early } = state
    state.early = lastEnd
    if (lastEnd <= horizon! || (time >= lastEnd && early === lastEnd)) return
    const folded = structuredClone({ open, carried, rows: [] })
    this.#foldUpTo(folded, pending, lastEnd, (window) => this.#tell(state, window, context))
  }

  #tell(state: State, window: Open, context: StepContext): void {
    const { tags, limits, onLate, nameOf } = this.#options
    const windowMs = window.end - window.start
    const floor = window.isPartial ? Quality.UncertainDataSubNormal : Quality.Good
    const named: Figure[] = tags.flatMap(({ tag, aggregates }, index) => {
      const figures = figuresOf(aggregates, window.summaries[index]!, windowMs, limits)
      return figures.map(({ name, value, quality }) => ({
        name: nameOf(tag, name),
        value,
        quality: worse(quality, floor),
      }))
    })
    if (named.length === 0) return
    const about = (what: string, value: number) => named.push({ name: nameOf('window', what), value, quality: 0 })
    if (onLate === 'update') {
      const revision = revise(state.told, window.end, JSON.stringify(named))
      if (revision === undefined) return
      if (revision > 0) about('revision', revision)
    }
    if (this.#options.shape.kind === 'session') about('duration', windowMs / 1000)
    if (state.dropped > 0) about('dropped', state.dropped)
    state.dropped = 0
    context.emit({ kind: 'reading', reading: readingOf(named, window.end, context) })
  }

  /** When something is to be told if nothing comes; undefined: never. */
  #next(state: State, now: number): number | undefined {
    const { lateMs, onLate } = this.#options
    const close = this.#fold.nextClose(state, state.pending[0]?.time)
    if (close === undefined) return undefined
    const early = onLate === 'update' ? this.#grid?.closesAfter(now) : undefined
    return Math.min(close + lateMs, early ?? Infinity)
  }
}

function gridOf(shape: Shape): Grid | undefined {
  if (shape.kind === 'hopping') return new Grid(shape)
  return shape.kind === 'tumbling' ? new Grid({ ...shape, every: shape.size }) : undefined
}

function foldingOf(shape: Shape, measures: readonly Measure[], grid: Grid | undefined): Folding {
  if (shape.kind === 'sliding') return new SlidingFold(measures, shape.size)
  if (shape.kind === 'session') return new Fold(measures, new Sessions(shape.gap, shape.longest))
  return new Fold(measures, grid!)
}

/** Number of a result of a window: 0, and one more for each that says something else; undefined: it is the same again. */
function revise(told: Told[], end: number, text: string): number | undefined {
  const at = told.findIndex((one) => one.end === end)
  if (at === -1) {
    told.push({ end, text, revision: 0 })
    return 0
  }
  if (told[at]!.text === text) return undefined
  const revision = told[at]!.revision + 1
  told[at] = { end, text, revision }
  return revision
}
