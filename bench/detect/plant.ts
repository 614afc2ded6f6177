import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { connectAsync } from 'mqtt'
import { attachLog, topicRecords } from '../../src/attach.ts'
import { machine } from '../../src/cli/machine.ts'
import type { StoredRecord } from '../../src/log/log.ts'
import { decodeAlarm } from '../../src/model/alarm-record.ts'
import type { AlarmTransition } from '../../src/model/alarm.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { topicName } from '../../src/model/path.ts'
import type { Reading } from '../../src/model/reading.ts'
import { decodeRecord } from '../../src/model/record.ts'
import { HubProcess } from '../../test/faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'

const SITE = 'acme/berlin'
const MAIN = join(import.meta.dirname, '../../src/main.ts')
/** Rows of one request; a request is 1 MiB at most. */
const LOT = 1_000
const LOT_BYTES = 900_000
const CAR_TOPIC = 'vehicles/sensor/data'

/** What a machine said at a time, ms since the epoch. */
export interface Row {
  readonly ts: number
  readonly values: { readonly [tag: string]: number | string }
}

/**
 * A hub in a process of its own with a log of its own, as a user starts it, with processors and else default settings.
 * Rows go in over HTTP or MQTT, with the times of whoever measured them; what came of them is read from the log when
 * the hub has ended, which is when all of it is durable.
 */
export class DetectPlant implements AsyncDisposable {
  readonly #directory: string
  readonly #ports: readonly [http: number, kafka: number, mqtt: number]
  readonly #page: string
  #hub: HubProcess | undefined
  #sent = 0

  private constructor(directory: string, ports: readonly [number, number, number]) {
    this.#directory = directory
    this.#ports = ports
    this.#page = `http://127.0.0.1:${ports[0]}`
  }

  static async start(processors: string): Promise<DetectPlant> {
    const [http, kafka, mqtt] = await freePorts(3)
    const plant = new DetectPlant(await mkdtemp(join(tmpdir(), 'millrace-detect-')), [http!, kafka!, mqtt!])
    await plant.run(processors)
    return plant
  }

  /** Starts the hub, on the log that is there, with the processors as YAML. */
  async run(processors: string): Promise<void> {
    const [http, kafka, mqtt] = this.#ports
    const plant = `site: ${SITE}
log: { embedded: { listen: ${kafka} } }
sources:
  machines: { http: {} }
  cars: { mqtt: { listen: ${mqtt}, topics: { "${CAR_TOPIC}/{car}": { asset: "fleet/{car}" } } } }
processors:
${processors}
api: { listen: ${http} }
`
    await writeFile(this.#file, plant)
    this.#sent = 0
    this.#hub = new HubProcess([MAIN, 'run', this.#file, '--data', this.#data, '--log-level', 'warn'], this.#page)
    await this.#hub.start()
  }

  /** Sends rows of a machine over HTTP; each is on disk before the next ones go. */
  async send(asset: string, rows: readonly Row[]): Promise<void> {
    for (const lot of lotsOf(rows)) await this.#post(`/api/v1/ingest/${asset}`, lot)
    this.#sent += rows.length
  }

  /** Sends what cars say over MQTT, QoS 1, in order. */
  async sendCars(messages: Iterable<Row & { readonly car: string }>): Promise<void> {
    const client = await connectAsync(`mqtt://127.0.0.1:${this.#ports[2]}`, { clean: true })
    const sent: Promise<unknown>[] = []
    for (const { car, ts, values } of messages) {
      sent.push(client.publishAsync(`${CAR_TOPIC}/${car}`, JSON.stringify({ ts, values }), { qos: 1 }))
      if (sent.length % LOT === 0) await Promise.all(sent)
    }
    await Promise.all(sent)
    await client.endAsync()
    this.#sent += sent.length
  }

  async sendEvent(type: string, asset: string): Promise<void> {
    // So that it is received after everything before it.
    await sleep(3)
    await this.#post('/api/v1/events', { type, asset, data: {} })
    this.#sent += 1
  }

  /** Waits until every processor has taken all that was sent since the hub's start, then ends the hub. */
  async end(): Promise<void> {
    for (;;) {
      const answer = await fetch(`${this.#page}/api/v1/processors`)
      const { processors } = (await answer.json()) as { processors: { name: string; facts: number; faults: number }[] }
      const faulty = processors.find(({ faults }) => faults > 0)
      if (faulty) throw new Error(`processor ${faulty.name} could not take ${faulty.faults} facts:\n${this.#said}`)
      if (processors.every(({ facts }) => facts >= this.#sent)) break
      await sleep(200)
    }
    const code = await this.#hub!.stop()
    if (code !== 0) throw new Error(`the hub ended with ${code}:\n${this.#said}`)
  }

  /** `millrace learn`, on the log of the hub that has ended; answers the file, relative to the config. */
  async learn(processor: string): Promise<string> {
    const file = `${processor}.model.json`
    const args = [MAIN, 'learn', processor, '--config', this.#file, '--data', this.#data]
    await promisify(execFile)(process.execPath, [...args, '--out', join(this.#directory, file)])
    return file
  }

  /** Readings that processors have derived; in order for each asset. */
  async derived(): Promise<Reading[]> {
    const catalogue = new Catalogue()
    return (await this.#records('derived')).map(({ value }) => decodeRecord(value!, catalogue))
  }

  /** Alarms as they came and went; in order for each asset. */
  async alarms(): Promise<AlarmTransition[]> {
    return (await this.#records('alarms')).map(({ value }) => decodeAlarm(value!))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub?.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }

  get #file(): string {
    return join(this.#directory, 'plant.yaml')
  }

  get #data(): string {
    return join(this.#directory, 'data')
  }

  get #said(): string {
    return this.#hub!.said.join('\n')
  }

  async #records(kind: string): Promise<StoredRecord[]> {
    const attached = await attachLog(this.#data, machine({ logLevel: 'error', logFormat: 'text' }))
    try {
      const options = { from: { at: 'start' }, untilEnd: true, signal: new AbortController().signal } as const
      return await Array.fromAsync(topicRecords(attached, topicName(SITE, kind), options))
    } finally {
      await attached.close()
    }
  }

  async #post(path: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(this.#page + path, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${text.slice(0, 500)}`)
  }
}

/** The asset that a path below the site stands for, in full. */
export function fullPath(asset: string): string {
  return `${SITE}/${asset}`
}

function* lotsOf(rows: readonly Row[]): Generator<readonly Row[]> {
  let lot: Row[] = []
  let bytes = 0
  for (const row of rows) {
    lot.push(row)
    bytes += JSON.stringify(row).length + 1
    if (lot.length < LOT && bytes < LOT_BYTES) continue
    yield lot
    lot = []
    bytes = 0
  }
  if (lot.length > 0) yield lot
}
