import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { collectLoading } from '../../system/loading.ts'
import type { LogFields, LogLevel, Logger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { LogError } from '../log.ts'
import { openBroker } from './open.ts'
import type { OpenOptions } from './open.ts'
import type { FromWorker, ToWorker } from './start.ts'

/** The entry of the broker's thread: `start.ts` tells it what to do. It ends when the port to its parent is closed. */
const FIGURES_MS = 1000
const port = parentPort!
const say = (message: FromWorker) => port.postMessage(message)

const system = { clock: systemClock, random: systemRandom, disk: fileDisk, net: nodeNet, logger: relayLogger({}) }
try {
  const broker = await openBroker(workerData as OpenOptions, system)
  systemClock.every(FIGURES_MS, () => say({ kind: 'figures', figures: broker.figures() }))
  port.on('message', (told: ToWorker) => {
    if (told.kind === 'close') void broker.close().finally(() => process.exit(0))
  })
  collectLoading(systemClock)
  say({ kind: 'ready', address: broker.address, hubAddress: broker.hubAddress, recovery: broker.recovery })
} catch (error) {
  if (!(error instanceof LogError)) throw error
  say({ kind: 'failed', code: error.code, message: error.message, retriable: error.retriable })
  port.close()
}

function relayLogger(base: LogFields): Logger {
  const log = (level: LogLevel) => (message: string, fields?: LogFields) => {
    say({ kind: 'log', level, message, fields: cloneable({ ...base, ...fields }) })
  }
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    child: (fields) => relayLogger({ ...base, ...fields }),
  }
}

/** Errors cross to the other thread as their text. */
function cloneable(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  )
}
