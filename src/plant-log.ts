import { join } from 'node:path'
import type { KafkaLogConfig, Plant } from './config/plant.ts'
import { guardListener } from './log/broker/access/guard.ts'
import { startBroker } from './log/broker/start.ts'
import { takeLock } from './log/broker/storage/lock.ts'
import { StorageError } from './log/broker/storage/storage.ts'
import { connectLog, type BrokerLog, type ConnectOptions } from './log/client/connect.ts'
import { LogError, type TopicSpec } from './log/log.ts'
import type { Address } from './system/net.ts'
import type { System } from './system/system.ts'

/** The log that a plant's config names, open and with the topics that were asked for. */
export interface PlantLog {
  readonly log: BrokerLog
  /** Where Kafka's clients reach it. */
  readonly brokers: readonly Address[]
  /** What of it survives what. */
  readonly durability: Durability
  /** Rejects when it is gone for good. */
  readonly ended: Promise<never>
}

/** `fsync`: a power cut. `replicated`: the loss of a broker. `page cache`: the end of a process, no more. */
type Durability = 'fsync' | 'replicated' | 'page cache'

export interface PlantLogOptions {
  readonly plant: Plant
  readonly dataDirectory: string
  readonly system: System
  /** Topics to make; the first one's durability is the log's. */
  readonly topics: readonly TopicSpec[]
  /** Ends the wait for a Kafka that is not there. */
  readonly signal?: AbortSignal
}

export const logDirectory = (dataDirectory: string) => join(dataDirectory, 'log')

/**
 * Opens a plant's log; the stack closes it. A Kafka that is not up yet is waited for.
 * @throws LogError
 */
export async function openPlantLog(options: PlantLogOptions, stack: AsyncDisposableStack): Promise<PlantLog> {
  const { plant, topics } = options
  return plant.log.kind === 'kafka'
    ? openKafka(plant.log, withCopies(topics, plant.log), options, stack)
    : openEmbedded(options, stack)
}

/** How to connect to a plant's Kafka. */
export function kafkaOptions({ brokers, compression, rack, security }: KafkaLogConfig, system: System): ConnectOptions {
  return { brokers, compression, system, ...(rack !== undefined && { rack }), ...(security && { security }) }
}

async function openEmbedded(
  { plant, dataDirectory, system, topics }: PlantLogOptions,
  stack: AsyncDisposableStack,
): Promise<PlantLog> {
  if (plant.log.kind !== 'embedded') throw new Error('Cannot open an embedded log: the config has another')
  const { promise: ended, reject } = Promise.withResolvers<never>()
  // Whoever does not wait for the end of the hub is not to crash over it.
  ended.catch(() => {})
  const { listen, sync, partitions } = plant.log
  const { advertise } = plant.log.security
  const { security, login } = await guardListener(plant.log.security, system.random)
  const directory = logDirectory(dataDirectory)
  const limits = { defaultPartitions: partitions }
  const guard = { ...(security && { security }), ...(advertise && { advertise }) }
  const broker = await startBroker({ directory, listen, sync, limits, onDeath: reject, ...guard }, system)
  stack.defer(() => broker.close())
  for (const damage of broker.recovery.damage) {
    system.logger.warn('Damage in the log was set aside', { ...damage })
  }
  const log = await connectLog({
    brokers: [broker.hubAddress ?? broker.address],
    system,
    ...(login && { security: login }),
  })
  stack.defer(() => log.close())
  await log.ensure(topics)
  return { log, brokers: [broker.address], durability: sync.mode === 'ack' ? 'fsync' : 'page cache', ended }
}

async function openKafka(
  config: KafkaLogConfig,
  topics: readonly TopicSpec[],
  { dataDirectory, system, signal }: PlantLogOptions,
  stack: AsyncDisposableStack,
): Promise<PlantLog> {
  // The embedded log's directory keeps a second hub out by itself; here the views are all there is on this disk.
  await lockDirectory(dataDirectory, system, stack)
  const log = await connectLog({ ...kafkaOptions(config, system), patienceMs: Infinity, ...(signal && { signal }) })
  stack.defer(() => log.close())
  await log.ensure(topics)
  const durability = await durabilityOf(log, topics[0]!.name, system)
  return { log, brokers: config.brokers, durability, ended: new Promise<never>(() => {}) }
}

async function lockDirectory(directory: string, { disk }: System, stack: AsyncDisposableStack): Promise<void> {
  try {
    const lock = await takeLock(disk, directory)
    stack.defer(() => lock.release())
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    throw new LogError('LOG_DIRECTORY_LOCKED', error.message, { retriable: false, cause: error })
  }
}

function withCopies(topics: readonly TopicSpec[], { replication, minInSync }: KafkaLogConfig): TopicSpec[] {
  return topics.map((topic) => ({
    ...topic,
    ...(replication !== undefined && { replication }),
    ...(minInSync !== undefined && { minInSync }),
  }))
}

/**
 * What an acknowledgement of Kafka is worth, by how the topic is really kept: with two copies that must both have a
 * record, the loss of one broker; with one, what its page cache survives, unless it flushes every record.
 */
async function durabilityOf(log: BrokerLog, topic: string, { logger }: System): Promise<Durability> {
  try {
    const { replication, configs } = await log.facts(topic)
    if (replication >= 2 && Number(configs.get('min.insync.replicas') ?? 1) >= 2) return 'replicated'
    return Number(configs.get('flush.messages') ?? Infinity) <= 1 ? 'fsync' : 'page cache'
  } catch (error) {
    if (!(error instanceof LogError)) throw error
    logger.warn('Cannot ask the log how it keeps its topics; the weakest is assumed', { error })
    return 'page cache'
  }
}
