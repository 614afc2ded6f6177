import { z } from 'zod'
import { durationField } from '../../component/fields.ts'
import { captureNames, matchPattern, parsePattern, topicFilter } from '../../component/mapping/pattern.ts'
import type { Captures, Pattern } from '../../component/mapping/pattern.ts'
import { fillTemplate, parseTemplate } from '../../component/mapping/template.ts'
import type { Template } from '../../component/mapping/template.ts'
import type { CommandTarget } from '../../component/source.ts'
import { ModelError } from '../../model/errors.ts'

/** Captures of a command's topic that the asset does not give: name of the command, its tag or method. */
const OF_COMMAND = ['command', 'target'] as const

/** Where commands for assets go, and where machines answer. */
export interface CommandRule {
  /** The topic; its captures are those of `asset`, and `command` and `target`. */
  readonly topic: Pattern
  readonly asset: Template
  /** Matches the asset's path below the site; a group for each name of `asset`. */
  readonly path: RegExp
  readonly reply: Pattern | undefined
  readonly client: Template | undefined
  readonly qos: 0 | 1 | 2 | undefined
}

/** Where one command goes. */
export interface CommandRoute {
  readonly rule: CommandRule
  readonly topic: string
  readonly reply: string | undefined
  /** Client id of the machine, where it is known. */
  readonly client: string | undefined
}

const ruleFields = z.strictObject({
  asset: z.string().describe('Path of the asset below the site, with the captures of the topic: "fleet/{car}"'),
  reply: z
    .string()
    .optional()
    .describe('Topic on which the machine answers {"id", "ok", "reason"}; without it nobody says that it was done'),
  client: z
    .string()
    .optional()
    .describe('Client id of the machine, with captures: only that client gets it (devices that connect to the hub)'),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .optional()
    .describe(
      'To an existing broker; 0 by itself, because a broker may hand a message of 1 or 2 to the machine again, and keeps it ' +
        'for one that is away: then the machine has to drop an id that it has seen, and what has expired',
    ),
})

/** The config field `commands`: topics of commands, with the assets that they are for. */
export const commandRules = z
  .record(z.string(), ruleFields)
  .transform((given, context): readonly CommandRule[] =>
    Object.entries(given).flatMap(([text, fields]) => {
      try {
        return [readRule(text, fields)]
      } catch (error) {
        if (!(error instanceof ModelError)) throw error
        context.addIssue({ code: 'custom', message: error.message, path: [text] })
        return []
      }
    }),
  )
  .describe(
    'Topic ("vehicles/{car}/commands/{command}") to the asset whose commands go there; {command} is the name of the ' +
      'command, {target} that of its tag or method. The first that fits the asset decides',
  )

/** The config field `commandTimeout`. */
export const commandTimeoutField = durationField
  .prefault('10s')
  .describe('How long the acknowledgement of a command, and its answer, is waited for; after that nobody knows')

function readRule(text: string, { asset, reply, client, qos }: z.output<typeof ruleFields>): CommandRule {
  const topic = parsePattern(text)
  if (topic.segments.some((segment) => segment.kind !== 'literal' && segment.name === undefined)) {
    throw fault(text, 'it has a wildcard, want {names}: a command goes to one topic')
  }
  const template = parseTemplate(asset, topic)
  const stray = captureNames(topic.segments).find((name) => !isKnown(name, template.names))
  if (stray !== undefined)
    throw fault(text, `{${stray}} is not in asset "${asset}", want it there, or {command}, {target}`)
  const answers = reply === undefined ? undefined : parsePattern(reply)
  const unknown = answers && captureNames(answers.segments).find((name) => !isKnown(name, template.names))
  if (unknown !== undefined) throw fault(text, `{${unknown}} of reply "${reply}" is not in asset "${asset}"`)
  const machine = client === undefined ? undefined : parseTemplate(client, topic)
  return { topic, asset: template, path: pathOf(template, topic), reply: answers, client: machine, qos }
}

function isKnown(name: string, inAsset: readonly string[]): boolean {
  return inAsset.includes(name) || (OF_COMMAND as readonly string[]).includes(name)
}

function pathOf({ texts, names }: Template, { segments }: Pattern): RegExp {
  const last = segments.at(-1)
  const isRest = (name: string) => last?.kind === 'rest' && last.name === name
  const parts = names.map((name, index) => `${isRest(name) ? '(.+)' : '([^/]+)'}${RegExp.escape(texts[index + 1]!)}`)
  return new RegExp(`^${RegExp.escape(texts[0]!)}${parts.join('')}$`, 's')
}

/** The rule that fits an asset, by its full path. */
export function ruleFor(
  rules: readonly CommandRule[],
  site: string,
  asset: string,
): { readonly rule: CommandRule; readonly captures: Captures } | undefined {
  if (!asset.startsWith(`${site}/`)) return undefined
  const below = asset.slice(site.length + 1)
  for (const rule of rules) {
    const match = rule.path.exec(below)
    if (match === null) continue
    const captures = new Map(rule.asset.names.map((name, index) => [name, match[index + 1]!]))
    // A name that is there twice stands for the same.
    if (fillTemplate(rule.asset, captures) === below) return { rule, captures }
  }
  return undefined
}

/** Where a command goes; undefined: no rule fits its asset. */
export function routeOf(
  rules: readonly CommandRule[],
  site: string,
  { asset, command, target }: { readonly asset: string; readonly command: string; readonly target: CommandTarget },
): CommandRoute | undefined {
  const found = ruleFor(rules, site, asset)
  if (found === undefined) return undefined
  const { rule } = found
  const name = target.kind === 'tag' ? target.tag : target.method
  const captures = new Map([...found.captures, ['command', command], ['target', name]])
  return {
    rule,
    topic: fillPattern(rule.topic, captures),
    reply: rule.reply && fillPattern(rule.reply, captures),
    client: rule.client && fillTemplate(rule.client, captures),
  }
}

/** The filter that all commands for an asset match. */
export function filterFor({ topic }: CommandRule, captures: Captures): string {
  return topic.segments
    .map((segment) => {
      if (segment.kind === 'literal') return segment.text
      return captures.get(segment.name!) ?? (segment.kind === 'one' ? '+' : '#')
    })
    .join('/')
}

/** Filters of all topics on which machines answer. */
export function replyFilters(rules: readonly CommandRule[]): string[] {
  return [...new Set(rules.flatMap(({ reply }) => (reply === undefined ? [] : [topicFilter(reply)])))]
}

/** Whether machines answer on this topic. */
export function isReply(rules: readonly CommandRule[], topic: string): boolean {
  if (rules.length === 0) return false
  const segments = topic.split('/')
  return rules.some(({ reply }) => reply !== undefined && matchPattern(reply, segments) !== undefined)
}

function fillPattern({ segments }: Pattern, captures: Captures): string {
  return segments.map((segment) => (segment.kind === 'literal' ? segment.text : captures.get(segment.name!)!)).join('/')
}

function fault(text: string, what: string): ModelError {
  return new ModelError('BAD_PATTERN', `Cannot use the commands of ${JSON.stringify(text.slice(0, 200))}: ${what}`)
}
