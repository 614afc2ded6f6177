import type { Address } from '../../system/net.ts'
import type { System } from '../../system/system.ts'
import { LogError } from '../log.ts'
import type {
  Appended,
  Log,
  LogState,
  NewRecord,
  PartitionEnds,
  Position,
  ReadBatch,
  ReadOptions,
  TopicDescription,
  TopicSpec,
} from '../log.ts'
import { closedError, MAX_PENDING_BYTES, mismatchError, unknownTopicError } from '../refusals.ts'
import { ANSWER_MS, Cluster } from './cluster.ts'
import { API, readCreateTopics, writeCreateTopics } from './messages.ts'
import type { ClusterMetadata } from './messages.ts'
import { askEnds, askOffsetsAt } from './offsets.ts'
import { Producer } from './producer.ts'
import type { ProducerOptions } from './producer.ts'
import { brokerError, isRetriable, KAFKA_ERROR } from './protocol-faults.ts'
import { ReadSession } from './read-session.ts'

export interface ConnectOptions extends Partial<ProducerOptions> {
  /** Where to ask first; the rest of the cluster is learned from whoever answers. */
  readonly brokers: readonly Address[]
  readonly system: Pick<System, 'clock' | 'random' | 'net'>
  /** What brokers show and log about us. Default `millrace`. */
  readonly clientId?: string
  /** How long `connectLog` and the calls that ask a broker something keep trying, ms. Default 30 s. */
  readonly patienceMs?: number
}

const CONNECT_MS = 5_000
const PATIENCE_MS = 30_000
const DELIVERY_MS = 120_000
const CLOSE_MS = 10_000

/**
 * The log over the Kafka protocol: the embedded broker and Apache Kafka alike. Resolves when a broker has answered.
 * @throws LogError `LOG_UNAVAILABLE` where none did within `patienceMs`
 */
export async function connectLog(options: ConnectOptions): Promise<Log> {
  const { clock, random, net } = options.system
  const dialling = { clock, net, clientId: options.clientId ?? 'millrace', connectMs: CONNECT_MS }
  const cluster = new Cluster(options.brokers, dialling, random)
  const producer = new Producer(cluster, clock, {
    compression: options.compression ?? 'none',
    maxPendingBytes: options.maxPendingBytes ?? MAX_PENDING_BYTES,
    deliveryMs: options.deliveryMs ?? DELIVERY_MS,
  })
  const log = new KafkaLog(cluster, producer, () => clock.monotonic(), options.patienceMs ?? PATIENCE_MS)
  try {
    await log.topics()
    return log
  } catch (error) {
    await log.close()
    throw error
  }
}

class KafkaLog implements Log {
  readonly #cluster: Cluster
  readonly #producer: Producer
  readonly #monotonic: () => number
  readonly #patienceMs: number
  readonly #sessions = new Set<ReadSession>()
  #closing: Promise<void> | undefined

  constructor(cluster: Cluster, producer: Producer, monotonic: () => number, patienceMs: number) {
    this.#cluster = cluster
    this.#producer = producer
    this.#monotonic = monotonic
    this.#patienceMs = patienceMs
  }

  async ensure(topics: readonly TopicSpec[]): Promise<void> {
    const specs = [...new Map(topics.map((spec) => [spec.name, spec])).values()]
    await this.#patiently('ensure topics', async () => {
      const known = await this.#cluster.describe(specs.map(({ name }) => name))
      const missing = specs.filter((spec) => !this.#matches(known, spec))
      if (missing.length === 0) return
      await this.#create(missing)
      const created = await this.#cluster.describe(missing.map(({ name }) => name))
      const late = missing.find((spec) => !this.#matches(created, spec))
      if (late) throw brokerError(`create topic "${late.name}"`, KAFKA_ERROR.unknownTopic)
    })
  }

  append(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    return this.#producer.append(topic, records)
  }

  ready(): Promise<void> {
    return this.#producer.ready()
  }

