import type { StoredTopic } from '../storage/storage.ts'

/** Kafka's numbers for the type of a config (DescribeConfigs v3). */
const STRING = 2
const INT = 3
const LONG = 5
const LIST = 7

interface TopicConfig {
  readonly type: number
  readonly default: string
  /** What a value must be, in words; undefined: this one is. */
  fault(value: string): string | undefined
}

/** The topic configs that are understood here, by Kafka's names. Any other is refused: silence would be a lie. */
const TOPIC_CONFIGS: { readonly [name: string]: TopicConfig } = {
  'cleanup.policy': {
    type: LIST,
    default: 'delete',
    fault: oneOf('delete', 'compact', 'compact,delete', 'delete,compact'),
  },
  'compression.type': { type: STRING, default: 'producer', fault: oneOf('producer') },
  'max.message.bytes': { type: INT, default: '', fault: atLeast(1) },
  'message.timestamp.type': { type: STRING, default: 'CreateTime', fault: oneOf('CreateTime') },
  'min.insync.replicas': { type: INT, default: '1', fault: oneOf('1') },
  'retention.bytes': { type: LONG, default: '-1', fault: atLeast(-1) },
  'retention.ms': { type: LONG, default: '-1', fault: atLeast(-1) },
  'segment.bytes': { type: INT, default: '', fault: atLeast(1024 * 1024) },
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

/** A config of a topic, set or not. */
export interface ConfigEntry {
  readonly name: string
  readonly value: string
  readonly type: number
  readonly isDefault: boolean
}

/** All configs of a topic. `defaults`: those that depend on how the broker was started. */
export function topicConfigs(
  { configs }: Pick<StoredTopic, 'configs'>,
  defaults: { readonly [name: string]: string },
): ConfigEntry[] {
  return Object.entries(TOPIC_CONFIGS).map(([name, config]) => ({
    name,
    value: configs[name] ?? defaults[name] ?? config.default,
    type: config.type,
    isDefault: configs[name] === undefined,
  }))
}

function oneOf(...values: readonly string[]): TopicConfig['fault'] {
  return (value) => (values.includes(value) ? undefined : values.map((one) => JSON.stringify(one)).join(' or '))
}

function atLeast(minimum: number): TopicConfig['fault'] {
  return (value) => {
    const fine = /^-?\d{1,16}$/.test(value) && Number(value) >= minimum && Number.isSafeInteger(Number(value))
    return fine ? undefined : `an integer of at least ${minimum}`
  }
}
