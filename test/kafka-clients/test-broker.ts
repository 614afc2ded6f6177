import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openBroker } from '../../src/log/broker/open.ts'
import type { OpenBroker, OpenOptions } from '../../src/log/broker/open.ts'
import { systemClock } from '../../src/system/clock.ts'
import type { Disk } from '../../src/system/disk.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { createLogger } from '../../src/system/logger.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { RawClient } from './raw-client.ts'

/** A broker on a temporary directory, gone when the test ends. */
export interface TestBroker {
  readonly broker: OpenBroker
  readonly directory: string
  /** `host:port`, as clients want it. */
  readonly address: string
  /** What the broker has logged, a line each. */
  readonly log: readonly string[]
  connect(): Promise<RawClient>
  /** Closes the broker and opens it again, on the same directory and port. */
  restart(): Promise<void>
}

export async function startTestBroker(
  t: TestContext,
  options: Partial<OpenOptions> = {},
  disk: Disk = fileDisk,
): Promise<TestBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-broker-'))
  const log: string[] = []
  const logger = createLogger({ level: 'debug', format: 'text', now: Date.now, write: (line) => log.push(line) })
  const system = { clock: systemClock, random: systemRandom, disk, net: nodeNet, logger }
  const listen = { host: '127.0.0.1', port: 0 }
  const open = (port: number) =>
    openBroker({ directory, listen: { ...listen, port }, sync: { mode: 'ack' }, ...options }, system)
  let broker = await open(0)
  const clients: RawClient[] = []
  t.after(async () => {
    for (const client of clients) client.close()
    await broker.close()
    await rm(directory, { recursive: true })
  })
  return {
    get broker() {
      return broker
    },
    directory,
    address: `127.0.0.1:${broker.address.port}`,
    log,
    async connect() {
      const client = await RawClient.connect(broker.address)
      clients.push(client)
      return client
    },
    async restart() {
      await broker.close()
      broker = await open(broker.address.port)
    },
  }
}
