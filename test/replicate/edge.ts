import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReplicationView } from '../../src/api/contract.ts'
import { auditLedger } from '../../src/ledger/audit.ts'
import { openBroker } from '../../src/log/broker/open.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import type { Log, StoredRecord } from '../../src/log/log.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import type { Address } from '../../src/system/net.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { mqttDevice, type Device } from '../faults/devices.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { Journal, type Verdict } from '../faults/journal.ts'

export const SITE = 'acme/berlin'
export const TELEMETRY = 'acme.berlin.telemetry'

export const machine = {
  clock: systemClock,
  random: systemRandom,
  disk: fileDisk,
  net: nodeNet,
  logger: silentLogger,
  metrics: new Metrics(),
}

export interface EdgeOptions {
  /** More of `replicate:`, as YAML. */
  readonly more?: string
  /** Brokers of the Kafka that is the hub's own log; default: the embedded one. */
  readonly home?: readonly Address[]
}

/** A hub at the edge in a process of its own, with machines on MQTT, that replicates to a Kafka. */
export class Edge {
  readonly hub: HubProcess
  readonly journal = new Journal()
  readonly page: string
  readonly #mqtt: number
  readonly #directory: string
  readonly #home: readonly Address[] | undefined
  #devices: Device[] = []

  private constructor(hub: HubProcess, page: string, mqtt: number, directory: string, home: EdgeOptions['home']) {
    this.hub = hub
    this.page = page
    this.#mqtt = mqtt
    this.#directory = directory
    this.#home = home
  }

