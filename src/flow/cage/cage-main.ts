import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { openCaged } from '../../component/user-processor.ts'
import { keyOf, type Step } from '../../component/topology.ts'
import type { Output, StepFault } from '../topology/engine.ts'
import { localHost, type Changes, type EngineHost, type Taken } from '../topology/host.ts'
import type { Call, Opening, Reply, Request } from './calls.ts'

/**
 * The process in which somebody's own processor runs: `node cage-main.ts FILE`, told its settings and all else over its channel. Node's
 * permissions leave it its own files to read; what else could reach the outside is taken away before the module is loaded.
 */
/** Modules of Node that only compute. */
const HARMLESS = new Set(['assert', 'assert/strict', 'buffer', 'string_decoder', 'url', 'util', 'util/types'])
const [file] = process.argv.slice(2) as [string]
const send = process.send!.bind(process)
const usage = process.memoryUsage.bind(process)
const plugin = new URL('../../plugin.ts', import.meta.url).href
const hosts = new Map<number, EngineHost>()

closeDoors()
const { promise: steps, resolve: open } = Promise.withResolvers<readonly Step[]>()
// Whoever calls hears of it.
steps.catch(() => {})
process.on('message', (message: Opening | Request) => {
  if ('settings' in message) open(load(message.settings))
  else void answer(message)
})

function closeDoors(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'millrace/plugin') return { url: plugin, shortCircuit: true }
      const resolved = next(specifier, context)
      const isOurs = context.parentURL?.startsWith(new URL('../../', import.meta.url).href) ?? true
      const builtin = resolved.url.startsWith('node:') ? resolved.url.slice('node:'.length) : undefined
      if (builtin === undefined || isOurs || HARMLESS.has(builtin)) return resolved
      throw new Error(`Cannot import "${specifier}": a caged processor may not, want a module that only computes`)
    },
  })
  for (const name of ['fetch', 'WebSocket', 'EventSource'] as const) Reflect.deleteProperty(globalThis, name)
  for (const name of [
    'kill',
    'getBuiltinModule',
    'exit',
    'abort',
    'reallyExit',
    'binding',
    'dlopen',
    'chdir',
    'send',
    'disconnect',
  ] as const) {
    // Node itself assigns some of them once there are threads.
    Object.defineProperty(process, name, { get: () => undefined, set() {}, configurable: false })
  }
}

async function load(settings: unknown): Promise<readonly Step[]> {
  const module = (await import(pathToFileURL(file).href)) as { default?: unknown }
  return openCaged(module.default, settings)
}

async function answer({ id, task, call }: Request): Promise<void> {
  const reply = { id, rss: usage().rss }
  try {
    const result = await perform(task, call, await steps)
    sendResult(reply, result)
  } catch (error) {
    send({ ...reply, error: error instanceof Error ? error.message : String(error) } satisfies Reply)
  }
}

async function perform(task: number, call: Call, of: readonly Step[]): Promise<Reply['result']> {
  let host = hosts.get(task)
  if (host === undefined) {
    hosts.set(task, (host = localHost({ name: 'code', from: [], steps: of })))
  }
  switch (call.do) {
    case 'restore':
      await host.restore(call.keys, call.received)
      return undefined
    case 'take':
      return plain(await host.take(call.facts))
    case 'advance':
      return plain(await host.advance(call.received))
    case 'changes':
      return plain(await host.changes())
    default:
      hosts.delete(task)
      return undefined
  }
}

/** What was thrown may be anything; its message can be sent. */
function plain<T extends Taken | Changes>(result: T): T {
  return { ...result, faults: result.faults.map((fault) => ({ ...fault, error: said(fault.error) })) }
}

function sendResult(reply: Omit<Reply, 'result'>, result: Reply['result']): void {
  try {
    send({ ...reply, ...(result && { result }) } satisfies Reply)
  } catch (error) {
    if (result === undefined || !('outputs' in result)) throw error
    send({ ...reply, result: sifted(result) } satisfies Reply)
  }
}

/** Without what cannot be sent, such as functions; each of those is a fault. */
function sifted({ outputs, faults }: Taken): Taken {
  const sent: Output[] = []
  const unsendable: StepFault[] = []
  for (const output of outputs) {
    try {
      structuredClone(output)
      sent.push(output)
    } catch (error) {
      unsendable.push({ step: 'code', key: keyOf(output.fact), cause: output.cause, error: said(error) })
    }
  }
  return { outputs: sent, faults: [...faults, ...unsendable] }
}

/** What was thrown as text; it may be an object without any. */
function said(error: unknown): string {
  try {
    return String(error)
  } catch {
    return 'It threw what has no text'
  }
}
