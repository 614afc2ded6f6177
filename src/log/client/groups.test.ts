import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CuttableNet } from '../../../test/log/cuttable-net.ts'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { openBroker } from '../broker/open.ts'
import { groupsConformance } from '../groups-conformance.ts'
import { connectLog } from './connect.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, disk: fileDisk, logger: silentLogger }

groupsConformance('client on the embedded broker', 1_500, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-groups-'))
  const listen = { host: '127.0.0.1', port: 0 }
  const limits = { minSessionMs: 1_000, firstJoinWaitMs: 0 }
  const broker = await openBroker({ directory, listen, sync: { mode: 'ack' }, limits }, system)
  return {
    open: (options) => connectLog({ brokers: [broker.address], system, ...options }),
    async openCuttable() {
      const net = new CuttableNet(nodeNet)
      const log = await connectLog({ brokers: [broker.address], system: { ...system, net } })
      return { log, cut: () => net.cut(), heal: () => net.heal() }
    },
    async stop() {
      await broker.close()
      await rm(directory, { recursive: true })
    },
  }
})
