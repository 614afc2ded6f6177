import type { LogFields } from '../../system/logger.ts'
import { LogError, type TopicSpec } from '../log.ts'
import { cleanupError, mismatchError } from '../refusals.ts'
import { ANSWER_MS, type Cluster } from './cluster.ts'
import { API, type TopicMetadata } from './messages.ts'
import { brokerError, KAFKA_ERROR } from './protocol-faults.ts'
import {
  readCreateTopics,
  readDescribeConfigs,
  writeCreateTopics,
  writeDescribeConfigs,
  type Configs,
  type TopicOutcome,
} from './topic-messages.ts'

/** How a cluster keeps a topic, whoever made it. */
export interface TopicFacts {
  readonly partitions: number
  /** Copies of each partition. */
  readonly replication: number
  /** By Kafka's names; those of `ASKED` that the cluster knows. */
  readonly configs: ReadonlyMap<string, string>
}

type Warn = (message: string, fields: LogFields) => void

/** Room for our largest record and what a batch adds. */
const TOPIC_BATCH_BYTES = 2 * 1024 * 1024

/** The largest that is exact in a number: 285,000 years. */
const NO_LIMIT_MS = String(Number.MAX_SAFE_INTEGER)

/**
 * What we ask for beyond a spec, the most important first. Not every service lets its users set them, so they are left
 * out one by one where a topic is refused because of its configs.
 */
const EXTRAS: Configs = [
  ['max.message.bytes', String(TOPIC_BATCH_BYTES)],
  // A hub's clock may be ahead of the brokers': since 4.0 they refuse what is an hour ahead (KIP-937).
  ['message.timestamp.after.max.ms', NO_LIMIT_MS],
]

const ASKED = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'min.insync.replicas',
  'max.message.bytes',
  'flush.messages',
]

/** Makes the topics that are missing, and holds those that are there against what is wanted of them. */
export class TopicKeeper {
  readonly #cluster: Cluster
  readonly #warn: Warn
  /** Topics that were looked at once: their configs are not asked for again. */
  readonly #checked = new Set<string>()

  constructor(cluster: Cluster, warn: Warn) {
    this.#cluster = cluster
    this.#warn = warn
  }

  /**
   * One try; safe to repeat.
   * @throws LogError `TOPIC_MISMATCH`, `LOG_REPLICATION`, `LOG_REFUSED`, `LOG_UNAVAILABLE`
   */
  async ensure(topics: readonly TopicSpec[]): Promise<void> {
    const specs = [...new Map(topics.map((spec) => [spec.name, spec])).values()]
    const found = await this.#find(specs)
    await this.#check(specs.filter(({ name }) => found.has(name) && !this.#checked.has(name)))
    const missing = specs.filter(({ name }) => !found.has(name))
    if (missing.length === 0) return
    const outcomes = await this.#create(missing)
    const created = await this.#find(missing)
    const late = missing.find(({ name }) => !created.has(name))
    if (late) throw brokerError(`create topic "${late.name}"`, KAFKA_ERROR.unknownTopic)
    // Whom somebody else made meanwhile is looked at like any that was there before.
    const theirs = outcomes.filter(({ error }) => error === KAFKA_ERROR.topicExists).map(({ name }) => name)
    await this.#check(missing.filter(({ name }) => theirs.includes(name)))
    for (const { name } of missing) this.#checked.add(name)
  }

  /** @throws LogError `TOPIC_UNKNOWN`, `LOG_UNAVAILABLE`, `LOG_REFUSED` */
  async facts(topic: string): Promise<TopicFacts> {
    const { topics } = await this.#cluster.describe([topic])
    const found = topics.find(({ name }) => name === topic)
    const error = found?.error ?? KAFKA_ERROR.unknownTopic
    if (error !== 0) throw brokerError(`describe topic "${topic}"`, error)
    const configs = await this.#configs([topic])
    return { partitions: found!.leaders.length, replication: found!.replication, configs: configs.get(topic)! }
  }

