import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryStorage } from '../../../test/log/memory-storage.ts'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Broker } from '../broker/broker.ts'
import { openBroker } from '../broker/open.ts'
import { conformance } from '../conformance.ts'
import { connectLog } from './connect.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, disk: fileDisk, logger: silentLogger }
const listen = { host: '127.0.0.1', port: 0 }

conformance(
  'client on the embedded broker',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-conformance-'))
    const broker = await openBroker({ directory, listen, sync: { mode: 'ack' } }, system)
    return {
      open: (options) => connectLog({ brokers: [broker.address], system, ...options }),
      async stop() {
        await broker.close()
        await rm(directory, { recursive: true })
      },
    }
  },
  { trims: false },
)

conformance(
  'client with zstd on a broker in memory',
  async () => {
    const storage = new MemoryStorage()
    const broker = new Broker(storage, system, { listen })
    const address = await broker.start()
    return {
      open: (options) => connectLog({ brokers: [address], system, compression: 'zstd', ...options }),
      async trim(topic, partition, offset) {
        storage.partition(topic, partition)!.startOffset = offset
      },
      stop: () => broker.close(),
    }
  },
  { trims: true },
)
