import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import type { TwinView, HubEntry, HubsView } from '../../src/api/contract.ts'
import { attachLog, proveBooks, topicRecords } from '../../src/attach.ts'
import { machine } from '../../src/cli/machine.ts'
import { EntryDecoder } from '../../src/flow/entries.ts'
import { ViewRun } from '../../src/flow/views.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { sourceOf } from '../../src/twins/twin.ts'
import { Twins } from '../../src/twins/twins.ts'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { Journal } from '../faults/journal.ts'
import { readNumbers } from '../faults/read-numbers.ts'
import { until } from '../until.ts'

const SITE = 'acme/berlin'
const HUB = ['src/main.ts', 'run']

export interface FleetOptions {
  /** Sources that dial out: each reads an MQTT broker that is there already, with a session of its own. */
  readonly sources: number
  /** Messages a second, of all sources together. */
  readonly rate: number
  readonly mosquitto: string
  /** Endpoint of an OPC UA server that one more source, `opcua`, subscribes to: the variables of `bench/opcua-server.ts`. */
  readonly opcua?: string
}

/** A hub of the fleet, in a process of its own. */
export interface FleetHub {
  readonly name: string
  readonly page: string
  readonly data: string
  readonly process: HubProcess
}

/**
 * Several hubs on one real Kafka, started with the same plant file, and the machines that they read: numbered messages
 * at QoS 1 on a broker that keeps what nobody has acknowledged.
 */
export class Fleet {
  readonly kafka: KafkaCluster
  readonly hubs: FleetHub[] = []
  readonly journal = new Journal()
  readonly #options: FleetOptions
  readonly #directory: string
  readonly #broker: ChildProcess
  readonly #url: string
  readonly #machines: MqttClient
  #timer: NodeJS.Timeout | undefined

  private constructor(
    options: FleetOptions,
    kafka: KafkaCluster,
    directory: string,
    broker: ChildProcess,
    url: string,
    machines: MqttClient,
  ) {
    this.#options = options
    this.kafka = kafka
    this.#directory = directory
    this.#broker = broker
    this.#url = url
    this.#machines = machines
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    await using started = new AsyncDisposableStack()
    const kafka = started.use(await startKafka())
    const directory = await mkdtemp(join(tmpdir(), 'millrace-fleet-'))
    const [port] = (await freePorts(1)) as [number]
    const config = join(directory, 'mosquitto.conf')
    await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`)
    const broker = spawn(options.mosquitto, ['-c', config], { stdio: 'ignore' })
    started.defer(() => void broker.kill('SIGKILL'))
    const url = `mqtt://127.0.0.1:${port}`
    const machines = mqtt.connect(url, { reconnectPeriod: 50 })
    machines.on('error', () => {})
    started.defer(() => void machines.end(true))
    await until(() => machines.connected)
    started.move()
    return new Fleet(options, kafka, directory, broker, url, machines)
  }

