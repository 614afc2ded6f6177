import { ModelError } from '../../model/errors.ts'
import { tagFault, under } from '../../model/path.ts'
import type { Item } from '../source.ts'
import { readEvents } from './event-payload.ts'
import { matchPattern } from './pattern.ts'
import type { Captures } from './pattern.ts'
import { readPayload, reject, TagNames } from './payload.ts'
import type { EventRule, MapRule, Rule } from './rules.ts'
import { fillTemplate } from './template.ts'

/** What becomes of the messages of one topic. */
export interface Resolved {
  /** The items of one message; never throws. `payload` is kept by what it answers, so it must not change later. */
  map(payload: Uint8Array, receivedTime: number): readonly Item[]
}

/** Topics to assets, payloads to items, as the rules of a source say. */
export interface Mapper {
  /**
   * What becomes of a topic; undefined where no pattern matches (then see `unmapped`). Costs a match against every
   * rule: callers remember the answer, for a bounded number of topics.
   */
  resolve(topic: string): Resolved | undefined
}

/** The mapper of the rules of a source of this name; assets are below `site`. */
export function createMapper(site: string, source: string, rules: readonly Rule[]): Mapper {
  const names = new TagNames()
  return {
    resolve(topic) {
      const segments = topic.split('/')
      for (const rule of rules) {
        const captures = matchPattern(rule.pattern, segments)
        if (captures === undefined) continue
        if (rule.kind === 'raw') return passThrough(topic, rule.topic)
        if (rule.kind === 'event') return events(site, source, topic, rule, captures)
        return mapped(site, topic, rule, captures, names)
      }
      return undefined
    },
  }
}

/** The item of a message whose topic no pattern matches. */
export function unmapped(topic: string, payload: Uint8Array, receivedTime: number): Item {
  return reject(topic, payload, receivedTime, 'NO_MAPPING', 'no pattern of "topics" matches, want one that does')
}

function passThrough(topic: string, kind: string): Resolved {
  return { map: (payload, receivedTime) => [{ kind: 'raw', topic: kind, key: topic, payload, receivedTime }] }
}

function events(site: string, source: string, topic: string, rule: EventRule, captures: Captures): Resolved {
  try {
    const { type, asset, timestamp } = rule
    const target = {
      address: topic,
      site,
      source,
      ...(type && { type: fillTemplate(type, captures).replaceAll('/', '.') }),
      ...(asset && { asset: under(site, fillTemplate(asset, captures)) }),
      ...(timestamp !== undefined && { timestamp }),
    }
    return { map: (payload, receivedTime) => readEvents(payload, receivedTime, target) }
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    return refused(topic, error.code, error.message)
  }
}

function mapped(site: string, topic: string, rule: MapRule, captures: Captures, names: TagNames): Resolved {
  let asset: string
  try {
    asset = under(site, fillTemplate(rule.asset, captures))
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    return refused(topic, error.code, error.message)
  }
  // A capture of several segments names a group of tags: `axis/x` becomes `axis.x`.
  const tag = fillTemplate(rule.tag, captures).replaceAll('/', '.')
  const fault = tagFault(tag)
  if (fault !== undefined) return refused(topic, 'BAD_TAG', fault)
  const { timestamp, ignore } = rule
  const target = { address: topic, asset, tag, timestamp, ignore, names }
  return { map: (payload, receivedTime) => readPayload(payload, receivedTime, target) }
}

function refused(topic: string, code: string, what: string): Resolved {
  return { map: (payload, receivedTime) => [reject(topic, payload, receivedTime, code, what)] }
}
