import { topicName } from '../model/path.ts'
import type { Retention, TopicSpec } from './log.ts'

const DAY_MS = 86_400_000

/** What each kind of topic is for; the table of docs/architecture.md, "Topics". */
export const TOPIC_KINDS = {
  telemetry: { cleanup: 'delete', retention: { ms: 7 * DAY_MS } },
  derived: { cleanup: 'delete', retention: { ms: 7 * DAY_MS } },
  events: { cleanup: 'delete', retention: { ms: 365 * DAY_MS } },
  alarms: { cleanup: 'delete', retention: { ms: 365 * DAY_MS } },
  'alarms-current': { cleanup: 'compact', retention: {} },
  commands: { cleanup: 'delete', retention: { ms: 365 * DAY_MS } },
  outcomes: { cleanup: 'delete', retention: { ms: 365 * DAY_MS } },
  'command-requests': { cleanup: 'delete', retention: { ms: 30 * DAY_MS } },
  audit: { cleanup: 'delete', retention: { ms: 3_650 * DAY_MS } },
  keyed: { cleanup: 'delete', retention: { ms: DAY_MS } },
  product: { cleanup: 'delete', retention: { ms: 30 * DAY_MS } },
  contracts: { cleanup: 'compact', retention: {} },
  state: { cleanup: 'compact', retention: {} },
  raw: { cleanup: 'delete', retention: { ms: 7 * DAY_MS } },
  assets: { cleanup: 'compact', retention: {} },
  ledger: { cleanup: 'delete', retention: { ms: 365 * DAY_MS } },
  gaps: { cleanup: 'delete', retention: { ms: 365 * DAY_MS } },
  hubs: { cleanup: 'compact', retention: {} },
  twins: { cleanup: 'compact', retention: {} },
  quarantine: { cleanup: 'delete', retention: { ms: 30 * DAY_MS } },
} as const satisfies { [kind: string]: { cleanup: 'delete' | 'compact'; retention: Retention } }

export type TopicKind = keyof typeof TOPIC_KINDS

/** Books, definitions, hubs, standing alarms and the audit are read whole and in order, so they have one partition. */
const SINGLE: readonly string[] = ['alarms-current', 'assets', 'audit', 'contracts', 'ledger', 'gaps', 'hubs']

/** The topic of a kind at a site, with `partitions` where its order is per key. */
export function topicSpec(site: string, kind: TopicKind, partitions: number): TopicSpec {
  return {
    name: topicName(site, kind),
    partitions: SINGLE.includes(kind) ? 1 : partitions,
    cleanup: TOPIC_KINDS[kind].cleanup,
    retention: TOPIC_KINDS[kind].retention,
  }
}

/** The topic of what sources send: `telemetry`, or a raw kind (`raw`, `raw-<name>`). A limit that is set wins. */
export function dataTopicSpec(site: string, kind: string, partitions: number, limits: Retention): TopicSpec {
  const spec = topicSpec(site, kind === 'telemetry' ? 'telemetry' : 'raw', partitions)
  return { ...spec, name: topicName(site, kind), retention: { ...spec.retention, ...limits } }
}
