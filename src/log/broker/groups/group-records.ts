import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import type { PartitionOffset } from './messages.ts'
import { NOTHING } from './messages.ts'

/*
 * The records of `__consumer_offsets`, field by field as Kafka writes them (its message definitions OffsetCommitKey,
 * OffsetCommitValue, GroupMetadataKey and GroupMetadataValue), so that Kafka's own tools read them.
 */

/** What a group was when it last changed. */
export interface GroupRecord {
  readonly group: string
  /** Empty: of a client that only keeps offsets. */
  readonly protocolType: string
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  /** Wall time of the change, ms; -1 where an old record does not say. */
  readonly since: number
  readonly members: readonly StoredMember[]
}

interface StoredMember {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceMs: number
  readonly sessionMs: number
  readonly metadata: Uint8Array
  readonly assignment: Uint8Array
}

/** What a group has committed of a partition. */
export interface Committed {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  /** Wall time, ms. */
  readonly at: number
}

/** A record, read back; `null` is a tombstone. Undefined kinds are of versions and protocols that are not ours. */
export type ReplayedRecord =
  | { readonly kind: 'group'; readonly group: string; readonly record: GroupRecord | null }
  | {
      readonly kind: 'offset'
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly committed: Committed | null
    }

/** Key and value of a record that is to be appended. */
export interface RawRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

const OFFSET_KEY = 1
const GROUP_KEY = 2
const VALUE_VERSION = 3

export function offsetRecord(
  group: string,
  { topic, partition, ...committed }: PartitionOffset,
  at: number,
): RawRecord {
  const value = encode((to) => {
    to.int16(VALUE_VERSION)
    to.int64(committed.offset)
    to.int32(committed.leaderEpoch)
    to.string(committed.metadata)
    to.int64(Math.trunc(at))
  })
  return { key: offsetKey(group, topic, partition), value }
}

export function offsetTombstone(group: string, topic: string, partition: number): RawRecord {
  return { key: offsetKey(group, topic, partition), value: null }
}

function offsetKey(group: string, topic: string, partition: number): Uint8Array {
  return encode((to) => {
    to.int16(OFFSET_KEY)
    to.string(group)
    to.string(topic)
    to.int32(partition)
  })
}

export function groupRecord(record: GroupRecord): RawRecord {
  const value = encode((to) => {
    to.int16(VALUE_VERSION)
    to.string(record.protocolType)
    to.int32(record.generation)
    to.string(record.protocol)
    to.string(record.leader)
    to.int64(Math.trunc(record.since))
    to.array(record.members, (member) => {
      to.string(member.id)
      to.string(member.instanceId)
      to.string(member.clientId)
      to.string(member.clientHost)
      to.int32(member.rebalanceMs)
      to.int32(member.sessionMs)
      to.bytes(member.metadata)
      to.bytes(member.assignment)
    })
  })
  return { key: groupKey(record.group), value }
}

export function groupTombstone(group: string): RawRecord {
  return { key: groupKey(group), value: null }
}

function groupKey(group: string): Uint8Array {
  return encode((to) => {
    to.int16(GROUP_KEY)
    to.string(group)
  })
}

/** The fields, without the size that a response begins with. */
function encode(write: (to: Writer) => void): Uint8Array {
  const writer = new Writer(false)
  write(writer)
  return Buffer.concat(writer.finish()).subarray(4)
}

/**
 * What a record says; undefined where it is of a kind or version that is not known here.
 * @throws WireError where its fields cannot be what they claim to be.
 */
export function readRecord(key: Uint8Array, value: Uint8Array | null): ReplayedRecord | undefined {
  const from = new Reader(asBuffer(key))
  const version = from.int16()
  if (version > GROUP_KEY || version < 0) return undefined
  const group = from.string()
  if (version === GROUP_KEY) {
    const record = value === null ? null : readGroup(group, new Reader(asBuffer(value)))
    return record === undefined ? undefined : { kind: 'group', group, record }
  }
  const topic = from.string()
  const partition = from.int32()
  const committed = value === null ? null : readCommitted(new Reader(asBuffer(value)))
  return committed === undefined ? undefined : { kind: 'offset', group, topic, partition, committed }
}

/** Versions 0 to 4: what other releases of Kafka wrote into a directory that we were given. */
function readCommitted(from: Reader): Committed | undefined {
  const version = from.int16()
  if (version < 0 || version > 4) return undefined
  from.flexible = version >= 4
  const offset = from.int64()
  const leaderEpoch = version >= 3 ? from.int32() : -1
  return { offset, leaderEpoch, metadata: from.string(), at: from.int64() }
}

function readGroup(group: string, from: Reader): GroupRecord | undefined {
  const version = from.int16()
  if (version < 0 || version > 4) return undefined
  from.flexible = version >= 4
  return {
    group,
    protocolType: from.string(),
    generation: from.int32(),
    protocol: from.nullableString(),
    leader: from.nullableString(),
    since: version >= 2 ? from.int64() : -1,
    members: from.array(() => readMember(from, version)),
  }
}

function readMember(from: Reader, version: number): StoredMember {
  const id = from.string()
  const instanceId = version >= 3 ? from.nullableString() : null
  const clientId = from.string()
  const clientHost = from.string()
  const rebalance = version >= 1 ? from.int32() : -1
  const sessionMs = from.int32()
  const metadata = copyOf(from.nullableBytes())
  const assignment = copyOf(from.nullableBytes())
  from.tags()
  const rebalanceMs = rebalance < 0 ? sessionMs : rebalance
  return { id, instanceId, clientId, clientHost, rebalanceMs, sessionMs, metadata, assignment }
}

/** What is kept must not hold the batch that it came in. */
function copyOf(bytes: Buffer | null): Uint8Array {
  return bytes === null ? NOTHING : new Uint8Array(bytes)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
