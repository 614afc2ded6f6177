import { join } from 'node:path'
import type { Plant } from './config/plant.ts'
import { decodeDefinition } from './flow/definitions.ts'
import { auditLedger, type Audit } from './ledger/audit.ts'
import { openBroker } from './log/broker/open.ts'
import { connectLog, type ConnectOptions } from './log/client/connect.ts'
import { LogError, type Log, type Position, type StoredRecord } from './log/log.ts'
import { Catalogue } from './model/catalogue.ts'
import { topicName } from './model/path.ts'
import type { Reading } from './model/reading.ts'
import { decodeRecord } from './model/record.ts'
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
  return attachEmbedded(hub, logDirectory(dataDirectory), system)
}

async function attachKafka(site: string, options: ConnectOptions): Promise<AttachedLog> {
  const log = await connectLog(options)
  return { site, log, running: true, close: () => log.close() }
}

async function attachEmbedded(hub: HubFile, directory: string, system: System): Promise<AttachedLog> {
  try {
    const listen = { host: '127.0.0.1', port: 0 }
    const broker = await openBroker({ directory, listen, sync: { mode: 'ack' } }, system)
    const log = await connectLog({ brokers: [broker.address], system })
    const close = async () => {
      await log.close()
      await broker.close()
    }
    return { site: hub.site, log, running: false, close }
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== 'LOG_DIRECTORY_LOCKED') throw error
    const log = await connectLog({ brokers: hub.log.brokers, system })
    return { site: hub.site, log, running: true, close: () => log.close() }
  }
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

export interface TailOptions {
  readonly signal: AbortSignal
  /** Begin at the first record that is still there, instead of at the end. */
  readonly fromStart: boolean
  /** End when everything that is there now has been read, instead of waiting for more. */
  readonly untilEnd: boolean
}

/** Readings as the log has them, with the place they have there. */
export interface TailedReading {
  readonly partition: number
  readonly offset: number
  readonly source: string
  readonly reading: Reading
}

/** Follows the telemetry of a plant. A record that is not a reading is passed over: the topics are open to others. */
export async function* tailReadings({ log, site }: AttachedLog, options: TailOptions): AsyncGenerator<TailedReading> {
  const catalogue = await readCatalogue(log, site, options.signal)
  const topic = topicName(site, 'telemetry')
  const ends = await log.ends(topic)
  const positions = ends.map(({ partition, start, end }): Position => ({
    topic,
    partition,
    offset: options.fromStart ? start : end,
  }))
  for await (const batch of log.read(positions, options)) {
    for (const record of batch.records) {
      const reading = decode(record, catalogue)
      if (reading) yield { partition: batch.partition, offset: record.offset, source: sourceOf(record), reading }
    }
  }
}

async function readCatalogue(log: Log, site: string, signal: AbortSignal): Promise<Catalogue> {
  const catalogue = new Catalogue()
  const topic = topicName(site, 'assets')
  const ends = await log.ends(topic)
  const positions = ends.map(({ partition, start }): Position => ({ topic, partition, offset: start }))
  for await (const { records } of log.read(positions, { signal, untilEnd: true })) {
    for (const { value } of records) {
      const definition = value && decodeDefinition(value)
      if (definition) catalogue.define(definition)
    }
  }
  return catalogue
}

function decode({ value }: StoredRecord, catalogue: Catalogue): Reading | undefined {
  try {
    return value === null ? undefined : decodeRecord(value, catalogue)
  } catch {
    return undefined
  }
}

function sourceOf({ headers }: StoredRecord): string {
  const source = headers.find(([name]) => name === 'source')?.[1]
  return source === undefined ? '' : Buffer.from(source).toString()
}
