import { z } from 'zod'
import { ExpressionError, parseExpression } from '../component/expression/expression.ts'
import { durationField } from '../component/fields.ts'
import { COMMAND_TYPES, type CommandDefinition } from '../model/command.ts'
import type { TagDefinition } from '../model/definition.ts'
import { nearest } from '../system/nearest.ts'
import type { ConfigDocument } from './document.ts'
import type { Problem } from './problem.ts'

const rangeField = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low <= high, { message: 'want [low, high] with low not above high' })

const argumentSchema = z.strictObject({
  name: z.string().min(1).max(256),
  type: z.enum(COMMAND_TYPES).default('number'),
  range: rangeField.optional(),
})

const commandSchema = z
  .strictObject({
    tag: z.string().optional().describe('The tag that it writes; this or "method"'),
    method: z
      .union([
        z
          .string()
          .min(1)
          .transform((name) => ({ name, args: [] })),
        z.strictObject({ name: z.string().min(1), args: z.array(argumentSchema).max(32).default([]) }),
      ])
      .optional()
      .describe('The method of the machine that it calls, with the arguments it takes'),
    range: rangeField.optional().describe('[low, high] of the value; default: the range of the tag'),
    oneOf: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .optional()
      .describe('The only values that may be written'),
    interlock: z
      .string()
      .min(1)
      .optional()
      .describe('Condition in CEL over the tags of the machine: only while it is true, on fresh Good values'),
    ttl: durationField
      .prefault('10s')
      .describe('From the request to the moment at which it leaves; later it never does'),
    confirmWithin: durationField.prefault('5s').describe('How long the machine may take to show the value'),
    tolerance: z.number().positive().optional().describe('How far the value that is read back may be off'),
    perMinute: z.int().min(1).max(6000).optional().describe('Most requests in a minute, for each machine'),
    secondPerson: z.boolean().default(false).describe('Somebody else with right "approve" has to agree'),
    approveWithin: durationField.prefault('10m').describe('How long the second person may take'),
    description: z.string().optional(),
  })
  .describe('A write point of a model')

/** Ways in for commands besides the API. Each is closed unless it is here. */
export const entrancesSchema = z
  .strictObject({
    kafka: z
      .strictObject({
        as: z.string().min(1).describe('Name of an entry of "api.tokens": its rights and areas are those of the topic'),
      })
      .optional()
      .describe('Takes requests out of the topic command-requests'),
  })
  .default({})
  .describe('Ways in for commands besides the API; each is closed unless it is named')

type CommandFile = z.output<typeof commandSchema>

export const commandsField = z
  .record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'want a letter, then letters, digits, ".", "_", "-"'),
    commandSchema,
  )
  .default({})
  .describe('What may be written, by name; nothing else can be')

/** The write points of a model; what does not fit its tags becomes a problem. */
export function readCommands(
  document: ConfigDocument,
  model: string,
  commands: { readonly [name: string]: CommandFile },
  tags: ReadonlyMap<string, TagDefinition>,
  problems: Problem[],
): Map<string, CommandDefinition> {
  const read = Object.entries(commands).map(([name, command]): [string, CommandDefinition] => {
    for (const { field, message, suggestion } of faultsOf(name, command, tags)) {
      const path = ['models', model, 'commands', name, ...(field === undefined ? [] : [field])]
      problems.push(document.problem(path, message, suggestion))
    }
    return [name, definitionOf(name, command)]
  })
  return new Map(read)
}

interface Fault {
  readonly field?: string
  readonly message: string
  readonly suggestion?: string | undefined
}

function* faultsOf(name: string, command: CommandFile, tags: ReadonlyMap<string, TagDefinition>): Generator<Fault> {
  const { tag, method, range, oneOf, tolerance, interlock } = command
  const cannot = `Cannot declare command "${name}":`
  if ((tag === undefined) === (method === undefined)) {
    yield { message: `${cannot} it has ${tag === undefined ? 'neither' : 'both'}, want one of "tag" and "method"` }
    return
  }
  const type = tag === undefined ? undefined : tags.get(tag)?.type
  if (tag !== undefined && type === undefined) {
    const suggestion = nearest(tag, tags.keys())
    yield { field: 'tag', message: `${cannot} the model has no tag "${tag}", want one of its tags`, suggestion }
  }
  if (type !== undefined && !COMMAND_TYPES.some((one) => one === type))
    yield { field: 'tag', message: `${cannot} tag "${tag}" is of type ${type}, want ${COMMAND_TYPES.join(', ')}` }
  const isNumber = type === 'number' || type === 'int64'
  for (const [field, value] of [
    ['range', range],
    ['tolerance', tolerance],
  ] as const)
    if (value !== undefined && !isNumber) yield { field, message: `${cannot} "${field}" is for a tag that is a number` }
  const wanted = isNumber ? 'number' : 'string'
  if (oneOf !== undefined && (type === 'boolean' || tag === undefined || oneOf.some((one) => typeof one !== wanted)))
    yield { field: 'oneOf', message: `${cannot} "oneOf" has to hold values of the type of its tag` }
  if (interlock !== undefined) yield* interlockFaults(interlock, tags)
}

function* interlockFaults(text: string, tags: ReadonlyMap<string, TagDefinition>): Generator<Fault> {
  try {
    parseExpression(text, { tags, yields: 'bool' })
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    yield { field: 'interlock', message: error.message }
  }
}

function definitionOf(name: string, command: CommandFile): CommandDefinition {
  const { tag, method, range, oneOf, interlock, ttl, confirmWithin, tolerance, perMinute, description } = command
  return {
    name,
    ...(tag !== undefined && { tag }),
    ...(method !== undefined && {
      method: {
        name: method.name,
        args: method.args.map(({ name: argument, type, range: bounds }) => ({
          name: argument,
          type,
          ...(bounds !== undefined && { range: bounds }),
        })),
      },
    }),
    ...(range !== undefined && { range }),
    ...(oneOf !== undefined && { oneOf }),
    ...(interlock !== undefined && { interlock }),
    ttlMs: ttl,
    confirmMs: confirmWithin,
    ...(tolerance !== undefined && { tolerance }),
    ...(perMinute !== undefined && { perMinute }),
    ...(command.secondPerson && { secondPerson: true }),
    approveMs: command.approveWithin,
    ...(description !== undefined && { description }),
  }
}
