import { Reader } from '../../wire/reader.ts'
import type { GroupState } from './group-views.ts'
import { metadataOf } from './members.ts'
import type { Offsets, PartitionKey } from './offsets.ts'

/**
 * The topics that the members of a group of consumers read, by what they say of themselves; undefined where that
 * cannot be told, because it is of another kind or a member's words are not understood.
 */
export function subscribedTopics(group: GroupState): ReadonlySet<string> | undefined {
  if (group.phase === 'Empty') return new Set()
  if (group.protocolType !== 'consumer' || group.protocol === null) return undefined
  const topics = new Set<string>()
  try {
    for (const member of group.members.all()) {
      // The fields that all versions of the consumer protocol begin with.
      const from = new Reader(Buffer.from(metadataOf(member, group.protocol) ?? []))
      from.int16()
      for (const topic of from.array((reader) => reader.string())) topics.add(topic)
    }
    return topics
  } catch {
    return undefined
  }
}

/**
 * Offsets that were last good for something before a time (KIP-211): all of a group that has been empty since; of a
 * client that only keeps offsets, each by itself; of a stable group those of topics that it no longer reads.
 */
export function expiredOffsets(group: GroupState, offsets: Offsets, before: number): PartitionKey[] {
  const read = group.phase === 'Stable' ? subscribedTopics(group) : undefined
  if (group.phase !== 'Empty' && !read) return []
  const emptySince = group.phase === 'Empty' && group.protocolType !== null ? group.since : 0
  return offsets.keys().filter(({ topic, partition }) => {
    const committed = offsets.get(topic, partition)
    return committed !== undefined && !read?.has(topic) && Math.max(committed.at, emptySince) < before
  })
}
