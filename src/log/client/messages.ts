import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'

/**
 * The requests that this client makes, one version of each: the newest without flexible fields, which every broker
 * from Apache Kafka 2.4 to 4.x and the embedded one speak (KIP-896 keeps them). kafka.apache.org/protocol.
 */
export const API = {
  produce: { key: 0, version: 7 },
  fetch: { key: 1, version: 11 },
  listOffsets: { key: 2, version: 2 },
  metadata: { key: 3, version: 4 },
  saslHandshake: { key: 17, version: 1 },
  createTopics: { key: 19, version: 4 },
  initProducerId: { key: 22, version: 1 },
  saslAuthenticate: { key: 36, version: 1 },
  describeConfigs: { key: 32, version: 2 },
} as const

/** A request by its key, in the version that is sent. */
export interface Api {
  readonly key: number
  readonly version: number
}

export interface ClusterMetadata {
  readonly nodes: readonly { readonly id: number; readonly host: string; readonly port: number }[]
  readonly controller: number
  readonly topics: readonly TopicMetadata[]
}

export interface TopicMetadata {
  readonly error: number
  readonly name: string
  readonly internal: boolean
  /** By partition: the node that leads it, -1 where there is none right now. */
  readonly leaders: readonly number[]
  /** Copies of its first partition, and so of all of them unless somebody moved some. */
  readonly replication: number
}

/** @param topics names to ask for; null for all */
export function writeMetadata(to: Writer, topics: readonly string[] | null): void {
  to.array(topics, (name) => to.string(name))
  to.boolean(false) // never creates
}

export function readMetadata(from: Reader): ClusterMetadata {
  from.int32() // throttle time
  const nodes = from.array(() => {
    const node = { id: from.int32(), host: from.string(), port: from.int32() }
    from.nullableString() // rack
    return node
  })
  from.nullableString() // cluster id
  const controller = from.int32()
  return { nodes, controller, topics: from.array(() => readTopic(from)) }
}

function readTopic(from: Reader): TopicMetadata {
  const topic = { error: from.int16(), name: from.string(), internal: from.boolean() }
  const leaders: number[] = []
  let replication = 0
  from.array(() => {
    from.int16() // its error shows as a leader of -1
    const partition = from.int32()
    leaders[partition] = from.int32()
    const replicas = from.array(() => from.int32())
    if (partition === 0) replication = replicas.length
    from.array(() => from.int32()) // in sync
  })
  return { ...topic, leaders, replication }
}

/** Which end of a partition `ListOffsets` is asked for. */
export const LATEST = -1
export const EARLIEST = -2

/** Sees only what is committed: up to the last stable offset. */
const READ_COMMITTED = 1
const NO_REPLICA = -1

/** Partitions of topics, as the protocol groups them. */
export type ByTopic<T> = ReadonlyMap<string, readonly T[]>

export function writeListOffsets(to: Writer, partitions: ByTopic<number>, which: number): void {
  to.int32(NO_REPLICA)
  to.int8(READ_COMMITTED)
  to.array([...partitions], ([topic, indexes]) => {
    to.string(topic)
    to.array(indexes, (index) => {
      to.int32(index)
      to.int64(which)
    })
  })
}

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  readonly error: number
  readonly offset: number
}

export function readListOffsets(from: Reader): PartitionOffset[] {
  from.int32() // throttle time
  return from
    .array(() => {
      const topic = from.string()
      return from.array(() => {
        const partition = from.int32()
        const error = from.int16()
        from.int64() // timestamp
        return { topic, partition, error, offset: from.int64() }
      })
    })
    .flat()
}

export function writeInitProducerId(to: Writer): void {
  to.string(null) // not transactional
  to.int32(60_000)
}

export interface ProducerIdentity {
  readonly error: number
  readonly producerId: number
  readonly producerEpoch: number
}

export function readInitProducerId(from: Reader): ProducerIdentity {
  from.int32() // throttle time
  return { error: from.int16(), producerId: from.int64(), producerEpoch: from.int16() }
}

