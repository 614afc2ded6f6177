import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import type { PartitionRef } from '../groups.ts'

/**
 * What a consumer tells the others of its group, and what it is told: `ConsumerProtocolSubscription` and
 * `ConsumerProtocolAssignment` of Kafka's message definitions, so that any Kafka client may be in the group.
 */
export interface Subscription {
  readonly topics: readonly string[]
  readonly owned: readonly PartitionRef[]
  /** The one in which `owned` was given; -1: none. */
  readonly generation: number
}

/** Version 3 (KIP-881): owned partitions, generation and rack. Older members read what they know of it. */
const VERSION = 3

export function encodeSubscription({ topics, owned, generation }: Subscription): Uint8Array {
  const to = new Writer(false)
  to.int16(VERSION)
  to.array([...topics].sort(), (topic) => to.string(topic))
  // User data of the assignor `cooperative-sticky`, for members that know no generation in the message itself.
  to.int32(4)
  to.int32(generation)
  writePartitions(to, owned)
  to.int32(generation)
  to.string(null) // rack
  return unprefixed(to)
}

/** @throws WireError where it is none */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const from = reader(bytes)
  const version = from.int16()
  const topics = from.array(() => from.string())
  const userData = from.nullableBytes()
  const owned = version >= 1 ? readPartitions(from) : []
  const told = version >= 2 ? from.int32() : -1
  const generation = told >= 0 ? told : generationIn(userData)
  return { topics, owned, generation }
}

export function encodeAssignment(partitions: readonly PartitionRef[]): Uint8Array {
  const to = new Writer(false)
  to.int16(0)
  writePartitions(to, partitions)
  to.int32(-1) // no user data
  return unprefixed(to)
}

/** Nothing at all means no partitions. @throws WireError where it is no assignment */
export function decodeAssignment(bytes: Uint8Array): PartitionRef[] {
  if (bytes.length === 0) return []
  const from = reader(bytes)
  from.int16() // version
  return readPartitions(from)
}

function writePartitions(to: Writer, partitions: readonly PartitionRef[]): void {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition])
  to.array(
    [...topics].sort(([a], [b]) => (a < b ? -1 : 1)),
    ([topic, indexes]) => {
      to.string(topic)
      to.array(
        indexes.sort((a, b) => a - b),
        (index) => to.int32(index),
      )
    },
  )
}

function readPartitions(from: Reader): PartitionRef[] {
  return from
    .array(() => {
      const topic = from.string()
      return from.array(() => ({ topic, partition: from.int32() }))
    })
    .flat()
}

/** Four bytes are the generation; other assignors keep other things there. */
function generationIn(userData: Buffer | null): number {
  return userData?.length === 4 ? userData.readInt32BE(0) : -1
}

function reader(bytes: Uint8Array): Reader {
  return new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

/** What was written, without the size in front of a request. */
function unprefixed(to: Writer): Uint8Array {
  return Buffer.concat(to.finish()).subarray(4)
}
