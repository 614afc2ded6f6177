import type { StoredTopic } from '../storage/storage.ts'
import { TOPIC_DEFAULTS } from '../storage/topic-settings.ts'

/** Kafka's numbers for the type of a config (DescribeConfigs v3). */
const BOOLEAN = 1
const STRING = 2
const INT = 3
const LONG = 5
const DOUBLE = 6
const LIST = 7

interface TopicConfig {
  readonly type: number
  readonly default: string
  /** What it does, for those who ask a tool. */
  readonly about: string
  /** What a value must be, in words; undefined: this one is. */
  fault(value: string): string | undefined
}

const MAX_INT = 2 ** 31 - 1
/** Java's Long.MAX_VALUE, "for ever": more than a number here can hold, and the only such value that is sent. */
const MAX_LONG = '9223372036854775807'

/** The topic configs that are understood here, by Kafka's names. Any other is refused: silence would be a lie. */
const TOPIC_CONFIGS: { readonly [name: string]: TopicConfig } = {
  'cleanup.policy': {
    type: LIST,
    default: TOPIC_DEFAULTS['cleanup.policy'],
    about: 'delete: old segments are removed; compact: of every key the latest record stays; or both',
    fault: policies,
  },
  'compression.type': {
    type: STRING,
    default: 'producer',
    about: 'Batches are stored as the producer packed them',
    fault: oneOf('producer'),
  },
  'delete.retention.ms': {
    type: LONG,
    default: TOPIC_DEFAULTS['delete.retention.ms'],
    about: 'How long a tombstone can be read after compaction has first met it',
    fault: between(0),
  },
  'flush.messages': { type: LONG, default: '1', about: 'Every batch is synced before it is acknowledged', fault: between(1) }, // prettier-ignore
  'flush.ms': { type: LONG, default: '0', about: 'Every batch is synced before it is acknowledged', fault: between(0) },
  'max.compaction.lag.ms': {
    type: LONG,
    default: TOPIC_DEFAULTS['max.compaction.lag.ms'],
    about: 'Records older than this are compacted however few they are',
    fault: between(1),
  },
  'max.message.bytes': { type: INT, default: '', about: 'Largest batch', fault: between(1, MAX_INT) },
  'message.timestamp.type': {
    type: STRING,
    default: 'CreateTime',
    about: 'CreateTime: the time of the producer; LogAppendTime: the time at which the broker took the batch',
    fault: oneOf('CreateTime', 'LogAppendTime'),
  },
  'min.cleanable.dirty.ratio': {
    type: DOUBLE,
    default: TOPIC_DEFAULTS['min.cleanable.dirty.ratio'],
    about: 'Share of the log that must be new before it is compacted again',
    fault: ratio,
  },
  'min.compaction.lag.ms': {
    type: LONG,
    default: TOPIC_DEFAULTS['min.compaction.lag.ms'],
    about: 'Records younger than this are not compacted',
    fault: between(0),
  },
  'min.insync.replicas': { type: INT, default: '1', about: 'This broker is a single node', fault: oneOf('1') },
  'retention.bytes': {
    type: LONG,
    default: TOPIC_DEFAULTS['retention.bytes'],
    about: 'Old segments are removed while a partition has more than this; -1: no limit',
    fault: between(-1),
  },
  'retention.ms': {
    type: LONG,
    default: TOPIC_DEFAULTS['retention.ms'],
    about: 'Segments whose records are all older are removed; -1: no limit',
    fault: between(-1),
  },
  'segment.bytes': { type: INT, default: '', about: 'Size of a segment file', fault: between(1024 * 1024, MAX_INT) },
  'segment.ms': {
    type: LONG,
    default: TOPIC_DEFAULTS['segment.ms'],
    about: 'Age at which a segment file is followed by another, however small it is',
    fault: between(1),
  },
  'unclean.leader.election.enable': {
    type: BOOLEAN,
    default: 'false',
    about: 'This broker is a single node: there is no other to elect',
    fault: oneOf('false'),
  },
}

/** Why a config cannot be set; undefined where it can. A null value means the default. */
export function topicConfigFault(name: string, value: string | null): string | undefined {
  const config = Object.hasOwn(TOPIC_CONFIGS, name) ? TOPIC_CONFIGS[name] : undefined
  if (!config)
    return `Cannot set "${name.slice(0, 100)}": unknown config, want one of ${Object.keys(TOPIC_CONFIGS).join(', ')}`
  if (value === null) return undefined
  const want = config.fault(value)
  return want === undefined
    ? undefined
    : `Cannot set "${name}": value is ${JSON.stringify(value.slice(0, 100))}, want ${want}`
}

/** Whether a config is a list that can be added to; undefined where there is no such config. */
export function isList(name: string): boolean | undefined {
  return Object.hasOwn(TOPIC_CONFIGS, name) ? TOPIC_CONFIGS[name]!.type === LIST : undefined
}

/** A config of a topic, set or not. */
export interface ConfigEntry {
  readonly name: string
  readonly value: string
  readonly type: number
  readonly isDefault: boolean
  readonly byDefault: string
  readonly about: string
}

/** All configs of a topic. `defaults`: those that depend on how the broker was started. */
export function topicConfigs(
  { configs }: Pick<StoredTopic, 'configs'>,
  defaults: { readonly [name: string]: string },
): ConfigEntry[] {
  return Object.entries(TOPIC_CONFIGS).map(([name, { type, about, ...config }]) => {
    const byDefault = defaults[name] ?? config.default
    return { name, value: configs[name] ?? byDefault, type, isDefault: configs[name] === undefined, byDefault, about }
  })
}

function oneOf(...values: readonly string[]): TopicConfig['fault'] {
  return (value) => (values.includes(value) ? undefined : values.map((one) => JSON.stringify(one)).join(' or '))
}

function between(least: number, most = Number.MAX_SAFE_INTEGER): TopicConfig['fault'] {
  return (value) => {
    if (value === MAX_LONG && most === Number.MAX_SAFE_INTEGER) return undefined
    const fine = /^-?\d{1,16}$/.test(value) && Number(value) >= least && Number(value) <= most
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most}`
    return fine ? undefined : `an integer of at least ${least}${upTo}`
  }
}

function ratio(value: string): string | undefined {
  return /^\d(\.\d{1,10})?$/.test(value) && Number(value) <= 1 ? undefined : 'a number from 0 to 1'
}

function policies(value: string): string | undefined {
  const parts = value.split(',').map((part) => part.trim())
  const fine = parts.every((part, i) => (part === 'delete' || part === 'compact') && parts.indexOf(part) === i)
  return fine ? undefined : '"delete", "compact" or "compact,delete"'
}