  /** Starts it; the test ends it. `brokers` as `host:port,host:port`. */
  static async start(t: TestContext, brokers: string, { more = '', home }: EdgeOptions = {}): Promise<Edge> {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-edge-'))
    const [http, mqtt, kafka] = (await freePorts(3)) as [number, number, number]
    const config = join(directory, 'plant.yaml')
    await writeFile(config, plant(http, mqtt, home ? kafkaLog(home) : `embedded: { listen: ${kafka} }`, brokers, more))
    const page = `http://127.0.0.1:${http}`
    const hub = new HubProcess(['src/main.ts', 'run', config, '--data', join(directory, 'data')], page)
    const edge = new Edge(hub, page, mqtt, directory, home)
    t.after(async () => {
      for (const device of edge.#devices) device.abandon()
      await hub.kill()
      await rm(directory, { recursive: true, force: true })
    })
    await hub.start(60_000)
    return edge
  }

  /** Takes its disk from a hub that has ended: what it knows then is what its log and the target say. */
  async emptyDisk(): Promise<void> {
    await rm(join(this.#directory, 'data'), { recursive: true })
  }

  /** Machines that send so many readings a second together. */
  load(devices: number, rate: number): void {
    const url = `mqtt://127.0.0.1:${this.#mqtt}`
    const options = (index: number) => ({
      asset: `line${index % 3}/press${index}`,
      journal: this.journal,
      rate: rate / devices,
    })
    this.#devices = Array.from({ length: devices }, (_, index) => mqttDevice(url, 1, 4, options(index)))
  }

  /** Resolves when everything sent is acknowledged. */
  async drain(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.drain()))
  }

  async replication(name = 'cloud'): Promise<ReplicationView> {
    const answer = await fetch(`${this.page}/api/v1/replication`, { signal: AbortSignal.timeout(5_000) })
    return ((await answer.json()) as { replications: ReplicationView[] }).replications.find((one) => one.name === name)!
  }

  /** Resolves when the replication is as wanted. */
  async until(wanted: (view: ReplicationView) => boolean, name = 'cloud', limitMs = 60_000): Promise<ReplicationView> {
    const began = performance.now()
    for (;;) {
      const view = await this.replication(name).catch(() => undefined)
      if (view && wanted(view)) return view
      const said = `${JSON.stringify(view)}\n${this.hub.said.join('\n')}`
      assert.ok(performance.now() - began < limitMs, `it never came true: ${said}`)
      await sleep(100)
    }
  }

  /** Everything that was acknowledged is in the cloud, and the last checkpoint of the books too. */
  async caughtUp(limitMs = 60_000): Promise<void> {
    // The books are written down every five seconds, if they have changed.
    await sleep(6_000)
    await this.until((view) => view.state === 'live' && view.behind.records === 0, 'cloud', limitMs)
  }

  /** Ends the hub and holds its log, the cloud's and the machines' journal against one another. */
  async check(brokers: readonly Address[]): Promise<Verdict> {
    await this.hub.stop()
    return withKafka(brokers, (cloud) => this.withLog((edge) => compare(edge, cloud, this.journal)))
  }

  /** Opens the log of a hub that has ended. */
  async withLog<T>(work: (log: Log) => Promise<T>): Promise<T> {
    if (this.#home !== undefined) return withKafka(this.#home, work)
    const directory = join(this.#directory, 'data', 'log')
    const broker = await openBroker(
      { directory, listen: { host: '127.0.0.1', port: 0 }, sync: { mode: 'ack' } },
      machine,
    )
    const log = await connectLog({ brokers: [broker.address], system: machine })
    try {
      return await work(log)
    } finally {
      await log.close()
      await broker.close()
    }
  }

  /** Resident memory of the hub now, in MB. */
  rssMb(): number {
    const status = readFileSync(`/proc/${this.hub.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
  }
}

async function withKafka<T>(brokers: readonly Address[], work: (log: Log) => Promise<T>): Promise<T> {
  const log = await connectLog({ brokers, system: machine })
  try {
    return await work(log)
  } finally {
    await log.close()
  }
}

/** Nothing lost, made up or out of order, of a load worth the name. */
export function assertExact(verdict: Verdict): void {
  assert.deepEqual({ ...verdict, acknowledged: 0, repeated: 0 }, { ...NOTHING_WRONG })
  assert.ok(verdict.acknowledged > 1_000, `only ${verdict.acknowledged} were sent`)
}

const NOTHING_WRONG = { acknowledged: 0, lost: [], phantoms: [], inversions: [], repeated: 0 }

/** The copy has every record of the original once, each key in the same order, and both prove their books. */
async function compare(edge: Log, cloud: Log, journal: Journal): Promise<Verdict> {
  const original = await byKey(edge)
  const copy = await byKey(cloud)
  assert.deepEqual([...copy.keys()].sort(), [...original.keys()].sort())
  for (const [key, values] of original) assert.deepEqual(copy.get(key), values, `records of ${key}`)
  const audits = await Promise.all([edge, cloud].map((log) => auditLedger(log, SITE, { full: true })))
  assert.deepEqual(
    audits.map(({ balanced, reasons, copy }) => ({ balanced, reasons, copy })),
    [
      { balanced: true, reasons: [], copy: undefined },
      { balanced: true, reasons: [], copy: 'whole' },
    ],
  )
  const numbers = [...copy].map(([key, values]): [string, number[]] => [
    key.slice(SITE.length + 1),
    values.map((value) => (JSON.parse(value) as { values: { n: number } }).values.n),
  ])
  return journal.check(new Map(numbers))
}

async function byKey(log: Log): Promise<Map<string, string[]>> {
  const keys = new Map<string, string[]>()
  for (const { key, value } of await recordsOf(log, TELEMETRY)) {
    const name = Buffer.from(key!).toString()
    const values = keys.get(name)
    if (values) values.push(Buffer.from(value!).toString())
    else keys.set(name, [Buffer.from(value!).toString()])
  }
  return keys
}

export async function recordsOf(log: Log, topic: string): Promise<StoredRecord[]> {
  const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
  const options = { signal: new AbortController().signal, untilEnd: true }
  const found: StoredRecord[] = []
  for await (const { records } of log.read(positions, options)) found.push(...records)
  return found
}

function kafkaLog(brokers: readonly Address[]): string {
  return `kafka: { brokers: [${brokers.map(({ host, port }) => `"${host}:${port}"`).join(', ')}], partitions: 3 }`
}

function plant(http: number, mqtt: number, log: string, brokers: string, more: string): string {
  const list = brokers
    .split(',')
    .map((one) => JSON.stringify(one))
    .join(', ')
  return `site: ${SITE}
log: { ${log} }
sources:
  load:
    mqtt: { listen: ${mqtt}, topics: { "load/{path...}": { asset: "{path}" } } }
replicate:
  cloud:
    to: { kafka: { brokers: [${list}], partitions: 6 } }
${more}api: { listen: ${http} }
`
}
