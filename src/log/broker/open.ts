import type { Address } from '../../system/net.ts'
import type { System } from '../../system/system.ts'
import { LogError } from '../log.ts'
import { Broker } from './broker.ts'
import type { BrokerFigures, BrokerOptions } from './broker.ts'
import { openStorage } from './storage/open-storage.ts'
import { StorageError } from './storage/storage.ts'
import type { RecoveryReport } from './storage/storage.ts'

export interface OpenOptions extends BrokerOptions {
  /** The data directory; made where it is missing. */
  readonly directory: string
  /** `ack`: fsync before every ack. `interval`: fsync every `intervalMs`; a power cut may lose that much. */
  readonly sync: { readonly mode: 'ack' } | { readonly mode: 'interval'; readonly intervalMs: number }
}

/** A broker that listens, on the caller's thread. */
export interface OpenBroker {
  readonly address: Address
  /** Where the hub itself comes in, if not there. */
  readonly hubAddress: Address | undefined
  /** What recovery found when the data directory was opened. */
  readonly recovery: RecoveryReport
  figures(): BrokerFigures
  /** Closes the connections, then the storage. */
  close(): Promise<void>
}

/**
 * Opens a data directory and serves it, on the caller's thread: for tests, and for the worker that `startBroker` makes.
 * @throws LogError `LOG_ADDRESS_IN_USE`, `LOG_ADDRESS_REFUSED`, `LOG_DIRECTORY_LOCKED`, `LOG_START_FAILED`
 */
export async function openBroker(
  options: OpenOptions,
  system: Pick<System, 'clock' | 'random' | 'disk' | 'net' | 'logger'>,
): Promise<OpenBroker> {
  const { directory, sync, limits } = options
  const { disk, clock, logger } = system
  const segmentBytes = limits?.segmentBytes
  const storage = openStorage(directory, { disk, clock, logger, sync, ...(segmentBytes && { segmentBytes }) })
  const broker = new Broker(storage, system, options)
  try {
    const recovery = await storage.open()
    const address = await broker.start()
    return {
      address,
      hubAddress: broker.hubAddress,
      recovery,
      figures: () => broker.figures(),
      async close() {
        await broker.close()
        await storage.close()
      },
    }
  } catch (fault) {
    await storage.close()
    throw startError(fault, options)
  }
}

function startError(fault: unknown, { directory, listen }: OpenOptions): LogError {
  const wrap = (code: string, message: string) => new LogError(code, message, { retriable: false, cause: fault })
  const at = `Cannot start the embedded log on "${listen.host}:${listen.port}"`
  if (fault instanceof StorageError && fault.kind === 'locked') return wrap('LOG_DIRECTORY_LOCKED', fault.message)
  const { code, message } = fault as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return wrap('LOG_ADDRESS_IN_USE', `${at}: another program listens there, want a free port`)
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return wrap('LOG_ADDRESS_REFUSED', `${at}: ${message}, want an address of this machine that we may listen on`)
  }
  return wrap('LOG_START_FAILED', `Cannot start the embedded log in "${directory}": ${message}`)
}
