import type { Json } from '../../model/json-value.ts'
import type { Operator, StepContext } from '../topology.ts'
import { afterNow, horizonAt, insertInTime } from './in-time.ts'
import type { Joined, JoinRow, SideOf } from './join-row.ts'
import { tooLate } from './too-late.ts'

export interface JoinWithinOptions {
  readonly sideOf: SideOf
  /** A right row joins a left one that is at most so much later, ms. */
  readonly beforeMs: number
  /** A right row joins a left one that is at most so much earlier, ms. */
  readonly afterMs: number
  /** How far behind the clock of the key a row may come, ms. */
  readonly lateMs: number
  /** Whether a left row that has found none goes on alone, once none can come any more. */
  readonly unmatched: boolean
  readonly joined: Joined
}

interface LeftRow extends JoinRow {
  found: boolean
}

/** Plain JSON. */
interface State {
  /** What is older comes too late; null: nothing has come yet. */
  horizon: number | null
  left: LeftRow[]
  right: JoinRow[]
}

/** Rows of a side that may still find another; further ones are refused and counted. */
export const MOST_JOINABLE = 10_000

/**
 * Joins every row of the left with every row of the right of its key that is near enough in event time: each pair once, as soon
 * as both are there, whichever comes first.
 */
export function joinWithinOperator(options: JoinWithinOptions): Operator<State> {
  const { sideOf, beforeMs, afterMs, lateMs, unmatched, joined } = options
  /** Whether a row can find none any more. */
  const isOver = (side: 'left' | 'right', { time }: JoinRow, horizon: number) => {
    return time + (side === 'left' ? afterMs : beforeMs) < horizon
  }
  const isFull = (side: 'left' | 'right', state: State, horizon: number) => {
    if (state[side].length < MOST_JOINABLE) return false
    return state[side].filter((row) => !isOver(side, row, horizon)).length >= MOST_JOINABLE
  }
  /** Lets go of what can find none any more; answers when the next one cannot. */
  const goOn = (state: State, horizon: number, context: StepContext) => {
    state.horizon = horizon
    for (const row of state.left)
      if (unmatched && !row.found && isOver('left', row, horizon)) emit(joined(row, [], context), context)
    state.left = state.left.filter((row) => !isOver('left', row, horizon))
    state.right = state.right.filter((row) => !isOver('right', row, horizon))
    const waiting = unmatched ? state.left.find(({ found }) => !found) : undefined
    // At its last moment a row may still find one; after it no more.
    return waiting && waiting.time + afterMs + lateMs + 1
  }
  return {
    create: () => ({ horizon: null, left: [], right: [] }),
    take(state, fact, context) {
      const horizon = horizonAt(state.horizon ?? -Infinity, context, lateMs)
      const rows = sideOf(fact, context.time)
      if (rows.length > 0 && context.time < horizon) throw tooLate(horizon - context.time)
      for (const { side } of rows) if (isFull(side, state, horizon)) throw tooMany(side)
      for (const { side, row } of rows) {
        if (side === 'left') takeLeft(state, { ...row, found: false }, options, context)
        else takeRight(state, row, options, context)
      }
      const next = goOn(state, horizon, context)
      if (next === undefined) context.clearTimer('over')
      else context.setTimer('over', next)
    },
    due(state, _timer, context) {
      const next = goOn(state, Math.max(state.horizon ?? -Infinity, context.now - lateMs), context)
      if (next !== undefined) context.setTimer('over', afterNow(next, context))
    },
    save: (state) => structuredClone(state) as unknown as Json,
    restore: (json) => structuredClone(json) as unknown as State,
  }
}

function takeLeft(state: State, row: LeftRow, options: JoinWithinOptions, context: StepContext): void {
  for (const other of state.right) match(row, other, options, context)
  insertInTime(state.left, row)
}

function takeRight(state: State, row: JoinRow, options: JoinWithinOptions, context: StepContext): void {
  for (const other of state.left) match(other, row, options, context)
  insertInTime(state.right, row)
}

function match(left: LeftRow, right: JoinRow, options: JoinWithinOptions, context: StepContext): void {
  if (right.time < left.time - options.beforeMs || right.time > left.time + options.afterMs) return
  left.found = true
  emit(options.joined(left, right.cells, context), context)
}

function emit(fact: ReturnType<Joined>, context: StepContext): void {
  if (fact !== undefined) context.emit(fact)
}

function tooMany(side: string): Error {
  return new Error(`Cannot take a row: ${MOST_JOINABLE} rows of the ${side} wait for another, want fewer`)
}
