import { join } from 'node:path'
import { openBroker } from '../../src/log/broker/open.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import { MemoryStore } from '../../src/log/memory/memory-store.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { hubSuite } from './hub-suite.ts'

/** Apache Kafka has its turn in test/kafka. */
const system = { clock: systemClock, random: systemRandom, disk: fileDisk, net: nodeNet, logger: silentLogger }

const store = new MemoryStore()

hubSuite('memory', () => {
  const log = new MemoryLog({ clock: systemClock, store, flushMs: 1 })
  return Promise.resolve({ log, close: () => log.close() })
})

hubSuite('embedded', async (directory) => {
  const listen = { host: '127.0.0.1', port: 0 }
  const broker = await openBroker({ directory: join(directory, 'log'), listen, sync: { mode: 'ack' } }, system)
  const log = await connectLog({ brokers: [broker.address], system })
  const close = () => log.close().then(() => broker.close())
  return { log, close }
})
