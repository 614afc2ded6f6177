import type { Address } from '../../system/net.ts'
import type { Clock } from '../../system/clock.ts'
import { silentLogger, type Logger } from '../../system/logger.ts'
import type { System } from '../../system/system.ts'
import type { Random } from '../../system/random.ts'
import type { GroupDriver } from '../group/driver.ts'
import { DriverGroups } from '../group/driver-groups.ts'
import type { ConsumedBatch, ConsumeOptions, GroupDescription, GroupOptions, Membership } from '../groups.ts'
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
import { closedError, MAX_PENDING_BYTES, unknownTopicError } from '../refusals.ts'
import type { LogSecurity } from '../security.ts'
import { loginWith } from './authenticate.ts'
import { Cluster } from './cluster.ts'
import { KafkaCoordinator } from './coordinator.ts'
import { listGroups } from './group-list.ts'
import type { Dialling } from './connection.ts'
import type { ClusterMetadata } from './messages.ts'
import { askEnds, askOffsetsAt } from './offsets.ts'
import { Producer } from './producer.ts'
import type { ProducerOptions } from './producer.ts'
import { brokerError, isRetriable, KAFKA_ERROR } from './protocol-faults.ts'
import { ReadSession } from './read-session.ts'
import { TopicKeeper } from './topic-keeper.ts'
import type { TopicFacts } from './topic-keeper.ts'

export interface ConnectOptions extends Partial<ProducerOptions> {
  /** Where to ask first; the rest of the cluster is learned from whoever answers. */
  readonly brokers: readonly Address[]
  readonly system: Pick<System, 'clock' | 'random' | 'net'> & Partial<Pick<System, 'logger'>>
  /** Without it: plain and anonymous. */
  readonly security?: LogSecurity
  /** Where we are, as the brokers name their racks: reads come from the copy there, where they allow it (KIP-392). */
  readonly rack?: string
  /** What brokers show and log about us. Default `millrace`. */
  readonly clientId?: string
  /** How long `connectLog` and the calls that ask a broker something keep trying, ms. Default 30 s. */
  readonly patienceMs?: number
  /** Ends the waiting of `connectLog`, which then rejects with `LOG_CLOSED`. */
  readonly signal?: AbortSignal
}

const CONNECT_MS = 5_000
const PATIENCE_MS = 30_000
const DELIVERY_MS = 120_000
const CLOSE_MS = 10_000
/** When whoever waits for the log hears of it, and how often then. */
const SAY_AFTER_MS = 1_000
const SAY_EVERY_MS = 30_000

/** The log on brokers: what only they can tell. */
export interface BrokerLog extends Log {
  /**
   * How the cluster keeps a topic.
   * @throws LogError `LOG_REFUSED`, `LOG_UNAVAILABLE`, `LOG_CLOSED`
   */
  facts(topic: string): Promise<TopicFacts>
}

/**
 * The log over the Kafka protocol: the embedded broker and Apache Kafka alike. Resolves when a broker has answered.
 * @throws LogError `LOG_UNAVAILABLE` where none did within `patienceMs`; `LOG_VERSION`, `LOG_NOT_AUTHENTICATED` and
 * `LOG_TLS_FAILED` at once. Later the last two are waited for: what has begun goes on when they are mended, and `state`
 * tells of them.
 */
export async function connectLog(options: ConnectOptions): Promise<BrokerLog> {
  const { clock, random, net, logger = silentLogger } = options.system
  const dialling = {
    clock,
    net,
    clientId: options.clientId ?? 'millrace',
    connectMs: CONNECT_MS,
    ...secured(options),
  }
  const cluster = new Cluster(options.brokers, dialling, random, options.rack ?? '')
  const producer = new Producer(cluster, clock, {
    compression: options.compression ?? 'none',
    maxPendingBytes: options.maxPendingBytes ?? MAX_PENDING_BYTES,
    deliveryMs: options.deliveryMs ?? DELIVERY_MS,
  })
  const keeper = new TopicKeeper(cluster, (message, fields) => logger.warn(message, fields))
  const patience = { clock, random, logger, patienceMs: options.patienceMs ?? PATIENCE_MS }
  const log = new KafkaLog(cluster, producer, keeper, patience)
  const giveUp = () => void log.close()
  options.signal?.addEventListener('abort', giveUp, { once: true })
  try {
    if (options.signal?.aborted) throw closedError('connect')
    await log.topics()
    return log
  } catch (error) {
    await log.close()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', giveUp)
  }
}

function secured({ security, system }: ConnectOptions): Pick<Dialling, 'tls' | 'login'> {
  const { tls, sasl } = security ?? {}
  return { ...(tls && { tls }), ...(sasl && { login: loginWith(sasl, system) }) }
}

interface Patience {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly patienceMs: number
}

/** The brokers of a cluster learn of a topic one after the other; so long after it was ensured they all know. */
const NEWS_MS = 30_000

