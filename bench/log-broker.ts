import { parseArgs } from 'node:util'
import { machine } from '../src/cli/machine.ts'
import { openBroker } from '../src/log/broker/open.ts'

/** The embedded log alone, fsync before every acknowledgement: `node bench/log-broker.ts --port 9092 --directory DIR`. */
const { values } = parseArgs({
  options: { port: { type: 'string', default: '9092' }, directory: { type: 'string', default: 'log' } },
})
const listen = { host: '127.0.0.1', port: Number(values.port) }
const broker = await openBroker(
  { directory: values.directory, listen, sync: { mode: 'ack' } },
  machine({ logLevel: 'warn', logFormat: 'text' }),
)
process.once('SIGTERM', () => void broker.close().finally(() => process.exit(0)))
