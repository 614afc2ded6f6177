import { join } from 'node:path'
import type { Plant } from './config/plant.ts'
import { readEvents, type PlacedEvent } from './flow/events.ts'
import { readReadings, type PlacedReading, type ReadingsOptions } from './flow/readings.ts'
import { auditLedger, type Audit } from './ledger/audit.ts'
import { guardForOne, loginBeside } from './log/broker/access/guard.ts'
import { openBroker } from './log/broker/open.ts'
import { connectLog, type ConnectOptions } from './log/client/connect.ts'
import { LogError, type Log, type StoredRecord } from './log/log.ts'
import { positionsAt } from './log/positions.ts'
import { topicName } from './model/path.ts'
import type { Address } from './system/net.ts'
import type { System } from './system/system.ts'
import { kafkaOptions, logDirectory } from './plant-log.ts'

/**
 * The second composition root: a plant's log, opened for reading by a command beside the hub. Where a hub runs on the
 * directory it is read through that hub's Kafka listener; where none does, the log is opened here.
 */
export interface AttachedLog {
  readonly site: string
  readonly log: Log
  /** Whether a hub may be running on it; one that is elsewhere on the same Kafka is not known here. */
  readonly running: boolean
  close(): Promise<void>
}

/** What a hub leaves in its data directory, so that commands find it. */
export interface HubFile {
  readonly pid: number
  readonly site: string
  readonly page: string
  readonly log: {
    readonly kind: 'embedded' | 'kafka'
    readonly brokers: readonly Address[]
    /** Whether it asks who is there. Credentials are in the config alone. */
    readonly secured: boolean
  }
}

const LOOPBACK = '127.0.0.1'

export const hubFilePath = (dataDirectory: string) => join(dataDirectory, 'hub.json')

/**
 * The log of the plant whose data is in a directory; with its config, the log that the config names.
 * @throws LogError `NO_DATA` where there is no plant's data in the directory, `NO_CREDENTIALS` where the log asks for
 * some and there is no config; or as the log's drivers do.
 */
export async function attachLog(dataDirectory: string, system: System, plant?: Plant): Promise<AttachedLog> {
  if (plant?.log.kind === 'kafka') return attachKafka(plant.site, kafkaOptions(plant.log, system))
  const hub = await readHubFile(dataDirectory, system)
  if (hub.log.kind === 'kafka') {
    if (hub.log.secured) throw credentialsError(dataDirectory)
    return attachKafka(hub.site, { brokers: hub.log.brokers, system })
  }
  return attachEmbedded(hub, dataDirectory, system, plant)
}

async function attachKafka(site: string, options: ConnectOptions): Promise<AttachedLog> {
  const log = await connectLog(options)
  return { site, log, running: true, close: () => log.close() }
}

async function attachEmbedded(hub: HubFile, data: string, system: System, plant?: Plant): Promise<AttachedLog> {
  try {
    const listen = { host: LOOPBACK, port: 0 }
    // On this machine others could come in as well.
    const { security, login } = await guardForOne(system.random)
    const options = { directory: logDirectory(data), listen, sync: { mode: 'ack' as const }, security }
    const broker = await openBroker(options, system)
    const log = await connectLog({ brokers: [broker.address], system, security: login })
    const close = async () => {
      await log.close()
      await broker.close()
    }
    return { site: hub.site, log, running: false, close }
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'LOG_DIRECTORY_LOCKED') throw error
    return attachBeside(hub, data, system, plant)
  }
}

/** Through the listener of the hub that has the log open. */
async function attachBeside(hub: HubFile, data: string, system: System, plant?: Plant): Promise<AttachedLog> {
  const { brokers, secured } = hub.log
  if (secured && plant?.log.kind !== 'embedded') throw credentialsError(data)
  const security = plant?.log.kind === 'embedded' ? loginBeside(plant.log.security) : {}
  const here = brokers.map(({ host, port }) => ({ host: host === '0.0.0.0' || host === '::' ? LOOPBACK : host, port }))
  const log = await connectLog({ brokers: here, system, security })
  return { site: hub.site, log, running: true, close: () => log.close() }
}

/** Where the page is of the hub that runs, or ran last, on a data directory. @throws LogError `NO_DATA` */
export async function runningPage(dataDirectory: string, system: System): Promise<string> {
  return (await readHubFile(dataDirectory, system)).page
}

async function readHubFile(dataDirectory: string, { disk }: System): Promise<HubFile> {
  try {
    return JSON.parse(Buffer.from(await disk.readFile(hubFilePath(dataDirectory))).toString()) as HubFile
  } catch (cause) {
    const message = `Cannot open "${dataDirectory}": there is no data of a plant in it, want the directory of "millrace run --data"`
    throw new LogError('NO_DATA', message, { retriable: false, cause })
  }
}

function credentialsError(dataDirectory: string): LogError {
  const message = `Cannot open the log of "${dataDirectory}": it asks who is there, want the config file (--config)`
  return new LogError('NO_CREDENTIALS', message, { retriable: false })
}

/** Proves the books from the whole log. */
export function proveBooks({ log, site }: AttachedLog, onProgress: (records: number) => void): Promise<Audit> {
  return auditLedger(log, site, { full: true, onProgress })
}

/** Where in the log a command begins to read. */
export type StartAt = ReadingsOptions['from']

/** The readings of the plant, as they lie in its log. */
export function plantReadings({ log, site }: AttachedLog, options: ReadingsOptions): AsyncGenerator<PlacedReading> {
  return readReadings(log, site, options)
}

/** How many records of measured values there are from a place on; for progress. */
export async function countRecords({ log, site }: AttachedLog, from: StartAt): Promise<number> {
  const topic = topicName(site, 'telemetry')
  const [ends, positions] = await Promise.all([log.ends(topic), positionsAt(log, topic, from)])
  return positions.reduce((sum, { partition, offset }) => sum + Math.max(0, ends[partition]!.end - offset), 0)
}

/** The business events of the plant, as they lie in its log. */
export function plantEvents({ log, site }: AttachedLog, options: ReadingsOptions): AsyncGenerator<PlacedEvent> {
  return readEvents(log, site, options)
}

/**
 * The records of one topic from a place on, in order within a partition.
 * @throws as `Log.read`; `TOPIC_UNKNOWN` where there is no such topic
 */
export async function* topicRecords(
  { log }: AttachedLog,
  topic: string,
  { from, signal, untilEnd }: ReadingsOptions,
): AsyncGenerator<StoredRecord & { readonly partition: number }> {
  for await (const { partition, records } of log.read(await positionsAt(log, topic, from), { signal, untilEnd })) {
    for (const record of records) yield { ...record, partition }
  }
}