class KafkaLog implements BrokerLog {
  readonly #cluster: Cluster
  readonly #producer: Producer
  readonly #keeper: TopicKeeper
  readonly #patience: Patience
  readonly #sessions = new Set<ReadSession>()
  readonly #groups: DriverGroups
  /** When topics were ensured last, by monotonic time. */
  readonly #ensured = new Map<string, number>()
  #closing: Promise<void> | undefined

  constructor(cluster: Cluster, producer: Producer, keeper: TopicKeeper, patience: Patience) {
    this.#cluster = cluster
    this.#producer = producer
    this.#keeper = keeper
    this.#patience = patience
    this.#groups = new DriverGroups(this.#groupDriver())
  }

  async ensure(topics: readonly TopicSpec[]): Promise<void> {
    await this.#patiently('ensure topics', () => this.#keeper.ensure(topics))
    const now = this.#patience.clock.monotonic()
    for (const { name } of topics) this.#ensured.set(name, now)
  }

  facts(topic: string): Promise<TopicFacts> {
    return this.#patiently(`ask how "${topic}" is kept`, () => this.#keeper.facts(topic))
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
      yield* session.batches()
    } finally {
      this.#sessions.delete(session)
    }
  }

  join(options: GroupOptions): Membership {
    if (this.#closing) throw closedError(`join group "${options.group}"`)
    return this.#groups.join(options)
  }

  consume(options: ConsumeOptions): AsyncIterable<ConsumedBatch> {
    return this.#groups.consume(options)
  }

  committed(group: string, topics: readonly string[]): Promise<readonly Position[]> {
    return this.#patiently(`ask for the positions of group "${group}"`, () => this.#groups.committed(group, topics))
  }

  groups(): Promise<readonly GroupDescription[]> {
    return this.#patiently('list groups', () => listGroups(this.#cluster))
  }

  async topics(): Promise<readonly TopicDescription[]> {
    const { topics } = await this.#patiently('list topics', () => this.#cluster.describe(null))
    return topics
      .filter(({ error, internal }) => error === 0 && !internal)
      .map(({ name, leaders }) => ({ name, partitions: leaders.length }))
  }

  state(): LogState {
    const { pendingBytes } = this.#producer
    const lastError = this.#cluster.refusal ?? this.#producer.lastError
    return { connected: this.#cluster.reached, pendingBytes, ...(lastError && { lastError }) }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const session of this.#sessions) session.fail(closedError('read'))
    await this.#groups.close(closedError('stay in a group'))
    await this.#producer.close(CLOSE_MS)
    this.#cluster.close()
  }

  #groupDriver(): GroupDriver {
    const { clock, random } = this.#patience
    return {
      system: { clock, random },
      coordinator: (group, timing) => new KafkaCoordinator(this.#cluster, group, timing),
      partitions: async (topics) => {
        const { topics: found } = await this.#cluster.describe(topics)
        return new Map(found.filter(({ error }) => error === 0).map(({ name, leaders }) => [name, leaders.length]))
      },
      ends: (topic) => this.ends(topic),
      reading: (options) => {
        const session = new ReadSession(this.#cluster, [], options)
        this.#sessions.add(session)
        options.signal.addEventListener('abort', () => this.#sessions.delete(session), { once: true })
        return session
      },
    }
  }

  #found({ topics }: ClusterMetadata, name: string): readonly number[] {
    const topic = topics.find((one) => one.name === name)
    if (topic?.error === 0) return topic.leaders
    if (topic === undefined || !isRetriable(topic.error) || topic.error === KAFKA_ERROR.unknownTopic) {
      throw this.#isNews(name) ? newsError(name) : unknownTopicError('find', name)
    }
    throw brokerError(`describe topic "${name}"`, topic.error)
  }

  /** A topic that was just ensured is there, though not every broker has heard of it. */
  #isNews(name: string): boolean {
    const at = this.#ensured.get(name)
    return at !== undefined && this.#patience.clock.monotonic() - at < NEWS_MS
  }

  /** Tries again while the fault is one that may pass, up to the log's patience; says so where it takes long. */
  async #patiently<T>(action: string, step: () => Promise<T>): Promise<T> {
    const { clock, logger, patienceMs } = this.#patience
    const from = clock.monotonic()
    let sayAt = from + SAY_AFTER_MS
    for (let attempt = 1; ; attempt++) {
      if (this.#closing) throw closedError(action)
      try {
        return await step()
      } catch (error) {
        const lasting = !(error instanceof LogError) || !error.retriable
        const now = clock.monotonic()
        if (lasting || now - from >= patienceMs) throw error
        if (now >= sayAt) {
          logger.warn('Waiting for the log', { error })
          sayAt = now + SAY_EVERY_MS
        }
      }
      await this.#cluster.pause(attempt)
    }
  }
}

function newsError(name: string): LogError {
  const message = `Cannot find topic "${name}": it is new, and this broker has not heard of it yet`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}

function byPartition(a: PartitionEnds, b: PartitionEnds): number {
  return a.partition - b.partition
}
