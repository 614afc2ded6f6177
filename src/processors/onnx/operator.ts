import type { Figure } from '../../component/operators/aggregates.ts'
import { readingOf } from '../../component/operators/derived-reading.ts'
import { heldAt, hold, type Held, type HeldValue } from '../../component/operators/held.ts'
import { expectOrder } from '../../component/operators/order.ts'
import { rowOf } from '../../component/operators/row.ts'
import type { Operator } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { Quality } from '../../model/quality.ts'
import type { Network } from './network.ts'

interface Input {
  readonly tag: string
  /** The model is given (value - mean) / scale. */
  readonly mean: number
  readonly scale: number
}

export interface OnnxOptions {
  /** The beginning of the tags it derives: that of the processor. */
  readonly name: string
  readonly network: Network
  readonly inputs: readonly Input[]
  /** How many rows the model takes at once. */
  readonly rows: number
  /** Names of what it gives; absent: it is an autoencoder. */
  readonly outputs?: readonly string[]
  /** Age beyond which an input is no longer known, ms. */
  readonly holdMs: number
}

interface State {
  time: number
  readonly held: Held
  /** The rows it takes at once, the newest last, normalised. */
  readonly rows: number[][]
}

/**
 * Runs the model at each reading with one of its tags, over the last usable values of all. While one of them is not known, or
 * rows are still missing, there is no value, and BadNoData; rows begin anew then. Wants facts in order (`in-order`).
 */
export function onnxOperator(options: OnnxOptions): Operator<State> {
  const { inputs, network, rows, holdMs } = options
  const tags = [...new Set(inputs.map(({ tag }) => tag))]
  const given = new Float64Array(inputs.length * rows)
  return {
    create: () => ({ time: -Infinity, held: new Map(), rows: [] }),
    take(state, fact, context) {
      if (fact.kind !== 'reading') return
      const row = rowOf(fact.reading, context.time, tags)
      if (row === undefined) return
      expectOrder(state, row.time)
      hold(state.held, row, false)
      const numbers = inputs.map(({ tag, mean, scale }) => {
        const value = heldAt(state.held, tag, row.time, holdMs)?.value
        return typeof value === 'string' || value === undefined ? Number.NaN : (Number(value) - mean) / scale
      })
      if (numbers.every(Number.isFinite)) state.rows.push(numbers)
      else state.rows.length = 0
      if (state.rows.length > rows) state.rows.shift()
      const isWhole = state.rows.length === rows
      if (isWhole) state.rows.forEach((one, at) => given.set(one, at * inputs.length))
      const figures = isWhole ? told(options, given, network.run(given)) : nothing(options)
      context.emit({ kind: 'reading', reading: readingOf(figures, row.time, context) })
    },
    save: ({ time, held, rows: kept }) => [Number.isFinite(time) ? time : null, [...held], kept] as unknown as Json,
    restore(json) {
      const [time, held, kept] = json as unknown as [number | null, [string, HeldValue][], number[][]]
      return { time: time ?? -Infinity, held: new Map(held), rows: kept }
    },
  }
}

function told({ name, inputs, outputs }: OnnxOptions, given: Float64Array, results: Float64Array): Figure[] {
  if (outputs !== undefined) return outputs.map((output, at) => figure(`${name}.${output}`, results[at]!))
  let sum = 0
  const byInput = inputs.map(() => 0)
  results.forEach((result, at) => {
    const error = (result - given[at]!) ** 2
    sum += error
    byInput[at % inputs.length]! += error
  })
  const worst = inputs[byInput.indexOf(Math.max(...byInput))]?.tag ?? null
  return [
    figure(`${name}.error`, sum / results.length),
    { name: `${name}.worst`, value: worst, quality: worst === null ? Quality.BadNoData : Quality.Good },
  ]
}

function nothing({ name, outputs = ['error', 'worst'] }: OnnxOptions): Figure[] {
  return outputs.map((output) => ({ name: `${name}.${output}`, value: null, quality: Quality.BadNoData }))
}

/** What a model makes of numbers it was never trained on may be beyond all numbers. */
function figure(name: string, value: number): Figure {
  if (Number.isFinite(value)) return { name, value: value + 0, quality: Quality.Good }
  return { name, value: null, quality: Quality.BadOutOfRange }
}
