import type { RetentionLimits } from './segment-chain.ts'

const DAY_MS = 86_400_000
const MIB = 1024 * 1024

/** What a topic's configs are where nobody sets them, by Kafka's names. Values: Kafka's, but for the smaller segments. */
export const TOPIC_DEFAULTS = {
  'cleanup.policy': 'delete',
  'delete.retention.ms': String(DAY_MS),
  'max.compaction.lag.ms': '9223372036854775807',
  'min.cleanable.dirty.ratio': '0.5',
  'min.compaction.lag.ms': '0',
  'retention.bytes': '-1',
  'retention.ms': String(7 * DAY_MS),
  'segment.bytes': String(128 * MIB),
  'segment.ms': String(7 * DAY_MS),
} as const

type Configs = { readonly [name: string]: string | undefined }

/** What the storage does with a topic, from its configs. */
export interface TopicSettings {
  /** A segment beyond this many bytes, or this old, is followed by another. */
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly retention: RetentionLimits
  /** Undefined: not compacted. */
  readonly compaction?: CompactionSettings
}

export interface CompactionSettings {
  /** How long a tombstone can still be read. */
  readonly deleteRetentionMs: number
  /** Younger records are left alone. */
  readonly minLagMs: number
  /** Older records are compacted however few they are; Infinity: no such limit. */
  readonly maxLagMs: number
  /** Share of the bytes that must be new since the last compaction. */
  readonly minDirtyRatio: number
}

/** `segmentBytes`: that of the broker, for topics that set none. */
export function topicSettings(configs: Configs, segmentBytes?: number): TopicSettings {
  const value = (name: keyof typeof TOPIC_DEFAULTS) => Number(configs[name] || TOPIC_DEFAULTS[name])
  const policies = (configs['cleanup.policy'] ?? TOPIC_DEFAULTS['cleanup.policy']).split(',').map((one) => one.trim())
  const compaction = {
    deleteRetentionMs: value('delete.retention.ms'),
    minLagMs: value('min.compaction.lag.ms'),
    maxLagMs: value('max.compaction.lag.ms'),
    minDirtyRatio: value('min.cleanable.dirty.ratio'),
  }
  return {
    segmentBytes: segmentBytes !== undefined && !configs['segment.bytes'] ? segmentBytes : value('segment.bytes'),
    segmentMs: value('segment.ms'),
    retention: policies.includes('delete')
      ? { ms: limit(value('retention.ms')), bytes: limit(value('retention.bytes')) }
      : {},
    ...(policies.includes('compact') && { compaction }),
  }
}

/** Kafka writes "no limit" as -1. */
function limit(value: number): number | undefined {
  return value >= 0 ? value : undefined
}
