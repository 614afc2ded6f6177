import type { JoinAnswer, JoinRequest, Seat, SyncAnswer } from '../group/coordinator.ts'
import type { GroupDescription, PartitionRef } from '../groups.ts'
import type { Position } from '../log.ts'
import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'
import { byTopic } from './messages.ts'

/**
 * The requests of groups, one version of each: the newest without flexible fields, which knows static members
 * (KIP-345) and is spoken from Apache Kafka 2.3 to 4.x and by the embedded broker.
 */
export const GROUP_API = {
  offsetCommit: { key: 8, version: 7 },
  offsetFetch: { key: 9, version: 5 },
  findCoordinator: { key: 10, version: 2 },
  joinGroup: { key: 11, version: 5 },
  heartbeat: { key: 12, version: 3 },
  leaveGroup: { key: 13, version: 3 },
  syncGroup: { key: 14, version: 3 },
  describeGroups: { key: 15, version: 3 },
  listGroups: { key: 16, version: 2 },
} as const

const OF_GROUPS = 0

export function writeFindCoordinator(to: Writer, group: string): void {
  to.string(group)
  to.int8(OF_GROUPS)
}

export interface FoundCoordinator {
  readonly error: number
  readonly host: string
  readonly port: number
}

export function readFindCoordinator(from: Reader): FoundCoordinator {
  from.int32() // throttle time
  const error = from.int16()
  from.nullableString() // message
  from.int32() // node
  return { error, host: from.string(), port: from.int32() }
}

export function writeJoinGroup(to: Writer, group: string, request: JoinRequest): void {
  to.string(group)
  to.int32(request.sessionMs)
  to.int32(request.rebalanceMs)
  to.string(request.memberId)
  to.string(request.instanceId ?? null)
  to.string(request.protocolType)
  to.array(request.protocols, ({ name, metadata }) => {
    to.string(name)
    to.bytes(metadata)
  })
}

export function readJoinGroup(from: Reader): JoinAnswer {
  from.int32() // throttle time
  return {
    error: from.int16(),
    generation: from.int32(),
    protocol: from.nullableString() ?? '',
    leader: from.string(),
    memberId: from.string(),
    members: from.array(() => {
      const id = from.string()
      const instanceId = from.nullableString()
      return { id, ...(instanceId !== null && { instanceId }), metadata: copy(from.nullableBytes()) }
    }),
  }
}

export function writeSyncGroup(
  to: Writer,
  group: string,
  seat: Seat,
  assignments: ReadonlyMap<string, Uint8Array>,
): void {
  writeSeat(to, group, seat)
  to.array([...assignments], ([member, assignment]) => {
    to.string(member)
    to.bytes(assignment)
  })
}

export function readSyncGroup(from: Reader): SyncAnswer {
  from.int32() // throttle time
  return { error: from.int16(), assignment: copy(from.nullableBytes()) }
}

export function writeHeartbeat(to: Writer, group: string, seat: Seat): void {
  writeSeat(to, group, seat)
}

function writeSeat(to: Writer, group: string, { generation, memberId, instanceId }: Seat): void {
  to.string(group)
  to.int32(generation)
  to.string(memberId)
  to.string(instanceId ?? null)
}

/** The error of a `Heartbeat` answer. */
export function readGroupError(from: Reader): number {
  from.int32() // throttle time
  return from.int16()
}

export function writeLeaveGroup(to: Writer, group: string, { memberId, instanceId }: Seat): void {
  to.string(group)
  to.array([memberId], () => {
    to.string(memberId)
    to.string(instanceId ?? null)
  })
}

/** The first error: of the request, or of its one member. */
export function readLeaveGroup(from: Reader): number {
  const error = readGroupError(from)
  const [member] = from.array(() => {
    from.string() // member
    from.nullableString() // its instance
    return from.int16()
  })
  return error !== 0 ? error : (member ?? 0)
}

export function writeOffsetCommit(to: Writer, group: string, seat: Seat, positions: readonly Position[]): void {
  writeSeat(to, group, seat)
  to.array([...byTopic(positions)], ([topic, partitions]) => {
    to.string(topic)
    to.array(partitions, ({ partition, offset }) => {
      to.int32(partition)
      to.int64(offset)
      to.int32(-1) // leader epoch: unknown
      to.string('')
    })
  })
}

/** The first error of any partition. */
export function readOffsetCommit(from: Reader): number {
  from.int32() // throttle time
  const errors = from.array(() => {
    from.string() // topic
    return from.array(() => {
      from.int32() // partition
      return from.int16()
    })
  })
  return errors.flat().find((error) => error !== 0) ?? 0
}

/** @param partitions null: all of which something is committed */
export function writeOffsetFetch(to: Writer, group: string, partitions: readonly PartitionRef[] | null): void {
  to.string(group)
  to.array(partitions && [...byTopic(partitions)], ([topic, refs]) => {
    to.string(topic)
    to.array(refs, ({ partition }) => to.int32(partition))
  })
}

/** The first error, of the group or of a partition, and the partitions of which something is committed. */
export function readOffsetFetch(from: Reader): { error: number; positions: Position[] } {
  from.int32() // throttle time
  const errors: number[] = []
  const positions: Position[] = []
  from.array(() => {
    const topic = from.string()
    from.array(() => {
      const partition = from.int32()
      const offset = from.int64()
      from.int32() // leader epoch
      from.nullableString() // metadata
      errors.push(from.int16())
      if (offset >= 0) positions.push({ topic, partition, offset })
    })
  })
  errors.unshift(from.int16())
  return { error: errors.find((error) => error !== 0) ?? 0, positions }
}

export interface ListedGroups {
  readonly error: number
  readonly groups: readonly string[]
}

export function readListGroups(from: Reader): ListedGroups {
  from.int32() // throttle time
  const error = from.int16()
  const groups = from.array(() => {
    const group = from.string()
    from.string() // protocol type
    return group
  })
  return { error, groups }
}

export function writeDescribeGroups(to: Writer, groups: readonly string[]): void {
  to.array(groups, (group) => to.string(group))
  to.boolean(false) // authorised operations
}

export type DescribedGroup = Omit<GroupDescription, 'positions'> & { readonly error: number }

export function readDescribeGroups(from: Reader): DescribedGroup[] {
  from.int32() // throttle time
  return from.array(() => {
    const error = from.int16()
    const head = { group: from.string(), state: from.string(), protocol: from.string() }
    from.string() // protocol chosen
    const members = from.array(() => {
      const member = { id: from.string(), clientId: from.string(), host: from.string() }
      from.nullableBytes() // metadata
      from.nullableBytes() // assignment
      return member
    })
    from.int32() // authorised operations
    return { error, ...head, members }
  })
}

/** What outlives the answer it came in. */
function copy(bytes: Uint8Array | null): Uint8Array {
  return new Uint8Array(bytes ?? [])
}
