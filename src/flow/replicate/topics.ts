import { topicSpec, dataTopicSpec, TOPIC_KINDS, type TopicKind } from '../../log/topics.ts'
import type { LogError, NewRecord, TopicDescription, TopicSpec } from '../../log/log.ts'
import { topicName } from '../../model/path.ts'
import type { ReplicationRules } from './rules.ts'
import { nameMatches } from './thin.ts'

export interface CarriedTopic {
  readonly name: string
  readonly kind: string
}

/** Of these the order of the whole topic matters: definitions where the latest counts, and the books. */
const ORDERED: readonly string[] = ['assets', 'types', 'twins', 'alarms-current', 'ledger', 'gaps']
const COMPACTED: readonly string[] = ['assets', 'types', 'twins', 'alarms-current']

/** The topics of a site that the rules choose, among those that are there. */
export function carriedTopics(rules: ReplicationRules, there: readonly TopicDescription[]): CarriedTopic[] {
  const prefix = topicName(rules.site, '')
  return there.flatMap(({ name }) => {
    const kind = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    // A dot is the next level of a longer site; what replications keep in a topic of their own is never carried.
    if (kind === '' || kind.includes('.') || kind === 'replication') return []
    return rules.topics.some((wanted) => nameMatches(wanted, kind)) ? [{ name, kind }] : []
  })
}

/** Whether its records may not be carried fresh-first. */
export function isOrdered(kind: string): boolean {
  return ORDERED.includes(kind)
}

/** Whether it says what the other topics hold, and so comes after them. */
export function isBook(kind: string): boolean {
  return kind === 'ledger'
}

/** How a topic is made in the target where it is missing. */
export function replicaSpec(rules: ReplicationRules, kind: string): TopicSpec {
  const { replication, minInSync } = rules
  return {
    ...specOfKind(rules, kind),
    ...(replication !== undefined && { replication }),
    ...(minInSync !== undefined && { minInSync }),
  }
}

function specOfKind({ site, partitions, retention = {} }: ReplicationRules, kind: string): TopicSpec {
  if (kind === 'telemetry' || kind.startsWith('raw')) return dataTopicSpec(site, kind, partitions, retention)
  if (Object.hasOwn(TOPIC_KINDS, kind)) return topicSpec(site, kind as TopicKind, partitions)
  const cleanup = COMPACTED.includes(kind) ? 'compact' : 'delete'
  return { name: topicName(site, kind), partitions: isOrdered(kind) ? 1 : partitions, cleanup, retention: {} }
}

/** What is kept of a record that the target does not take. */
const KEPT_BYTES = 65_536

/** The record as it is put aside in the target's quarantine: its headers, the first of its bytes, and why. */
export function refusedRecord(topic: string, record: NewRecord, error: LogError): NewRecord {
  return {
    key: record.key === null ? null : record.key.slice(0, KEPT_BYTES / 4),
    value: record.value === null ? null : record.value.slice(0, KEPT_BYTES),
    headers: [
      ...(record.headers ?? []),
      ['code', error.code],
      ['reason', error.message.slice(0, 1_000)],
      ['topic', topic],
    ],
    timestamp: record.timestamp,
  }
}