  /** Starts one more hub and resolves when it is ready. `program` is what node runs; default: the command line. */
  async addHub(name: string, program: readonly string[] = HUB): Promise<FleetHub> {
    const [http] = (await freePorts(1)) as [number]
    const config = join(this.#directory, `${name}.yaml`)
    await writeFile(config, this.#plant(http))
    const data = join(this.#directory, name)
    const page = `http://127.0.0.1:${http}`
    const args = [...program, config, '--data', data, '--hub', name, '--log-level', 'info']
    const hub = { name, page, data, process: new HubProcess(args, page) }
    this.hubs.push(hub)
    await hub.process.start(60_000)
    return hub
  }

  /** Machines begin to send. */
  load(): void {
    const { sources, rate } = this.#options
    let turn = 0
    this.#timer = setInterval(() => {
      for (let some = rate / 50; some > 0; some -= 1) this.#send(`line${(turn++ % sources) + 1}`)
    }, 20)
  }

  /** Machines stop; resolves when everything sent is in the log, or after a minute. */
  async drain(): Promise<void> {
    clearInterval(this.#timer)
    const deadline = performance.now() + 60_000
    const settled = async () => (await this.#stored()) >= this.journal.acknowledged
    while (!(await settled()) && performance.now() < deadline) await sleep(200)
  }

  /** What a hub says of all of them. */
  async ask({ page }: FleetHub): Promise<readonly HubEntry[]> {
    const answer = await fetch(`${page}/api/v1/hubs`, { signal: AbortSignal.timeout(2_000) })
    return ((await answer.json()) as HubsView).hubs
  }

  /** Which hub runs which source, as a hub says; only sources that are connected, and heard of since a wall time. */
  async holders(asked: FleetHub, since = 0): Promise<Map<string, string>> {
    const holders = new Map<string, string>()
    for (const { hub, sources } of await this.ask(asked).catch(() => [])) {
      for (const { name, kind, state, lastData = 0 } of sources) {
        const connected = state === 'live' || state === 'stale'
        if (kind !== 'http' && connected && lastData >= since) holders.set(name, hub)
      }
    }
    return holders
  }

  /** Resolves with the ms it took until what a hub says of the sources satisfies `wanted`. */
  async until(
    asked: FleetHub,
    wanted: (holders: ReadonlyMap<string, string>) => boolean,
    { limitMs = 30_000, since = 0 } = {},
  ): Promise<number> {
    const began = performance.now()
    let holders = await this.holders(asked, since)
    while (!wanted(holders)) {
      if (performance.now() - began > limitMs) {
        throw new Error(`it is not so after ${limitMs} ms: ${JSON.stringify([...holders])}\n${this.#said()}`)
      }
      await sleep(20)
      holders = await this.holders(asked, since)
    }
    return performance.now() - began
  }

  /** Ends all hubs cleanly. */
  async stopHubs(): Promise<void> {
    await Promise.all(this.hubs.map((hub) => hub.process.stop()))
  }

  /** What the machines were told, held against the log. */
  async verdict() {
    return this.journal.check(await readNumbers(this.hubs[0]!.data, `${SITE}/`))
  }

  /** The books, proved from the log. */
  async audit() {
    const attached = await attachLog(this.hubs[0]!.data, machine({ logLevel: 'error', logFormat: 'text' }))
    try {
      return await proveBooks(attached, () => {})
    } finally {
      await attached.close()
    }
  }

  /** The twins of all machines, as a hub shows them: revision, number, times and source. */
  async twinsOf({ page }: FleetHub): Promise<unknown[]> {
    return Promise.all(
      this.#assets().map(async (asset) => {
        const answer = await fetch(`${page}/api/v1/assets/${asset}`, { signal: AbortSignal.timeout(2_000) })
        const { revision, lastReceived, source, tags } = (await answer.json()) as TwinView
        const [n] = tags
        return [asset, revision, lastReceived, source, n?.value, n?.sourceTime, n?.receivedTime]
      }),
    )
  }

  /** The same as one view that nobody shares makes them from the log. */
  async twinsOfLog(): Promise<unknown[]> {
    const parts = machine({ logLevel: 'error', logFormat: 'text' })
    const attached = await attachLog(this.hubs[0]!.data, parts)
    const catalogue = new Catalogue()
    const twins = new Twins({ directory: join(this.#directory, 'recomputed'), catalogue, system: parts })
    const topics = ['acme.berlin.telemetry']
    const view = new ViewRun(twins, {
      log: attached.log,
      topics,
      decoder: new EntryDecoder('twins', { catalogue, system: parts }),
      system: parts,
    })
    const stop = new AbortController()
    const running = view.run(stop.signal)
    await until(() => view.caughtUp)
    stop.abort()
    await running
    await attached.close()
    return this.#assets().map((asset) => {
      const twin = twins.get(asset)!
      const { revision, lastReceived, tags } = twin
      const n = tags.get('n')
      return [asset, revision, lastReceived, sourceOf(twin), n?.value, n?.sourceTime, n?.receivedTime]
    })
  }

  #assets(): string[] {
    return Array.from({ length: this.#options.sources }, (_, index) => `${SITE}/line${index + 1}/press`)
  }

  /**
   * How long two hubs wrote the same source at once: from the first record of an epoch to the last one that an earlier
   * epoch received, ms; 0 or less where none did.
   */
  async overlap(): Promise<number> {
    const attached = await attachLog(this.hubs[0]!.data, machine({ logLevel: 'error', logFormat: 'text' }))
    const spans = new Map<string, Map<number, { first: number; last: number }>>()
    const from = { from: { at: 'start' }, signal: new AbortController().signal, untilEnd: true } as const
    for await (const { headers, timestamp } of topicRecords(attached, 'acme.berlin.telemetry', from)) {
      const named = Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value).toString()]))
      const epochs = spans.get(named['source']!) ?? new Map<number, { first: number; last: number }>()
      spans.set(named['source']!, epochs)
      const epoch = Number(named['epoch'])
      const { first, last } = epochs.get(epoch) ?? { first: timestamp, last: timestamp }
      epochs.set(epoch, { first: Math.min(first, timestamp), last: Math.max(last, timestamp) })
    }
    await attached.close()
    let most = -Infinity
    for (const epochs of spans.values()) {
      for (const [epoch, { last }] of epochs) {
        for (const [other, { first }] of epochs) if (other > epoch) most = Math.max(most, last - first)
      }
    }
    return most
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#machines.end(true)
    for (const hub of this.hubs) {
      hub.process.resume()
      await hub.process.kill()
    }
    this.#broker.kill('SIGKILL')
    await this.kafka.stop()
    await rm(this.#directory, { recursive: true, force: true })
  }

  #send(line: string): void {
    const asset = `${line}/press`
    const n = this.journal.send(asset)
    this.#machines.publish(`${line}/press`, `{"n":${n}}`, { qos: 1 }, (error) => {
      if (!error) this.journal.acknowledge(asset, n)
    })
  }

  /** Distinct numbers that the hubs have stored, as far as their books say. */
  async #stored(): Promise<number> {
    const read = await readNumbers(this.hubs[0]!.data, `${SITE}/`)
    return [...read.values()].reduce((sum, numbers) => sum + new Set(numbers).size, 0)
  }

  #plant(http = 0): string {
    const brokers = this.kafka.addresses().map(({ host, port }) => `"${host}:${port}"`)
    const sources = Array.from({ length: this.#options.sources }, (_, index) => {
      const line = `line${index + 1}`
      return `  ${line}: { mqtt: { broker: "${this.#url}", topics: { "${line}/{machine}": { asset: "${line}/{machine}" } } } }`
    })
    return [
      `site: ${SITE}`,
      `log: { kafka: { brokers: [${brokers.join(', ')}], partitions: 2 } }`,
      'sources:',
      '  posts: { http: {} }',
      ...sources,
      ...this.#opcua(),
      `api: { listen: ${http} }`,
      '',
    ].join('\n')
  }

  #opcua(): string[] {
    const { opcua } = this.#options
    if (opcua === undefined) return []
    const nodes = '[{ browse: "ns=urn:millrace:bench;Bench/Machine{n}", asset: "bench/machine{n}" }]'
    return [`  opcua: { opcua: { endpoint: "${opcua}", publishingInterval: 100ms, nodes: ${nodes} } }`]
  }

  #said(): string {
    return this.hubs.map(({ name, process }) => `${name}:\n${process.said.join('\n')}`).join('\n')
  }
}
