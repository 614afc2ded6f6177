import { Worker } from 'node:worker_threads'
import type { Network } from './network.ts'
import { RUNTIME, type Exchange } from './runtime-exchange.ts'

/** Numbers that a model may give, at most. */
const MOST_RESULTS = 10_000
/** How long it may take to load, and to run once; ms. */
const LOADING_MS = 60_000
const RUNNING_MS = 30_000
const FAULT_BYTES = 4_000

export interface RuntimeModel {
  /** Path of the main file of `onnxruntime-node`. */
  readonly library: string
  readonly model: Uint8Array
  readonly output: string | undefined
  readonly size: number
}

/**
 * A model that onnxruntime runs, as a network that answers at once: a thread calls the library and this one stands still
 * meanwhile, so it is for a process of its own. A fault of the model is thrown by each call.
 * @throws Error that says what is wrong with the model
 */
export function openRuntime(of: RuntimeModel): Network {
  const exchange: Exchange = {
    ...of,
    control: new SharedArrayBuffer(8),
    given: new SharedArrayBuffer(8 * of.size),
    results: new SharedArrayBuffer(8 * MOST_RESULTS),
    fault: new SharedArrayBuffer(FAULT_BYTES),
  }
  const control = new Int32Array(exchange.control)
  const given = new Float64Array(exchange.given)
  const worker = new Worker(new URL('./runtime-worker.ts', import.meta.url), { workerData: exchange })
  worker.unref()
  const outputSize = waited(exchange, RUNTIME.opening, LOADING_MS)
  const results = new Float64Array(exchange.results, 0, outputSize)
  return {
    outputSize,
    run(row) {
      given.set(row)
      Atomics.store(control, RUNTIME.state, RUNTIME.asked)
      Atomics.notify(control, RUNTIME.state)
      const count = waited(exchange, RUNTIME.asked, RUNNING_MS)
      if (count !== outputSize) throw new Error(`The model gave ${count} numbers, and ${outputSize} before`)
      return results
    },
  }
}

/** Stands still until the other thread has done what was asked for; answers how many numbers there are. */
function waited({ control, fault }: Exchange, state: number, withinMs: number): number {
  const shared = new Int32Array(control)
  if (Atomics.wait(shared, RUNTIME.state, state, withinMs) === 'timed-out')
    throw new Error(`The model has not answered within ${withinMs} ms`)
  const count = shared[RUNTIME.count]!
  if (Atomics.load(shared, RUNTIME.state) === RUNTIME.answered) return count
  // The bytes are copied: text is not decoded from shared memory.
  const text = Buffer.from(new Uint8Array(fault, 0, count).slice()).toString()
  Atomics.store(shared, RUNTIME.state, RUNTIME.answered)
  throw new Error(text)
}
