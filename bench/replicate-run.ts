import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { machine } from '../src/cli/machine.ts'
import { boundGarbage } from '../src/cli/garbage.ts'
import { Replication } from '../src/flow/replicate/replication.ts'
import { startBroker } from '../src/log/broker/start.ts'
import { connectLog } from '../src/log/client/connect.ts'
import type { Log, NewRecord } from '../src/log/log.ts'
import { parseAddress } from '../src/system/net.ts'

/**
 * An edge with a backlog, in a process of its own with its log in a thread and its memory bounded, as a hub is:
 *
 *     node bench/replicate-run.ts --directory DIR --fill 1000000          writes the backlog
 *     node bench/replicate-run.ts --directory DIR --to 127.0.0.1:9092     carries it; prints a `CarryResult` as JSON
 */
export interface CarryResult {
  readonly records: number
  readonly bytes: number
  readonly seconds: number
  /** Highest resident memory, MB, the broker's thread included. */
  readonly peakMb: number
}

const TOPIC = 'acme.berlin.telemetry'
const PARTITIONS = 4
const TOGETHER = 1_000
const ASSETS = 500
/** Of all records: what is older than a week would be removed while it is measured. */
const TIMESTAMP = Date.now()

const { values } = parseArgs({
  options: {
    directory: { type: 'string', default: 'log' },
    fill: { type: 'string' },
    to: { type: 'string', default: '' },
    compression: { type: 'string', default: 'zstd' },
  },
})

boundGarbage()
const system = machine({ logLevel: 'warn', logFormat: 'text' })
const listen = { host: '127.0.0.1', port: 0 }
const broker = await startBroker({ directory: values.directory, listen, sync: { mode: 'ack' } }, system)
const log = await connectLog({ brokers: [broker.address], system })
await log.ensure([{ name: TOPIC, partitions: PARTITIONS }])
if (values.fill === undefined) console.log(JSON.stringify(await carry()))
else await fill(Number(values.fill))
await log.close()
await broker.close()

async function fill(records: number): Promise<void> {
  for (let at = 0; at < records; at += TOGETHER) {
    await log.ready()
    void log.append(
      TOPIC,
      Array.from({ length: Math.min(TOGETHER, records - at) }, (_, index) => record(at + index)),
    )
  }
}

/** About 150 bytes: a key, the text of a reading with one number, two headers. */
function record(n: number): NewRecord {
  const key = `acme/berlin/line1/press${n % ASSETS}`
  const value = `{"asset":"${key}","ts":${1_732_287_000_000 + n},"recv":1732287000131,"values":{"temperature":${n % 997}}}`
  return {
    key,
    value,
    headers: [
      ['source', 'line1'],
      ['seq', String(n + 1)],
    ],
    timestamp: TIMESTAMP,
  }
}

async function carry(): Promise<CarryResult> {
  const brokers = values.to.split(',').map((text) => parseAddress(text)!)
  const compression = values.compression === 'none' ? 'none' : 'zstd'
  const connect = async () => {
    const options = { compression, deliveryMs: Infinity, maxPendingBytes: 4 * 1024 * 1024 } as const
    const target = await connectLog({ brokers, system, ...options })
    return { source: log, target, close: () => target.close() }
  }
  const topics = ['telemetry']
  const rules = { name: 'bench', site: 'acme/berlin', topics, assets: [], tags: [], thin: [], partitions: PARTITIONS }
  const options = { rules: { ...rules, catchUp: { order: 'in-order' } as const }, connect, home: log, system }
  const total = (await log.ends(TOPIC)).reduce((sum, { start, end }) => sum + end - start, 0)
  const stop = new AbortController()
  const began = performance.now()
  const replication = new Replication(options)
  const running = replication.run(stop.signal)
  const watcher = await connectLog({ brokers, system })
  await arrival(watcher, total)
  const seconds = (performance.now() - began) / 1000
  stop.abort()
  await running
  await watcher.close()
  return { records: total, bytes: total * 150, seconds, peakMb: process.resourceUsage().maxRSS / 1024 }
}

/** Resolves when the target has all records; what it is asked costs it next to nothing. */
async function arrival(target: Log, records: number): Promise<void> {
  for (;;) {
    const ends = await target.ends(TOPIC).catch(() => [])
    if (ends.reduce((sum, { end }) => sum + end, 0) >= records) return
    await sleep(50)
  }
}
