import { parseArgs } from 'node:util'
import { machine } from '../src/cli/machine.ts'
import { connectLog } from '../src/log/client/connect.ts'
import type { Log, NewRecord } from '../src/log/log.ts'

/**
 * Load on a log through our client, in a process of its own; prints a `LogResult` as JSON.
 *
 *     node bench/log-load.ts --port 9092 --size 100 --seconds 4              as fast as it takes them
 *     node bench/log-load.ts --port 9092 --size 100 --seconds 4 --rate 1000  by the clock, for the latency
 *     node bench/log-load.ts --port 9092 --read                              everything that is there, once
 */
export interface LogResult {
  readonly records: number
  readonly recordsPerSecond: number
  /** From due to durable, ms; only with a rate. */
  readonly p50: number | null
  readonly p99: number | null
}

const TOPIC = 'bench'
const PARTITIONS = 4
/** Records of one append. */
const TOGETHER = 500
/** Of one append by the clock: what arrives within a few milliseconds. */
const TOGETHER_PACED = 100
const TICK_MS = 2

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9092' },
    size: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '4' },
    rate: { type: 'string', default: '0' },
    read: { type: 'boolean', default: false },
  },
})

const system = machine({ logLevel: 'error', logFormat: 'text' })
const log = await connectLog({ brokers: [{ host: '127.0.0.1', port: Number(values.port) }], system })
await log.ensure([{ name: TOPIC, partitions: PARTITIONS }])
const ms = Number(values.seconds) * 1000
const result = values.read
  ? await readAll(log)
  : Number(values.rate) > 0
    ? await paced(log, Number(values.size), Number(values.rate), ms)
    : await flood(log, Number(values.size), ms)
console.log(JSON.stringify(result))
await log.close()

async function flood(to: Log, size: number, forMs: number): Promise<LogResult> {
  const records = recordsOf(size, TOGETHER)
  let durable = 0
  const begin = performance.now()
  const appends: Promise<unknown>[] = []
  while (performance.now() - begin < forMs) {
    await to.ready()
    appends.push(to.append(TOPIC, records).then(() => (durable += TOGETHER)))
    if (appends.length === 1_000) await Promise.all(appends.splice(0, 500))
  }
  await Promise.all(appends)
  return { records: durable, recordsPerSecond: rateOf(durable, begin), p50: null, p99: null }
}

/** Latency counts from when an append was due, not from when there was time for it. */
async function paced(to: Log, size: number, rate: number, forMs: number): Promise<LogResult> {
  const records = recordsOf(size, TOGETHER_PACED)
  const latencies: number[] = []
  const appends: Promise<unknown>[] = []
  const begin = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now() - begin
      const owed = (Math.min(now, forMs) / 1000) * rate
      for (; sent < owed; sent += TOGETHER_PACED) {
        const due = begin + (sent / rate) * 1000
        appends.push(to.append(TOPIC, records).then(() => latencies.push(performance.now() - due)))
      }
      if (now < forMs) return
      clearInterval(timer)
      resolve()
    }, TICK_MS)
  })
  await Promise.all(appends)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? null
  return { records: sent, recordsPerSecond: rateOf(sent, begin), p50: at(0.5), p99: at(0.99) }
}

async function readAll(from: Log): Promise<LogResult> {
  const positions = (await from.ends(TOPIC)).map(({ partition, start }) => ({ topic: TOPIC, partition, offset: start }))
  const begin = performance.now()
  let records = 0
  const signal = new AbortController().signal
  for await (const batch of from.read(positions, { signal, untilEnd: true })) records += batch.records.length
  return { records, recordsPerSecond: rateOf(records, begin), p50: null, p99: null }
}

function recordsOf(size: number, count: number): NewRecord[] {
  // Without a key: partition by partition, as much to each.
  const value = Buffer.alloc(size, 'x')
  return Array.from({ length: count }, () => ({ key: null, value, timestamp: Date.now() }))
}

function rateOf(records: number, begin: number): number {
  return (records / (performance.now() - begin)) * 1000
}
