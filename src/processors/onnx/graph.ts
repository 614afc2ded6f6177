import { Message } from './protobuf.ts'

/** What an ONNX file holds (onnx.proto3, ONNX 1.x), as far as dense networks need it. */
export interface Graph {
  /** Inputs that are no weights. */
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly nodes: readonly Node[]
  readonly weights: ReadonlyMap<string, Tensor>
}

interface Port {
  readonly name: string
  /** Numbers of one row: the product of what is known of its shape without the first dimension; undefined: not known. */
  readonly size: number | undefined
}

export interface Node {
  /** Its name, or the kind where it has none: for messages. */
  readonly name: string
  /** `Gemm`, `Relu`; of another domain than ONNX's own: `domain.Kind`. */
  readonly kind: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** A number that is one of its attributes, or `otherwise`. */
  attribute(name: string, otherwise: number): number
}

export interface Tensor {
  readonly shape: readonly number[]
  readonly values: Float64Array
}

/** TensorProto.DataType. */
const FLOAT = 1
const INT64 = 7
const DOUBLE = 11
/** AttributeProto.AttributeType. */
const ATTRIBUTE_FLOAT = 1
/** TensorProto.DataLocation. */
const EXTERNAL = 1

/** Something in a model that only onnxruntime can do. */
export class BeyondBuiltIn extends Error {}

/** @throws Error that says what is wrong with the file, BeyondBuiltIn where its weights are of a type that is not known */
export function readGraph(bytes: Uint8Array): Graph {
  const [graph] = new Message(bytes).messages(7)
  if (graph === undefined) throw new Error('it holds no graph')
  const weights = new Map(graph.messages(5).map((tensor) => [tensor.text(8), readTensor(tensor)]))
  const nodes = graph.messages(1)
  for (const node of nodes) {
    const constant = node.text(4) === 'Constant' ? node.messages(5).find((one) => one.text(1) === 'value') : undefined
    if (constant) weights.set(node.text(2), readTensor(new Message(constant.bytes(5))))
  }
  return {
    inputs: graph
      .messages(11)
      .map(readPort)
      .filter(({ name }) => !weights.has(name)),
    outputs: graph.messages(12).map(readPort),
    nodes: nodes.filter((node) => !weights.has(node.text(2))).map(readNode),
    weights,
  }
}

function readPort(port: Message): Port {
  const [type] = port.messages(2)
  const [tensor] = type?.messages(1) ?? []
  const [shape] = tensor?.messages(2) ?? []
  const rest = shape
    ?.messages(1)
    .slice(1)
    .map((dimension) => dimension.integer(1))
  const isKnown = rest !== undefined && rest.every((length) => length > 0)
  return { name: port.text(1), size: isKnown ? rest.reduce((size, length) => size * length, 1) : undefined }
}

function readNode(node: Message): Node {
  const domain = node.text(7)
  const kind = domain === '' || domain === 'ai.onnx' ? node.text(4) : `${domain}.${node.text(4)}`
  const attributes = new Map(
    node
      .messages(5)
      .map((one) => [one.text(1), one.integer(20) === ATTRIBUTE_FLOAT ? one.float(2, 0) : one.integer(3)]),
  )
  return {
    name: node.text(3) || kind,
    kind,
    inputs: node.texts(1),
    outputs: node.texts(2),
    attribute: (name, otherwise) => attributes.get(name) ?? otherwise,
  }
}

function readTensor(tensor: Message): Tensor {
  const name = tensor.text(8)
  if (tensor.integer(14) === EXTERNAL)
    throw new Error(`weight "${name}" lies in another file, want all weights in the model itself`)
  const shape = tensor.integers(1)
  const values = valuesOf(tensor, name)
  const size = shape.reduce((product, length) => product * length, 1)
  if (values.length !== size) throw new Error(`weight "${name}" has ${values.length} numbers, want ${size}`)
  if (!values.every(Number.isFinite)) throw new Error(`weight "${name}" has numbers that are not finite`)
  return { shape, values }
}

/** Numbers lie in `raw_data` (9), or in the field of their type. */
function valuesOf(tensor: Message, name: string): Float64Array {
  const raw = tensor.bytes(9)
  switch (tensor.integer(2)) {
    case FLOAT:
      return numbers(raw.length > 0 ? raw : Buffer.concat(tensor.all(4)), 4, (view, at) => view.getFloat32(at, true))
    case DOUBLE:
      return numbers(raw.length > 0 ? raw : Buffer.concat(tensor.all(10)), 8, (view, at) => view.getFloat64(at, true))
    case INT64:
      if (raw.length === 0) return Float64Array.from(tensor.integers(7))
      return numbers(raw, 8, (view, at) => Number(view.getBigInt64(at, true)))
    default:
      throw new BeyondBuiltIn(
        `weight "${name}" is of type ${tensor.integer(2)}, and built in are only float (1), double (11) and int64 (7)`,
      )
  }
}

function numbers(bytes: Uint8Array, width: number, read: (view: DataView, at: number) => number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float64Array.from({ length: Math.floor(bytes.length / width) }, (_, index) => read(view, index * width))
}
