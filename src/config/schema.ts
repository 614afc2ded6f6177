import { z } from 'zod'
import { addressField, durationField, isLoopback, secretField, tlsIdentityFields } from '../component/fields.ts'
import { PACKML_STATES } from '../model/definition.ts'
import { tagFault } from '../model/path.ts'
import { aasField } from './aas-schema.ts'
import { behaviourField } from './behaviour-schema.ts'
import { commandsField, entrancesSchema } from './command-schema.ts'
import { historianSchema } from './historian-schema.ts'
import { metaField, relationsField } from './asset-fields.ts'
import { logSchema } from './log-schema.ts'
import { API_RIGHTS } from './plant.ts'
import { replicateSchema } from './replicate-schema.ts'

/** The config file as its writer sees it. Sources are checked by their own specs afterwards. */

const tagSchema = z
  .strictObject({
    type: z
      .enum(['boolean', 'number', 'int64', 'string', 'bytes', 'array', 'structure'])
      .optional()
      .describe('Type of the values; default: number, and string for a state'),
    kind: z.enum(['gauge', 'counter', 'state']).default('gauge').describe('gauge, counter (only grows) or state'),
    unit: z.string().min(1).max(32).optional().describe('Unit as a UCUM code: Cel, bar, mm/s'),
    range: z
      .tuple([z.number(), z.number()])
      .refine(([low, high]) => low < high, { message: 'want [low, high] with low below high' })
      .optional()
      .describe('[low, high]; a value outside is stored as Uncertain'),
    states: z
      .union([
        z.literal('packml').transform(() => PACKML_STATES as readonly string[]),
        z.array(z.string().min(1)).min(1),
      ])
      .optional()
      .describe('"packml", or the names of the states'),
    staleAfter: durationField.optional().describe('Age at which a value no longer counts as fresh; default 60s'),
    description: z.string().optional(),
  })
  .describe('A tag of a model')

const tagName = z.string().superRefine((name, context) => {
  const fault = tagFault(name)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})

const modelSchema = z
  .strictObject({
    tags: z.record(tagName, tagSchema.nullable()).describe('The tags, by name'),
    commands: commandsField,
    behaviour: behaviourField,
    meta: metaField.describe('What holds for all machines of it, by name: manufacturer, product name'),
  })
  .describe('A versioned type of machine')

const assetSchema = z.strictObject({
  model: z.string().optional(),
  meta: metaField.describe('What is known of it, by name: serial number, place; over what its model says'),
  relations: relationsField,
})

const apiSchema = z
  .strictObject({
    listen: addressField.prefault(8080).describe('Where the page and the API are'),
    tls: z.strictObject(tlsIdentityFields).optional(),
    tokens: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(64),
          token: secretField,
          can: z
            .array(z.enum(API_RIGHTS))
            .min(1)
            .default(['read'])
            .describe('What it may do: read, write (send data, answer alarms), command, approve'),
          areas: z
            .array(z.string().min(1))
            .min(1)
            .optional()
            .describe('Patterns of the assets that it may command and approve; default: all'),
        }),
      )
      .default([])
      .describe('Who may call the API; required beyond loopback'),
    hosts: z.array(z.string().min(1)).default([]).describe('Names by which browsers reach this hub, besides localhost'),
    aas: aasField,
  })
  .superRefine(({ tokens }, context) => {
    // A name is a person: who has asked for a command must not agree to it under another token of the same name.
    for (const [index, { name }] of tokens.entries()) {
      if (tokens.findIndex((other) => other.name === name) === index) continue
      const message = `Cannot have token "${name}" twice: want one of each name`
      context.addIssue({ code: 'custom', path: ['tokens', index, 'name'], message })
    }
  })
  .superRefine((api, context) => {
    if (isLoopback(api.listen) || api.tokens.length > 0) return
    const message = `Cannot listen on ${api.listen.host} for everybody: want at least one entry in "tokens", or a loopback address`
    context.addIssue({ code: 'custom', path: ['listen'], message })
  })
  .prefault({})

/** A part of the names of groups and topics, and of what people read: a hub, a source, a processor. */
const nameField = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'want letters, digits, ".", "_", "-"')

/** Each is checked by the schema of its kind. */
const componentsField = z.record(nameField, z.record(z.string(), z.unknown())).default({})

export const plantSchema = z.strictObject({
  version: z.literal(1).default(1).describe('Version of this file format'),
  site: z.string().describe('enterprise/site: the place that all paths are below'),
  hub: nameField
    .optional()
    .describe(
      'Name of this hub among those that share the log; with Kafka as the log, the name of the host by default',
    ),
  log: logSchema,
  models: z.record(z.string().regex(/^[^@\s]+@\d+$/, 'want name@version, e.g. press@1'), modelSchema).default({}),
  assets: z
    .record(z.string(), assetSchema.nullable())
    .default({})
    .describe('Machines, by path below the site; press{1..8} is eight of them'),
  sources: componentsField.describe('Where data comes from, by name'),
  processors: componentsField.describe('What is derived from it, by name'),
  sinks: componentsField.describe('What goes out by itself, by name'),
  historian: historianSchema,
  replicate: replicateSchema,
  commands: entrancesSchema,
  api: apiSchema,
})

export type PlantFile = z.output<typeof plantSchema>
