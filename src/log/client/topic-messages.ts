import type { TopicSpec } from '../log.ts'
import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'

/** The requests that make topics and ask how they are kept. Versions: `API` in messages.ts. */

export type Configs = readonly (readonly [name: string, value: string])[]

/** The broker's own default (KIP-464). */
const BROKER_DEFAULT = -1

export function writeCreateTopics(
  to: Writer,
  topics: readonly TopicSpec[],
  configs: (topic: TopicSpec) => Configs,
  timeoutMs: number,
): void {
  to.array(topics, (topic) => {
    to.string(topic.name)
    to.int32(topic.partitions)
    to.int16(topic.replication ?? BROKER_DEFAULT)
    to.array([], () => {}) // assignments
    to.array(configs(topic), ([name, value]) => {
      to.string(name)
      to.string(value)
    })
  })
  to.int32(timeoutMs)
  to.boolean(false) // not only a check
}

export interface TopicOutcome {
  readonly name: string
  readonly error: number
  readonly message: string | null
}

export function readCreateTopics(from: Reader): TopicOutcome[] {
  from.int32() // throttle time
  return from.array(() => ({ name: from.string(), error: from.int16(), message: from.nullableString() }))
}

/** Kafka's number for a topic among the resources that have configs. */
const TOPIC = 2

export function writeDescribeConfigs(to: Writer, topics: readonly string[], names: readonly string[]): void {
  to.array(topics, (topic) => {
    to.int8(TOPIC)
    to.string(topic)
    to.array(names, (name) => to.string(name))
  })
  to.boolean(false) // no synonyms
}

export interface TopicConfigs {
  readonly name: string
  readonly error: number
  readonly message: string | null
  readonly configs: ReadonlyMap<string, string>
}

export function readDescribeConfigs(from: Reader): TopicConfigs[] {
  from.int32() // throttle time
  return from.array(() => {
    const error = from.int16()
    const message = from.nullableString()
    from.int8() // type of resource
    const name = from.string()
    return { error, message, name, configs: new Map(from.array(() => readConfig(from))) }
  })
}

function readConfig(from: Reader): [name: string, value: string] {
  const name = from.string()
  const value = from.nullableString()
  from.boolean() // read only
  from.int8() // where it was set
  from.boolean() // sensitive: then without a value
  from.array(() => {
    from.string()
    from.nullableString()
    from.int8()
  })
  return [name, value ?? '']
}
