import { Worker } from 'node:worker_threads'
import type { LogFields, LogLevel } from '../../system/logger.ts'
import type { Address } from '../../system/net.ts'
import type { System } from '../../system/system.ts'
import { LogError } from '../log.ts'
import type { BrokerFigures } from './broker.ts'
import type { OpenOptions } from './open.ts'
import type { RecoveryReport } from './storage/storage.ts'

export interface StartOptions extends OpenOptions {
  /**
   * Called once if the broker's thread ends without having been asked to: `LOG_BROKER_DIED`. Nothing that was
   * acknowledged is lost, and a new `startBroker` recovers the rest.
   */
  readonly onDeath?: (error: LogError) => void
}

/** A broker that listens, in a thread of its own. */
export interface RunningBroker {
  readonly address: Address
  /** Where the hub itself comes in, if not there. */
  readonly hubAddress: Address | undefined
  /** What recovery found when the data directory was opened. */
  readonly recovery: RecoveryReport
  /** Ends it: connections close, the storage is closed cleanly. Bounded by 10 s; then the thread is killed. */
  close(): Promise<void>
}

/** What the thread says. */
export type FromWorker =
  | {
      readonly kind: 'ready'
      readonly address: Address
      readonly hubAddress: Address | undefined
      readonly recovery: RecoveryReport
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly retriable: boolean }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields }
  | { readonly kind: 'figures'; readonly figures: BrokerFigures }

/** What the thread is told. */
export type ToWorker = { readonly kind: 'close' }

const CLOSE_MS = 10_000

/**
 * Starts the embedded log's broker in a worker thread, so that neither fsync nor a busy hub delays the other. What the
 * thread logs comes out of `system.logger`, what it counts in `system.metrics`. `program` is what the thread runs; tests
 * hand in one that dies.
 * @throws LogError as `openBroker` does, and `LOG_BROKER_DIED` where the thread ended before it listened.
 */
export async function startBroker(
  { onDeath, ...options }: StartOptions,
  system: Pick<System, 'clock' | 'logger' | 'metrics'>,
  program = new URL('./worker.ts', import.meta.url),
): Promise<RunningBroker> {
  const worker = new Worker(program, { workerData: options, name: 'log-broker' })
  // Not `once`: that rejects at the error that comes before the exit.
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  let cause: unknown
  let asked = false
  worker.on('error', (error) => (cause = error))
  worker.on('message', relay(system))
  const ready = await started(worker, () => cause)
  void exited.then(() => asked || onDeath?.(died(cause)))
  return {
    address: ready.address,
    hubAddress: ready.hubAddress,
    recovery: ready.recovery,
    async close() {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      if (!asked) worker.postMessage({ kind: 'close' } satisfies ToWorker)
      asked = true
      const timer = system.clock.after(CLOSE_MS, () => void worker.terminate())
      await exited
      timer.cancel()
    },
  }
}

function started(worker: Worker, cause: () => unknown): Promise<Extract<FromWorker, { kind: 'ready' }>> {
  return new Promise((resolve, reject) => {
    worker.on('message', (said: FromWorker) => {
      if (said.kind === 'ready') resolve(said)
      if (said.kind === 'failed') reject(new LogError(said.code, said.message, { retriable: said.retriable }))
    })
    worker.once('exit', () => reject(died(cause())))
  })
}

function died(cause: unknown): LogError {
  const why = cause instanceof Error ? cause.message : 'its thread ended'
  const message = `Cannot go on with the embedded log: ${why}, want a broker that runs until it is closed`
  return new LogError('LOG_BROKER_DIED', message, { retriable: true, cause })
}

function relay({ logger, metrics }: Pick<System, 'logger' | 'metrics'>): (said: FromWorker) => void {
  let figures: BrokerFigures = { connections: 0, requests: 0, bytesIn: 0, bytesOut: 0 }
  const requests = metrics.counter('millrace_log_requests_total', 'Requests to the embedded log')
  const bytesIn = metrics.counter('millrace_log_received_bytes_total', 'Bytes that clients sent to the embedded log')
  const bytesOut = metrics.counter('millrace_log_sent_bytes_total', 'Bytes that the embedded log sent to clients')
  metrics.gauge('millrace_log_connections', 'Open connections to the embedded log', () => figures.connections)
  return (said) => {
    if (said.kind === 'log') logger[said.level](said.message, said.fields)
    if (said.kind !== 'figures') return
    requests.add(said.figures.requests - figures.requests)
    bytesIn.add(said.figures.bytesIn - figures.bytesIn)
    bytesOut.add(said.figures.bytesOut - figures.bytesOut)
    figures = said.figures
  }
}
