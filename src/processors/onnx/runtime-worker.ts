import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { RUNTIME, type Exchange } from './runtime-exchange.ts'

/** The thread that waits for onnxruntime, whose calls are asynchronous, while the one that asked stands still. */

/** As much of `onnxruntime-node` as is used. */
interface Library {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>
  }
  readonly Tensor: new (type: string, data: unknown, shape: readonly number[]) => unknown
}

interface Session {
  readonly inputMetadata: readonly Port[]
  readonly outputNames: readonly string[]
  run(feeds: object, fetches: readonly string[]): Promise<{ readonly [name: string]: Result }>
}

interface Port {
  readonly name: string
  readonly isTensor: boolean
  readonly type?: string
  /** Sizes; a text where one is open, as that of the batch is. */
  readonly shape?: readonly (number | string)[]
}

interface Result {
  readonly data: ArrayLike<number | bigint>
}

const { library, model, output, size, ...exchange } = workerData as Exchange
const control = new Int32Array(exchange.control)
const given = new Float64Array(exchange.given)
const results = new Float64Array(exchange.results)

answer(open, RUNTIME.opening)
  .then((run) => run && serve(run))
  .catch((error: Error) => fail(error))

/** One call of the model with what was given. */
type Run = () => Promise<void>

async function open(): Promise<Run> {
  const { InferenceSession, Tensor } = createRequire(import.meta.url)(library) as Library
  // One thread: the same sums in the same order each time.
  const threads = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' }
  const session = await InferenceSession.create(model, { ...threads, logSeverityLevel: 3 })
  const { name, shape, make } = inputOf(session)
  const wanted = output ?? session.outputNames[0]!
  if (!session.outputNames.includes(wanted))
    throw new Error(`it has no output "${wanted}", want one of ${session.outputNames.join(', ')}`)
  const run = async () => {
    const { [wanted]: result } = await session.run({ [name]: new Tensor(make.type, make.from(given), shape) }, [wanted])
    const count = result!.data.length
    if (count > results.length) throw new Error(`it gives ${count} numbers, want at most ${results.length}`)
    for (let at = 0; at < count; at++) results[at] = Number(result!.data[at])
    control[RUNTIME.count] = count
  }
  // What it gives is known after a call; its inputs are zeros now.
  await run()
  return run
}

/** How numbers become tensors, by the type of the input. */
const MAKERS: { readonly [type: string]: (numbers: Float64Array) => unknown } = {
  float32: (numbers) => Float32Array.from(numbers),
  float64: (numbers) => Float64Array.from(numbers),
  int32: (numbers) => Int32Array.from(numbers, Math.round),
  int64: (numbers) => BigInt64Array.from([...numbers], (number) => BigInt(Math.round(number))),
}

function inputOf({ inputMetadata: [port, ...others] }: Session) {
  if (port === undefined || others.length > 0) throw new Error(`it has ${others.length + 1} inputs, want one`)
  const { name, type = '', shape = [] } = port
  const from = MAKERS[type]
  if (from === undefined) throw new Error(`its input "${name}" is of ${type || 'no tensor'}, want float32 or float64`)
  return { name, shape: shapeOf(name, shape), make: { type, from } }
}

/** The shape with its open sizes filled in: 1, but the last of them takes what is left. */
function shapeOf(name: string, shape: readonly (number | string)[]): readonly number[] {
  const known = shape.map((one, at) => (typeof one === 'number' && one > 0 ? one : at === 0 ? 1 : undefined))
  const product = known.reduce((all: number, one) => all * (one ?? 1), 1)
  const open = known.lastIndexOf(undefined)
  const rest = size / product
  const filled = known.map((one, at) => one ?? (at === open ? rest : 1))
  if (Number.isInteger(rest) && (open >= 0 || rest === 1)) return filled
  throw new Error(`its input "${name}" takes ${product} numbers, and the config gives ${size}`)
}

async function serve(run: Run): Promise<void> {
  // A wait for shared memory does not keep a thread; this does.
  parentPort!.on('message', () => {})
  for (;;) {
    const waiting = Atomics.waitAsync(control, RUNTIME.state, RUNTIME.answered)
    if (waiting.async) await waiting.value
    await answer(run, RUNTIME.asked)
  }
}

/** Does what was asked for, and says that it is done, or why it is not. */
async function answer<T>(work: () => Promise<T>, state: number): Promise<T | undefined> {
  if (Atomics.load(control, RUNTIME.state) !== state) return undefined
  try {
    const result = await work()
    Atomics.store(control, RUNTIME.state, RUNTIME.answered)
    return result
  } catch (error) {
    fail(error as Error)
    return undefined
  } finally {
    Atomics.notify(control, RUNTIME.state)
  }
}

function fail({ message }: Error): void {
  const bytes = new Uint8Array(exchange.fault)
  const { written } = new TextEncoder().encodeInto(message, bytes)
  control[RUNTIME.count] = written
  Atomics.store(control, RUNTIME.state, RUNTIME.failed)
  Atomics.notify(control, RUNTIME.state)
}
