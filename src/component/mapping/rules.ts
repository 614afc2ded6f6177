import { z } from 'zod'
import { ModelError } from '../../model/errors.ts'
import { segmentFault } from '../../model/path.ts'
import { captureNames, parsePattern } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import { parseTemplate } from './template.ts'
import type { Template } from './template.ts'

/** What is done with the messages of the topics that match a pattern. */
export type Rule = MapRule | RawRule | EventRule

export interface MapRule {
  readonly kind: 'map'
  readonly pattern: Pattern
  /** Path of the asset, below the site. */
  readonly asset: Template
  /** Tag of a payload that is one value. */
  readonly tag: Template
  readonly timestamp: string | undefined
  readonly ignore: ReadonlySet<string>
}

interface RawRule {
  readonly kind: 'raw'
  readonly pattern: Pattern
  /** Kind of the log's topic: `raw` or `raw-<name>`. */
  readonly topic: string
}

/** Messages are business events. */
export interface EventRule {
  readonly kind: 'event'
  readonly pattern: Pattern
  /** Type of the events, whose data the payload is; undefined: the payload says itself what happened. */
  readonly type: Template | undefined
  /** Path of the asset, below the site, of an event that names none; undefined: it must. */
  readonly asset: Template | undefined
  readonly timestamp: string | undefined
}

const ruleFields = z.strictObject({
  asset: z.string().optional().describe('Path of the asset below the site, with captures: "fleet/{car}"'),
  tag: z.string().default('value').describe('Tag of a payload that is one value, with captures: "{tag}"'),
  timestamp: z
    .string()
    .min(1)
    .optional()
    .describe('Field of the JSON object that holds the source time: a number (s, ms, us or ns) or ISO 8601'),
  ignore: z.array(z.string()).default([]).describe('Fields of the JSON object that are left out'),
  raw: z
    .union([
      z.literal(true),
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'Cannot use this name: want lower-case letters, digits and "-"'),
    ])
    .optional()
    .describe('Pass messages through untouched, to the topic <site>.raw or <site>.raw-NAME, the MQTT topic as key'),
  event: z
    .union([z.literal(true), z.string().min(1)])
    .optional()
    .describe(
      'Messages are business events of this type, with captures ("order.{what}"), and the payload is their data; true: the payload is a CloudEvent, or {type, asset, time, data}',
    ),
})

type RuleFields = z.output<typeof ruleFields>

/**
 * The config field `topics`: patterns in order, the first that matches a topic decides. See `parsePattern` for what
 * a pattern is, and docs of each field for the rule.
 */
export const mappingRules = z
  .record(z.string(), ruleFields)
  .transform((given, context): readonly Rule[] => {
    if (Object.keys(given).length === 0) {
      context.addIssue({ code: 'custom', message: 'Cannot map without a pattern: want e.g. "vehicles/{car}"' })
    }
    return Object.entries(given).flatMap(([text, fields]) => {
      try {
        return [readRule(text, fields)]
      } catch (error) {
        if (!(error instanceof ModelError)) throw error
        context.addIssue({ code: 'custom', message: error.message, path: [text] })
        return []
      }
    })
  })
  .describe('Topic pattern ("vehicles/{car}", "a/{rest...}", "+" and "#") to rule; the first that matches decides')

/** Kinds of the log's topics that raw rules write to, each once. */
export function rawTopics(rules: readonly Rule[]): string[] {
  return [...new Set(rules.flatMap((rule) => (rule.kind === 'raw' ? [rule.topic] : [])))]
}

function readRule(text: string, fields: RuleFields): Rule {
  const pattern = parsePattern(text)
  const { asset, tag, timestamp, ignore, raw, event } = fields
  if (event !== undefined) return readEventRule(pattern, fields, event)
  if (raw === undefined) {
    if (asset === undefined) throw fault(text, 'it has no asset, want e.g. asset: "fleet/{car}", or raw: true')
    const path = parseTemplate(asset, pattern)
    checkAsset(text, asset, path)
    return { kind: 'map', pattern, asset: path, tag: parseTemplate(tag, pattern), timestamp, ignore: new Set(ignore) }
  }
  if (asset !== undefined || timestamp !== undefined || ignore.length > 0) {
    throw fault(text, 'a raw rule has asset, timestamp or ignore, want raw alone')
  }
  return { kind: 'raw', pattern, topic: raw === true ? 'raw' : `raw-${raw}` }
}

function readEventRule(pattern: Pattern, fields: RuleFields, event: string | true): EventRule {
  const { text } = pattern
  const { timestamp, ignore, raw, tag } = fields
  if (raw !== undefined || ignore.length > 0 || tag !== 'value') {
    throw fault(text, 'an event rule has raw, tag or ignore, want event, asset and timestamp alone')
  }
  if (event === true && timestamp !== undefined)
    throw fault(text, 'an event of its own has its own time, want no timestamp')
  // A capture of that name needs no more to be said.
  const asset = fields.asset ?? (captureNames(pattern.segments).includes('asset') ? '{asset}' : undefined)
  if (asset === undefined && event !== true) throw fault(text, 'it has no asset, want e.g. asset: "line1/{machine}"')
  const path = asset === undefined ? undefined : parseTemplate(asset, pattern)
  if (path !== undefined) checkAsset(text, asset!, path)
  return {
    kind: 'event',
    pattern,
    type: event === true ? undefined : parseTemplate(event, pattern),
    asset: path,
    timestamp,
  }
}

/** What can be told of a path before anything is captured: its literal segments. */
function checkAsset(text: string, asset: string, path: Template): void {
  const faults = asset
    .split('/')
    .filter((segment) => !/[{}]/.test(segment))
    .map(segmentFault)
  const first = faults.find((what) => what !== undefined)
  if (first !== undefined) throw fault(text, `asset "${asset}": ${first}`)
  if (path.texts.some((literal) => /[+#]/.test(literal))) throw fault(text, `asset "${asset}" has a + or #`)
}

function fault(text: string, what: string): ModelError {
  return new ModelError('BAD_PATTERN', `Cannot use the rule of ${JSON.stringify(text.slice(0, 200))}: ${what}`)
}