  async ends(topic: string): Promise<readonly PartitionEnds[]> {
    return this.#patiently(`ask for the ends of "${topic}"`, async () => {
      const leaders = this.#found(await this.#cluster.describe([topic]), topic)
      const wanted = leaders.map((_, partition) => ({ topic, partition }))
      const ends = await askEnds(this.#cluster, wanted)
      return ends.map(({ partition, start, end }) => ({ partition, start, end })).sort(byPartition)
    })
  }

  async offsetsAt(topic: string, time: number): Promise<readonly Position[]> {
    return this.#patiently(`ask for the offsets of a time in "${topic}"`, async () => {
      const leaders = this.#found(await this.#cluster.describe([topic]), topic)
      const wanted = leaders.map((_, partition) => ({ topic, partition }))
      return askOffsetsAt(this.#cluster, wanted, time)
    })
  }

  async *read(positions: readonly Position[], options: ReadOptions): AsyncGenerator<ReadBatch> {
    if (this.#closing) throw closedError('read')
    if (positions.length === 0) return
    const session = new ReadSession(this.#cluster, positions, options)
    this.#sessions.add(session)
    try {
      yield* session.run()
    } finally {
      this.#sessions.delete(session)
    }
  }

  async topics(): Promise<readonly TopicDescription[]> {
    const { topics } = await this.#patiently('list topics', () => this.#cluster.describe(null))
    return topics
      .filter(({ error, internal }) => error === 0 && !internal)
      .map(({ name, leaders }) => ({ name, partitions: leaders.length }))
  }

  state(): LogState {
    const { lastError, pendingBytes } = this.#producer
    return { connected: this.#cluster.reached, pendingBytes, ...(lastError && { lastError }) }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const session of this.#sessions) session.fail(closedError('read'))
    await this.#producer.close(CLOSE_MS)
    this.#cluster.close()
  }

  async #create(specs: readonly TopicSpec[]): Promise<void> {
    const connection = await this.#cluster.controller()
    const timeoutMs = ANSWER_MS - 1_000
    const body = await connection.request(API.createTopics, ANSWER_MS, (to) => writeCreateTopics(to, specs, timeoutMs))
    for (const { name, error, message } of readCreateTopics(body)) {
      if (error !== 0 && error !== KAFKA_ERROR.topicExists) throw brokerError(`create topic "${name}"`, error, message)
    }
  }

  #matches({ topics }: ClusterMetadata, spec: TopicSpec): boolean {
    const topic = topics.find(({ name }) => name === spec.name)
    if (topic === undefined || topic.error === KAFKA_ERROR.unknownTopic) return false
    if (topic.error !== 0) throw brokerError(`describe topic "${spec.name}"`, topic.error)
    if (topic.leaders.length !== spec.partitions) {
      throw mismatchError(spec.name, topic.leaders.length, spec.partitions)
    }
    return true
  }

  #found({ topics }: ClusterMetadata, name: string): readonly number[] {
    const topic = topics.find((one) => one.name === name)
    if (topic?.error === 0) return topic.leaders
    if (topic === undefined || !isRetriable(topic.error) || topic.error === KAFKA_ERROR.unknownTopic) {
      throw unknownTopicError('find', name)
    }
    throw brokerError(`describe topic "${name}"`, topic.error)
  }

  /** Tries again while the fault is one that may pass, up to the log's patience. */
  async #patiently<T>(action: string, step: () => Promise<T>): Promise<T> {
    const until = this.#monotonic() + this.#patienceMs
    for (let attempt = 1; ; attempt++) {
      if (this.#closing) throw closedError(action)
      try {
        return await step()
      } catch (error) {
        const lasting = !(error instanceof LogError) || !error.retriable
        if (lasting || this.#monotonic() >= until) throw error
      }
      await this.#cluster.pause(attempt)
    }
  }
}

function byPartition(a: PartitionEnds, b: PartitionEnds): number {
  return a.partition - b.partition
}
