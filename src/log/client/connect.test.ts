import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBatch } from '../../../test/log/make-batch.ts'
import { MemoryStorage } from '../../../test/log/memory-storage.ts'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Broker } from '../broker/broker.ts'
import { openStorage } from '../broker/storage/open-storage.ts'
import { conformance } from '../conformance.ts'
import { connectLog } from './connect.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, disk: fileDisk, logger: silentLogger }
const listen = { host: '127.0.0.1', port: 0 }

conformance(
  'client on the embedded broker',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-conformance-'))
    const { clock, disk, logger } = system
    const sync = { mode: 'ack' } as const
    const storage = openStorage(directory, { clock, disk, logger, sync, segmentBytes: 256 * 1024 })
    await storage.open()
    const broker = new Broker(storage, system, { listen })
    const address = await broker.start()
    return {
      open: (options) => connectLog({ brokers: [address], system, ...options }),
      async trim(topic, partition, offset) {
        await storage.partition(topic, partition)!.deleteRecords(offset)
      },
      async compact(topic) {
        // Beyond a segment, so that what was there is not in the active one any more.
        const ballast = [{ key: 'ballast', value: Buffer.alloc(250 * 1024, 'x') }]
        for (let i = 0; i < 2; i++) await storage.partition(topic, 0)!.append(makeBatch(ballast))
        await storage.compact(Date.now())
      },
      async stop() {
        await broker.close()
        await storage.close()
        await rm(directory, { recursive: true })
      },
    }
  },
  { trims: true, compacts: true },
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
