import { stepsOf } from '../../model/behaviour.ts'
import type { Value } from '../../model/reading.ts'
import { ExpressionError, type Expression, type Row } from '../expression/expression.ts'
import { STEP_NAME, type Behaviour } from './behaviour.ts'

/** Points that are kept of a tag, at most; the last one is always among them. */
export const MOST_POINTS = 500

/** Where a machine is thought to be at a moment to come. */
export interface ForecastStep {
  /** ms since the epoch. */
  readonly time: number
  /** Of the tags that have an equation. */
  readonly values: ReadonlyMap<string, number>
}

export interface Forecast {
  readonly from: number
  /** The end of the last step. */
  readonly to: number
  /** Of the tags that have an equation, in order of time. */
  readonly points: ReadonlyMap<string, readonly (readonly [time: number, value: number])[]>
  /** `at`: the end of the first step at which it is true; absent: it is at none. */
  readonly reaches: readonly { readonly name: string; readonly condition: string; readonly at?: number }[]
  /** By how much each tag has grown. */
  readonly totals: readonly { readonly name: string; readonly tag: string; readonly value: number }[]
}

/** An equation that has no value, or one that is no number, on the way. */
export class ForecastError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ForecastError'
  }
}

/**
 * Runs a behaviour ahead of time, from a row of values at `from`, and yields every step, that of `from` first, so that whoever
 * runs it can look at each, and stop. All equations read the step before. Deterministic: no clock, no chance.
 * `start`: a value for each tag of `Behaviour.needs`; int64 as numbers.
 * @throws ForecastError where an equation has no value
 */
export function* runForecast(
  behaviour: Behaviour,
  start: ReadonlyMap<string, Value>,
  { from, horizonMs }: { readonly from: number; readonly horizonMs: number },
): Generator<ForecastStep, Forecast> {
  const { stepMs } = behaviour.definition
  const steps = stepsOf(behaviour.definition, horizonMs)
  const row = new Map(start)
  row.set(STEP_NAME, stepMs / 1000)
  const seen = new Seen(behaviour, steps)
  let values = valuesOf(behaviour, row)
  const first = values
  for (let step = 0; ; step += 1) {
    const time = from + step * stepMs
    seen.note(step, time, values, row)
    yield { time, values }
    if (step === steps) return { from, to: time, ...seen.told(), totals: totalsOf(behaviour, first, values) }
    values = nextOf(behaviour, row, time)
    for (const [tag, value] of values) row.set(tag, value)
  }
}

function valuesOf({ equations }: Behaviour, row: Row): Map<string, number> {
  return new Map(equations.map(({ tag }) => [tag, row.get(tag) as number]))
}

function nextOf({ equations }: Behaviour, row: Row, time: number): Map<string, number> {
  return new Map(equations.map(({ tag, next }) => [tag, numberOf(next, row, tag, time)]))
}

function numberOf(next: Expression, row: Row, tag: string, time: number): number {
  const value = Number(valued(next, row, `tag "${tag}"`, time))
  if (Number.isFinite(value)) return value
  throw fault(`tag "${tag}"`, time, `its equation yields ${value}, want a number`)
}

function valued(expression: Expression, row: Row, what: string, time: number): Value {
  try {
    const value = expression.evaluate(row)
    if (value !== undefined) return value
  } catch (error) {
    if (error instanceof ExpressionError) throw fault(what, time, error.message)
    throw error
  }
  throw fault(what, time, `${JSON.stringify(expression.text)} has no value then, want one (is it a division by zero?)`)
}

function fault(what: string, time: number, why: string): ForecastError {
  return new ForecastError(`Cannot forecast ${what} beyond ${new Date(time).toISOString()}: ${why}`)
}

function totalsOf(
  { totals }: Behaviour,
  first: ReadonlyMap<string, number>,
  last: ReadonlyMap<string, number>,
): Forecast['totals'] {
  return totals.map(({ name, tag }) => ({ name, tag, value: last.get(tag)! - first.get(tag)! }))
}

/** What is kept of the steps. */
class Seen {
  readonly #behaviour: Behaviour
  readonly #steps: number
  readonly #every: number
  readonly #points: ReadonlyMap<string, [number, number][]>
  readonly #reached = new Map<string, number>()

  constructor(behaviour: Behaviour, steps: number) {
    this.#behaviour = behaviour
    this.#steps = steps
    this.#every = Math.ceil(steps / (MOST_POINTS - 1))
    this.#points = new Map(behaviour.equations.map(({ tag }) => [tag, []]))
  }

  note(step: number, time: number, values: ReadonlyMap<string, number>, row: Row): void {
    for (const { name, when } of this.#behaviour.reaches) {
      if (this.#reached.has(name)) continue
      if (valued(when, row, `"${name}"`, time) === true) this.#reached.set(name, time)
    }
    if (step % this.#every !== 0 && step !== this.#steps) return
    for (const [tag, points] of this.#points) points.push([time, values.get(tag)!])
  }

  told(): Pick<Forecast, 'points' | 'reaches'> {
    const reaches = this.#behaviour.reaches.map(({ name, when }) => {
      const at = this.#reached.get(name)
      return { name, condition: when.text, ...(at !== undefined && { at }) }
    })
    return { points: this.#points, reaches }
  }
}
