import { openBroker } from '../../src/log/broker/open.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'

/** A broker in a process of its own, which a test kills: `broker-process.ts DIRECTORY`. It says its port. */
const directory = process.argv[2]!
const system = { clock: systemClock, random: systemRandom, disk: fileDisk, net: nodeNet, logger: silentLogger }
const listen = { host: '127.0.0.1', port: 0 }
const { address } = await openBroker({ directory, listen, sync: { mode: 'ack' } }, system)
process.stdout.write(`${address.port}\n`)
