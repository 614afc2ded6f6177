import { openBroker } from '../../src/log/broker/open.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { createLogger } from '../../src/system/logger.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'

/** `broker-process.ts DIRECTORY PORT`: an embedded broker in a process that a test can kill; prints its port when it serves. */
const [directory, port] = process.argv.slice(2) as [string, string]
const write = (line: string) => process.stderr.write(`${line}\n`)
const logger = createLogger({ level: 'info', format: 'text', now: Date.now, write })
const system = { clock: systemClock, random: systemRandom, disk: fileDisk, net: nodeNet, logger }
const listen = { host: '127.0.0.1', port: Number(port) }
const broker = await openBroker({ directory, listen, sync: { mode: 'ack' } }, system)
console.log(broker.address.port)
process.once('SIGTERM', () => void broker.close())
