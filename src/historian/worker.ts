import { parentPort, type Transferable } from 'node:worker_threads'
import type { Answers, Call, FromThread, ToThread } from './calls.ts'
import { Store } from './store.ts'

/** The entry of the store's thread: `engine.ts` calls it. It ends when the port to its parent is closed. */
const port = parentPort!
const running = new Map<number, { readonly stop: AbortController; readonly ended: Promise<void> }>()
let store: Store | undefined

port.on('message', (message: ToThread) => {
  if ('close' in message) void close()
  else if ('cancel' in message) running.get(message.cancel)?.stop.abort()
  else begin(message.id, message.call)
})

function begin(id: number, call: Call): void {
  const stop = new AbortController()
  running.set(id, { stop, ended: run(id, call, stop.signal) })
}

/** A thread that ended while DuckDB works would take the whole process with it, so that is waited for. */
async function close(): Promise<void> {
  for (const { stop } of running.values()) stop.abort()
  while (running.size > 0) await Promise.all([...running.values()].map(({ ended }) => ended))
  store?.close()
  port.close()
}

async function run(id: number, call: Call, signal: AbortSignal): Promise<void> {
  try {
    const answer = await answerTo(call, signal)
    port.postMessage({ id, answer } satisfies FromThread, buffersOf(call, answer))
  } catch (error) {
    port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies FromThread)
  } finally {
    running.delete(id)
  }
}

async function answerTo(call: Call, signal: AbortSignal): Promise<Answers[Call['kind']]> {
  if (call.kind !== 'open') return answerOf(store!, call, signal)
  store = await Store.open(call.settings)
  return undefined
}

function answerOf(
  opened: Store,
  call: Exclude<Call, { kind: 'open' }>,
  signal: AbortSignal,
): Promise<Answers[Call['kind']]> {
  switch (call.kind) {
    case 'place':
      return opened.addPlace(call.id, call.epoch, call.topic, call.partition)
    case 'append':
      return opened.append(call.place, call.packed)
    case 'rotate':
      return opened.rotate()
    case 'drop':
      return opened.drop(call.generation)
    case 'write':
      return opened.write(call.generation, call.day, call.file, call.rollups)
    case 'merge':
      return opened.merge(call.files, call.file, call.rollups)
    case 'copy':
      return opened.copy(call.generations, call.file)
    default:
      return opened.query(call.query, signal)
  }
}

/** Columns of an answer are handed over, not copied. */
function buffersOf(call: Call, answer: Answers[Call['kind']]): Transferable[] {
  if (call.kind !== 'query') return []
  const { numbers, texts } = answer as Answers['query']
  return [...Object.values(numbers), ...Object.values(texts).map(({ codes }) => codes)].map(({ buffer }) => buffer)
}
