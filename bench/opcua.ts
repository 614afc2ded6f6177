import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { attachLog, plantReadings } from '../src/attach.ts'
import { machine } from '../src/cli/machine.ts'
import { freePorts } from '../tools/free-ports.ts'
import type { BenchOptions } from './main.ts'
import { Measured } from './processes.ts'

const VARIABLES = 5_000
/** From the first value until the subscription runs evenly. */
const WARM_UP_MS = 2_000
const PATIENCE_MS = 30_000

interface Row {
  readonly name: string
  /** Seconds from its start to the first value: loading, connecting, browsing, subscribing. */
  readonly ready: number
  readonly offered: number
  readonly taken: number
  readonly cpuPerMillion: number
  readonly serverLoad: number
  readonly peak: number
}

/** Where a client counts its values up to now; the hub's are counted in its log. */
interface Client {
  readonly name: string
  start(endpoint: string, directory: string): Promise<Measured>
  /** Whether a value has come. */
  hasValues(measured: Measured): Promise<boolean>
  /** Values between two wall times, once it has ended. */
  count?(directory: string, from: number, to: number): Promise<number>
}

/**
 * An OPC UA subscription of 5,000 variables on a server in its own process: values a second that a client takes, the
 * CPU it needs for them, and how busy the server is, since it is mostly the server that is the limit.
 */
export async function benchOpcua({ seconds, say }: BenchOptions): Promise<void> {
  const rows: Row[] = []
  for (const [rate, clients] of RUNS) {
    for (const client of clients) {
      say(`opcua: ${client.name}, ${thousands(rate)} values/s ...`)
      const row = await measure(client, rate, Math.min(seconds, 4)).catch((error: Error) => error)
      // Where the machine is too busy for one of them, the others are still worth a look.
      if (row instanceof Error) say(`opcua: ${client.name}: no figure: ${row.message}`)
      else rows.push(row)
    }
  }
  say(
    '\n| OPC UA, 5,000 variables | values/s set | values/s taken | CPU s per million values | server CPU | peak MB | first value after s |',
  )
  say('|---|---|---|---|---|---|---|')
  for (const { name, offered, taken, cpuPerMillion, serverLoad, peak, ready } of rows) {
    const load = `${Math.round(serverLoad * 100)} %`
    say(
      `| ${[name, thousands(offered), thousands(taken), cpuPerMillion.toFixed(2), load, peak.toFixed(0), ready.toFixed(1)].join(' | ')} |`,
    )
  }
  say('\nThe server is node-opcua, in its own process on the same two cores. Near 100 % server CPU it is the limit.')
}

async function measure(client: Client, rate: number, seconds: number): Promise<Row> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const [port] = (await freePorts(1)) as [number]
  const server = new Measured(process.execPath, [
    'bench/opcua-server.ts',
    '--port',
    String(port),
    '--variables',
    String(VARIABLES),
    '--rate',
    String(rate),
  ])
  let measured: Measured | undefined
  try {
    await server.listens(port)
    const began = performance.now()
    measured = await client.start(`opc.tcp://127.0.0.1:${port}`, directory)
    while (!(await client.hasValues(measured))) {
      if (performance.now() - began > PATIENCE_MS) throw new Error(`${client.name} took no value in 30 s`)
      await sleep(50)
    }
    const ready = (performance.now() - began) / 1000
    await sleep(WARM_UP_MS)
    const from = look(client, measured, server)
    await sleep(seconds * 1000)
    const to = look(client, measured, server)
    const { peak } = measured.memory()
    await measured.stop()
    const elapsed = (to.at - from.at) / 1000
    const taken = (await client.count?.(directory, from.at, to.at)) ?? to.taken.values - from.taken.values
    const takenFor = client.count ? elapsed : (to.taken.at - from.taken.at) / 1000
    return {
      name: client.name,
      ready,
      offered: ((to.set.values - from.set.values) / (to.set.at - from.set.at)) * 1000,
      taken: taken / takenFor,
      cpuPerMillion: ((to.cpu - from.cpu) / ((taken / takenFor) * elapsed)) * 1e6,
      serverLoad: (to.serverCpu - from.serverCpu) / elapsed,
      peak,
    }
  } finally {
    await measured?.stop()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

interface Count {
  readonly at: number
  readonly values: number
}

function look(client: Client, measured: Measured, server: Measured) {
  return {
    at: Date.now(),
    taken: client.count ? { at: 0, values: 0 } : (JSON.parse(measured.lastLine) as Count),
    set: JSON.parse(server.lastLine) as Count,
    cpu: measured.cpuSeconds(),
    serverCpu: server.cpuSeconds(),
  }
}

const counter = counting('ceiling: counts, stores nothing', 'count')
const source = counting('our source alone: readings made, nothing stored', 'source')

function counting(name: string, mode: string): Client {
  return {
    name,
    hasValues: async ({ lastLine }) => lastLine !== '' && (JSON.parse(lastLine) as Count).values > 0,
    start: async (endpoint) =>
      new Measured(process.execPath, [
        'bench/opcua-counter.ts',
        '--mode',
        mode,
        '--endpoint',
        endpoint,
        '--variables',
        String(VARIABLES),
      ]),
  }
}

/** Where the hub answers that is running at the moment. */
let page = ''

const hub: Client = {
  name: 'Millrace -> embedded log, fsync before acknowledgement, twins kept',
  async start(endpoint, directory) {
    const [http, kafka] = await freePorts(2)
    page = `http://127.0.0.1:${http}`
    const config = join(directory, 'plant.yaml')
    await writeFile(
      config,
      `site: acme/bench
log: { embedded: { listen: ${kafka} } }
sources:
  bench:
    opcua:
      endpoint: ${endpoint}
      samplingInterval: 0ms
      publishingInterval: 100ms
      nodes: [{ browse: "ns=urn:millrace:bench;Bench/Machine{n}", asset: "bench/machine{n}" }]
api: { listen: ${http} }
`,
    )
    const data = join(directory, 'data')
    return new Measured(process.execPath, ['src/main.ts', 'run', config, '--data', data, '--log-level', 'warn'])
  },
  async hasValues() {
    const answer = await fetch(`${page}/api/v1/ledger`).catch(() => undefined)
    if (answer === undefined) return false
    const { books } = (await answer.json()) as { books: readonly { received: number }[] }
    return books.some(({ received }) => received > 0)
  },
  count: (directory, from, to) => countStored(join(directory, 'data'), from, to),
}

/** Values that change in a second, what the server is asked for, and who takes them. */
const RUNS: readonly (readonly [rate: number, clients: readonly Client[]])[] = [
  [20_000, [counter, hub]],
  [50_000, [counter, source, hub]],
]

/** Reads the log back: what is in it is what was stored. */
async function countStored(data: string, from: number, to: number): Promise<number> {
  const attached = await attachLog(data, machine({ logLevel: 'error', logFormat: 'text' }))
  let values = 0
  const signal = new AbortController().signal
  for await (const { reading } of plantReadings(attached, { signal, from: { at: 'start' }, untilEnd: true })) {
    if (reading.receivedTime >= from && reading.receivedTime < to) values += Object.keys(reading.values).length
  }
  await attached.close()
  return values
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