  /** Those of the topics that exist, by name; with the partitions that are wanted. */
  async #find(specs: readonly TopicSpec[]): Promise<Map<string, TopicMetadata>> {
    const { topics } = await this.#cluster.describe(specs.map(({ name }) => name))
    const found = new Map<string, TopicMetadata>()
    for (const spec of specs) {
      const topic = topics.find(({ name }) => name === spec.name)
      if (topic === undefined || topic.error === KAFKA_ERROR.unknownTopic) continue
      if (topic.error !== 0) throw brokerError(`describe topic "${spec.name}"`, topic.error)
      const { length } = topic.leaders
      if (length !== spec.partitions) throw mismatchError(spec.name, length, spec.partitions)
      found.set(spec.name, topic)
    }
    return found
  }

  /** Another cleanup policy would lose what is wanted; anything else that differs is somebody's decision, and said. */
  async #check(specs: readonly TopicSpec[]): Promise<void> {
    if (specs.length === 0) return
    const described = await this.#configs(specs.map(({ name }) => name))
    for (const spec of specs) {
      const there = described.get(spec.name)!
      const cleanup = there.get('cleanup.policy')
      if (spec.cleanup && cleanup !== undefined && cleanup !== spec.cleanup) {
        throw cleanupError(spec.name, cleanup, spec.cleanup)
      }
      this.#compare(spec, there)
      this.#checked.add(spec.name)
    }
  }

  #compare(spec: TopicSpec, there: ReadonlyMap<string, string>): void {
    for (const [name, value] of wanted(spec)) {
      const actual = there.get(name)
      if (actual === undefined || actual === value) continue
      this.#warn('A topic is kept otherwise than the config says', { topic: spec.name, [name]: actual, want: value })
    }
    const most = Number(there.get('max.message.bytes') ?? TOPIC_BATCH_BYTES)
    if (most >= TOPIC_BATCH_BYTES) return
    this.#warn('A topic takes smaller batches than the largest record needs', {
      topic: spec.name,
      'max.message.bytes': most,
      want: TOPIC_BATCH_BYTES,
    })
  }

  async #configs(topics: readonly string[]): Promise<Map<string, ReadonlyMap<string, string>>> {
    const connection = await this.#cluster.any()
    const body = await connection.request(API.describeConfigs, ANSWER_MS, (to) =>
      writeDescribeConfigs(to, topics, ASKED),
    )
    const described = new Map<string, ReadonlyMap<string, string>>()
    for (const { name, error, message, configs } of readDescribeConfigs(body)) {
      // Who may write a topic need not be allowed to see how it is kept.
      if (error === KAFKA_ERROR.topicUnauthorized) described.set(name, new Map())
      else if (error !== 0) throw brokerError(`ask how topic "${name}" is kept`, error, message)
      else described.set(name, configs)
    }
    return described
  }

  /** Makes topics with as many of the extras as the cluster takes. */
  async #create(specs: readonly TopicSpec[]): Promise<TopicOutcome[]> {
    const outcomes: TopicOutcome[] = []
    let left = specs
    for (let extras = EXTRAS.length; left.length > 0; extras--) {
      const answers = await this.#ask(left, EXTRAS.slice(0, extras))
      const refused = answers.filter(({ error }) => error === KAFKA_ERROR.invalidConfig && extras > 0)
      outcomes.push(...answers.filter((one) => !refused.includes(one)))
      left = left.filter(({ name }) => refused.some((one) => one.name === name))
    }
    for (const { name, error, message } of outcomes) {
      if (error === 0 || error === KAFKA_ERROR.topicExists) continue
      const fault = brokerError(`create topic "${name}"`, error, message)
      throw error === KAFKA_ERROR.invalidReplication ? replicationError(fault) : fault
    }
    return outcomes
  }

  async #ask(specs: readonly TopicSpec[], extras: Configs): Promise<TopicOutcome[]> {
    const connection = await this.#cluster.controller()
    const timeoutMs = ANSWER_MS - 1_000
    const body = await connection.request(API.createTopics, ANSWER_MS, (to) => {
      writeCreateTopics(to, specs, (spec) => [...wanted(spec), ...extras], timeoutMs)
    })
    return readCreateTopics(body)
  }
}

/** What a spec says, as configs of a topic. */
function wanted({ cleanup, retention, minInSync }: TopicSpec): [name: string, value: string][] {
  const configs: [string, string][] = []
  if (cleanup) configs.push(['cleanup.policy', cleanup])
  if (minInSync !== undefined) configs.push(['min.insync.replicas', String(minInSync)])
  if (retention) {
    // A policy that is given is given whole: without a limit means without, not the broker's seven days.
    configs.push(['retention.ms', `${retention.ms ?? -1}`], ['retention.bytes', `${retention.bytes ?? -1}`])
  }
  return configs
}

/** The same fault under a code of its own: it is the config that asks for more copies than there are brokers. */
function replicationError(fault: LogError): LogError {
  return new LogError('LOG_REPLICATION', fault.message, { retriable: false, cause: fault })
}
