import { z } from 'zod'
import { durationField } from '../component/fields.ts'
import { kafkaSchema, readKafka } from './log-schema.ts'
import type { ReplicationConfig } from './plant.ts'

/** `replicate:` of the config file, as its writer sees it. */

/** Everything that data, definitions and books lie in; what other hubs keep for themselves stays. */
const UP_TOPICS = [
  'telemetry',
  'derived',
  'events',
  'alarms',
  'outcomes',
  'raw',
  'raw-*',
  'quarantine',
  'assets',
  'gaps',
  'ledger',
]
const DOWN_TOPICS = ['commands']

const UNIT_BYTES: { readonly [unit: string]: number } = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 }

/** `5MB/s`; bytes a second once read. */
const rateField = z
  .string()
  .transform((given, context): number => {
    const match = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)\/s$/.exec(given)
    const rate = match && Number(match[1]) * UNIT_BYTES[match[2]!]!
    if (rate) return rate
    context.addIssue({ code: 'custom', message: `Cannot read rate ${JSON.stringify(given)}: want e.g. "5MB/s"` })
    return z.NEVER
  })
  .describe('A rate: 500KB/s, 5MB/s')

const kindField = z.string().regex(/^[A-Za-z0-9_-]+\*?$/, 'want the kind of a topic, e.g. telemetry, raw-*')
const tagField = z.string().min(1).max(128)

const atLeastEvery = durationField.prefault('60s').describe('A point passes at the latest after this, by source time')

const thinSchema = z.union([
  z
    .strictObject({ deadband: z.number().nonnegative().describe('Changes up to this are left out'), atLeastEvery })
    .transform((given) => ({ kind: 'deadband' as const, band: given.deadband, atLeastEveryMs: given.atLeastEvery })),
  z
    .strictObject({
      swingingDoor: z
        .strictObject({
          error: z.number().nonnegative().describe('Lines between the points that are sent are this close to the rest'),
          atLeastEvery,
        })
        .describe('Only the corners of a line through the points'),
    })
    .transform(({ swingingDoor }) => ({
      kind: 'swinging-door' as const,
      error: swingingDoor.error,
      atLeastEveryMs: swingingDoor.atLeastEvery,
    })),
])

const endSchema = z.strictObject({ kafka: kafkaSchema })

const replicationSchema = z
  .strictObject({
    to: endSchema.optional().describe('Where the topics of this log are carried to'),
    from: endSchema.optional().describe('Instead of "to": where topics are carried from, into this log'),
    topics: z
      .array(kindField)
      .min(1)
      .optional()
      .describe('Kinds of topics of this site; default: data, definitions and books, with "from": commands'),
    assets: z.array(z.string().min(1)).default([]).describe('Only these: press-shop/**, below the site; default: all'),
    tags: z.array(tagField).default([]).describe('Only these, "motor.*" takes all that begin so; default: all'),
    thin: z
      .record(z.string().regex(/^[^:]+:[^:]+$/, 'want asset:tag, e.g. press-shop/**:temperature'), thinSchema)
      .default({})
      .describe('Fewer points, by asset:tag, where the link is dear'),
    catchUp: z
      .strictObject({
        order: z
          .enum(['in-order', 'fresh-first'])
          .default('in-order')
          .describe('in-order: as it was written. fresh-first: what is new at once, the backlog behind it'),
        rate: rateField.optional().describe('Most of a backlog that is sent in a second; default: as fast as it goes'),
      })
      .prefault({}),
  })
  .superRefine(({ to, from }, context) => {
    if ((to === undefined) !== (from === undefined)) return
    const there = to === undefined ? 'neither "to" nor "from"' : 'both "to" and "from"'
    context.addIssue({ code: 'custom', message: `Cannot read replication: it has ${there}, want one of them` })
  })
  .superRefine(({ thin, catchUp }, context) => {
    // What is left of a tag's values depends on their order.
    if (Object.keys(thin).length === 0 || catchUp.order === 'in-order') return
    const message =
      'Cannot thin values that are carried fresh-first: they are out of order, want catchUp.order "in-order"'
    context.addIssue({ code: 'custom', path: ['catchUp', 'order'], message })
  })
  .describe('Topics that are carried to or from a Kafka')

/** All replications, by name. */
export const replicateSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'want letters, digits, ".", "_", "-"'),
    replicationSchema,
  )
  .default({})
  .describe('Topics that are carried to or from another Kafka, by name')

/** The checked replications as the plant has them. */
export function readReplications(given: z.output<typeof replicateSchema>): ReplicationConfig[] {
  return Object.entries(given).map(([name, { to, from, topics, assets, tags, thin, catchUp }]) => ({
    name,
    direction: from === undefined ? 'up' : 'down',
    kafka: readKafka((to ?? from)!.kafka),
    topics: topics ?? (from === undefined ? UP_TOPICS : DOWN_TOPICS),
    assets,
    tags,
    thin: Object.entries(thin).map(([place, method]) => {
      const [asset, tag] = place.split(':') as [string, string]
      return { asset, tag, method }
    }),
    catchUp: { order: catchUp.order, ...(catchUp.rate !== undefined && { bytesPerSecond: catchUp.rate }) },
  }))
}
