import { BeyondBuiltIn, type Graph, type Node, type Tensor } from './graph.ts'

/** A network that is ready to run, one row at a time. */
export interface Network {
  readonly outputSize: number
  /** The first output of a row. The same array each time. */
  run(row: Float64Array): Float64Array
}

/** Kinds of nodes that are known; all else is for onnxruntime. */
const KNOWN_NODES =
  'Gemm, MatMul, Add, Sub, Mul, Div, Relu, LeakyRelu, Elu, Tanh, ' +
  'Sigmoid, Softplus, Identity, Dropout, Flatten, Reshape, Squeeze, Unsqueeze, Cast'

/** TensorProto.DataType: float and double. */
const FLOATS = new Set([1, 11])

type Step = () => void

/**
 * Compiles a graph of dense layers for rows of `inputSize` numbers. What is worked out is one row: the first dimension, which
 * ONNX has for batches, is 1. In doubles, so results differ from those of a float runtime in the seventh digit.
 * `wanted`: name of the output that is taken; default: its first.
 * @throws Error that names the node that does not fit, BeyondBuiltIn one that is not known
 */
export function compile(graph: Graph, inputSize: number, wanted?: string): Network {
  const [input, ...others] = graph.inputs
  if (input === undefined || others.length > 0) throw new Error(`it has ${graph.inputs.length} inputs, want one`)
  if (input.size !== undefined && input.size !== inputSize)
    throw new Error(`its input "${input.name}" takes ${input.size} numbers, and the config gives ${inputSize}`)
  const start = new Float64Array(inputSize)
  const registers = new Map<string, Float64Array>([[input.name, start]])
  const steps = graph.nodes.map((node) => {
    const { step, result } = stepOf(node, registers, graph.weights)
    registers.set(node.outputs[0] ?? '', result)
    return step
  })
  const name = wanted ?? graph.outputs[0]?.name ?? ''
  const output = registers.get(name)
  if (output === undefined) throw new Error(`its output "${name}" is worked out by no node`)
  return {
    outputSize: output.length,
    run(row) {
      start.set(row)
      for (const step of steps) step()
      return output
    },
  }
}

interface Compiled {
  readonly step: Step
  readonly result: Float64Array
}

type Registers = ReadonlyMap<string, Float64Array>
type Weights = ReadonlyMap<string, Tensor>

function stepOf(node: Node, registers: Registers, weights: Weights): Compiled {
  switch (node.kind) {
    case 'Gemm':
    case 'MatMul':
      return dense(node, registers, weights)
    case 'Add':
      return combine(node, registers, weights, (a, b) => a + b)
    case 'Sub':
      return combine(node, registers, weights, (a, b) => a - b)
    case 'Mul':
      return combine(node, registers, weights, (a, b) => a * b)
    case 'Div':
      return combine(node, registers, weights, (a, b) => a / b)
    case 'Identity':
    case 'Dropout':
    case 'Flatten':
    case 'Reshape':
    case 'Squeeze':
    case 'Unsqueeze':
      return { step: () => {}, result: valuesOf(node, 0, registers) }
    case 'Cast':
      if (!FLOATS.has(node.attribute('to', 1))) throw bad(node, 'it makes something else than floats of numbers')
      return { step: () => {}, result: valuesOf(node, 0, registers) }
    default: {
      const how = activation(node)
      return map(valuesOf(node, 0, registers), how)
    }
  }
}

/** y = alpha * x W + beta * c; a MatMul has neither factors nor c. */
function dense(node: Node, registers: Registers, weights: Weights): Compiled {
  const from = valuesOf(node, 0, registers)
  const weight = weights.get(node.inputs[1] ?? '')
  if (weight === undefined) throw bad(node, 'its second input is no weight, want a matrix of the model')
  if (weight.shape.length !== 2) throw bad(node, `its weight has ${weight.shape.length} dimensions, want 2`)
  if (node.attribute('transA', 0) !== 0) throw bad(node, 'it turns its input around (transA), want rows as they are')
  const isTurned = node.attribute('transB', 0) !== 0
  const [rows, columns] = (isTurned ? weight.shape.toReversed() : weight.shape) as [number, number]
  if (rows !== from.length) throw bad(node, `its weight takes ${rows} numbers and it is given ${from.length}`)
  const alpha = node.attribute('alpha', 1)
  const beta = node.attribute('beta', 1)
  const start = new Float64Array(columns)
  const added = node.inputs[2]
  if (added !== undefined && added !== '') {
    const offset = weights.get(added)?.values
    if (offset === undefined || (offset.length !== columns && offset.length !== 1))
      throw bad(node, `its third input is no weight of ${columns} numbers`)
    for (let i = 0; i < columns; i++) start[i] = beta * offset[offset.length === 1 ? 0 : i]!
  }
  // Each output's weights lie together.
  const turned = Float64Array.from({ length: rows * columns }, (_, at) => {
    const column = Math.floor(at / rows)
    const row = at % rows
    return alpha * weight.values[isTurned ? column * rows + row : row * columns + column]!
  })
  const result = new Float64Array(columns)
  const step = () => {
    for (let column = 0, at = 0; column < columns; column++) {
      let sum = start[column]!
      for (let row = 0; row < rows; row++) sum += from[row]! * turned[at++]!
      result[column] = sum
    }
  }
  return { step, result }
}

function combine(node: Node, registers: Registers, weights: Weights, how: (a: number, b: number) => number): Compiled {
  const [a, b] = [0, 1].map(
    (place) => weights.get(node.inputs[place] ?? '')?.values ?? valuesOf(node, place, registers),
  )
  const size = Math.max(a!.length, b!.length)
  for (const one of [a!, b!])
    if (one.length !== size && one.length !== 1) throw bad(node, `it is given ${a!.length} and ${b!.length} numbers`)
  const result = new Float64Array(size)
  const step = () => {
    for (let i = 0; i < size; i++) result[i] = how(a![a!.length === 1 ? 0 : i]!, b![b!.length === 1 ? 0 : i]!)
  }
  return { step, result }
}

function map(from: Float64Array, how: (value: number) => number): Compiled {
  const result = new Float64Array(from.length)
  const step = () => {
    for (let i = 0; i < from.length; i++) result[i] = how(from[i]!)
  }
  return { step, result }
}

function activation(node: Node): (value: number) => number {
  switch (node.kind) {
    case 'Relu':
      return (value) => Math.max(0, value)
    case 'LeakyRelu': {
      const slope = node.attribute('alpha', 0.01)
      return (value) => (value < 0 ? slope * value : value)
    }
    case 'Elu': {
      const alpha = node.attribute('alpha', 1)
      return (value) => (value < 0 ? alpha * Math.expm1(value) : value)
    }
    case 'Tanh':
      return Math.tanh
    case 'Sigmoid':
      return (value) => 1 / (1 + Math.exp(-value))
    case 'Softplus':
      return (value) => Math.max(0, value) + Math.log1p(Math.exp(-Math.abs(value)))
    default:
      throw new BeyondBuiltIn(`it has a node of kind "${node.kind}", and built in are only ${KNOWN_NODES}`)
  }
}

function valuesOf(node: Node, place: number, registers: Registers): Float64Array {
  const values = registers.get(node.inputs[place] ?? '')
  if (values === undefined)
    throw bad(node, `its input "${node.inputs[place] ?? ''}" is worked out by no node before it`)
  return values
}

function bad(node: Node, reason: string): Error {
  return new Error(`node "${node.name}" (${node.kind}) does not fit: ${reason}`)
}