export interface ProducedPartition {
  readonly partition: number
  readonly bytes: Uint8Array
}

const ALL_REPLICAS = -1

export function writeProduce(to: Writer, batches: ByTopic<ProducedPartition>, timeoutMs: number): void {
  to.string(null) // not transactional
  to.int16(ALL_REPLICAS)
  to.int32(timeoutMs)
  to.array([...batches], ([topic, partitions]) => {
    to.string(topic)
    to.array(partitions, ({ partition, bytes }) => {
      to.int32(partition)
      to.records(bytes)
    })
  })
}

export interface ProduceOutcome {
  readonly topic: string
  readonly partition: number
  readonly error: number
  readonly baseOffset: number
}

export function readProduce(from: Reader): ProduceOutcome[] {
  return from
    .array(() => {
      const topic = from.string()
      return from.array(() => {
        const outcome = { topic, partition: from.int32(), error: from.int16(), baseOffset: from.int64() }
        from.int64() // log append time
        from.int64() // log start offset
        return outcome
      })
    })
    .flat()
}

export interface FetchLimits {
  readonly waitMs: number
  readonly partitionBytes: number
  readonly answerBytes: number
  /** Where the reader is: the leader may name a copy that is nearer (KIP-392). */
  readonly rack: string
}

export interface FetchedFrom {
  readonly partition: number
  readonly offset: number
}

export function writeFetch(to: Writer, positions: ByTopic<FetchedFrom>, limits: FetchLimits): void {
  to.int32(NO_REPLICA)
  to.int32(limits.waitMs)
  to.int32(1) // answers as soon as there is a byte
  to.int32(limits.answerBytes)
  to.int8(READ_COMMITTED)
  to.int32(0) // no fetch session (KIP-227)
  to.int32(-1)
  to.array([...positions], ([topic, partitions]) => {
    to.string(topic)
    to.array(partitions, ({ partition, offset }) => {
      to.int32(partition)
      to.int32(-1) // leader epoch: unknown
      to.int64(offset)
      to.int64(-1) // log start: for replicas
      to.int32(limits.partitionBytes)
    })
  })
  to.array([], () => {}) // forgotten topics
  to.string(limits.rack)
}

export interface FetchAnswer {
  readonly error: number
  readonly partitions: readonly FetchedPartition[]
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly error: number
  /**
   * One past the last record that readers of committed data may see: the last stable offset, which an open transaction
   * holds below the high watermark. There may be no records right below it.
   */
  readonly readableEnd: number
  /** The copy that should be asked instead; -1 where this one is right. With another there are no records here. */
  readonly preferred: number
  readonly aborted: readonly AbortedTransaction[]
  /** Batches; the last one may be cut off. A view of the answer. */
  readonly batches: Uint8Array
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

const NO_BATCHES = new Uint8Array(0)

export function readFetch(from: Reader): FetchAnswer {
  from.int32() // throttle time
  const error = from.int16()
  from.int32() // session
  const partitions = from.array(() => {
    const topic = from.string()
    return from.array(() => readFetched(from, topic))
  })
  return { error, partitions: partitions.flat() }
}

function readFetched(from: Reader, topic: string): FetchedPartition {
  const partition = from.int32()
  const error = from.int16()
  from.int64() // high watermark
  const readableEnd = from.int64()
  from.int64() // log start
  const aborted = from.nullableArray(() => ({ producerId: from.int64(), firstOffset: from.int64() }))
  const preferred = from.int32()
  const batches = from.nullableBytes() ?? NO_BATCHES
  return { topic, partition, error, readableEnd, preferred, aborted: aborted ?? [], batches }
}

/** Gathers items under their topics, in the order in which they came. */
export function byTopic<T extends { readonly topic: string }>(items: readonly T[]): Map<string, T[]> {
  const topics = new Map<string, T[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list) list.push(item)
    else topics.set(item.topic, [item])
  }
  return topics
}
