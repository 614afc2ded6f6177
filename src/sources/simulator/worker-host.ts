import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { LogLevel } from '../../system/logger.ts'
import { smallThread } from '../../system/small-thread.ts'
import type { Endpoints, Simulator, SimulatorOptions } from './simulator.ts'

/** Bounds of the simulator's heap: its OPC UA server needs 60 MB; a small nursery saves 40 MB of memory. */
const HEAP = { maxOldGenerationSizeMb: 160, maxYoungGenerationSizeMb: 8 } as const

/**
 * Runs a simulator in a thread of its own, so that loading and running its OPC UA server never holds up the hub.
 * @throws Error with the simulator's message where it cannot start.
 */
export async function startSimulatorWorker(options: SimulatorOptions, level: LogLevel = 'warn'): Promise<Simulator> {
  const worker = smallThread(
    () =>
      new Worker(new URL('worker.ts', import.meta.url), {
        workerData: { options, level },
        resourceLimits: HEAP,
        execArgv: ['--no-warnings'],
      }),
  )
  const [answer] = (await once(worker, 'message')) as [{ endpoints: Endpoints } | { error: string }]
  if ('error' in answer) {
    await worker.terminate()
    throw new Error(`Cannot start the simulator: ${answer.error}`)
  }
  return {
    endpoints: answer.endpoints,
    async close() {
      const ended = once(worker, 'exit')
      // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage('close')
      await ended
    },
  }
}
