import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../system/clock.ts'
import { collectLoading } from '../../system/loading.ts'
import { createLogger, type LogLevel } from '../../system/logger.ts'
import { startSimulator, type SimulatorOptions } from './simulator.ts'

/** Entry of the simulator's thread: `workerData` are its options; it says where it speaks, and ends when told to. */
const { options, level } = workerData as { options: SimulatorOptions; level: LogLevel }
const logger = createLogger({
  level,
  format: 'text',
  now: () => systemClock.now(),
  write: (line) => process.stderr.write(`${line}\n`),
})

try {
  const simulator = await startSimulator(options, systemClock, logger)
  collectLoading(systemClock)
  say({ endpoints: simulator.endpoints })
  parentPort!.once('message', () => {
    void simulator.close().finally(() => process.exit(0))
  })
} catch (error) {
  say({ error: (error as Error).message })
}

function say(message: object): void {
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort!.postMessage(message)
}
