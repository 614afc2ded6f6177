import { z } from 'zod'
import { durationField, severalField, tagField } from '../../component/fields.ts'
import { parsePlaces } from './places.ts'

const placesField = z.string().transform((text, context) => {
  const places = parsePlaces(text)
  if (!('fault' in places)) return places
  context.addIssue({ code: 'custom', message: `Cannot use pattern ${JSON.stringify(text)}: ${places.fault}` })
  return z.NEVER
})

const tagsField = z
  .union([tagField, z.array(tagField).min(1)])
  .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))

const leftSchema = z.strictObject({
  on: placesField.describe('Pattern of assets below the site, with names: "press-shop/{line}/*"'),
  of: severalField.optional().describe('Also takes the tags that these processors derive'),
  tags: tagsField.describe('Tags to be joined'),
})

const rightSchema = z
  .strictObject({
    on: placesField.describe(
      'The same of the other side; facts meet where the names that both have stand for the same',
    ),
    of: severalField.optional().describe('Also takes the tags that these processors derive'),
    tags: tagsField.optional().describe('Tags that are added'),
    event: z.string().min(1).optional().describe('Instead of tags: a type of event, "order.started"'),
    fields: tagsField.optional().describe('Fields of its data that are added'),
  })
  .superRefine(({ tags, event, fields }, context) => {
    const isGood =
      tags === undefined ? event !== undefined && fields !== undefined : event === undefined && fields === undefined
    if (isGood) return
    context.addIssue({ code: 'custom', message: 'Cannot join with this: want either "tags", or "event" and "fields"' })
  })

export const joinSchema = z
  .strictObject({
    left: leftSchema.describe('Each row of it becomes a row of the result, of its asset and at its time'),
    right: rightSchema.describe('What is added to it'),
    how: z
      .enum(['as-of', 'latest', 'within'])
      .default('as-of')
      .describe(
        'as-of: what was true at its time; latest: the newest that is there; within: all that are near in time',
      ),
    tolerance: durationField
      .optional()
      .describe('Of as-of: age at which a value of the right no longer counts; default: never'),
    before: durationField.prefault('0s').describe('Of within: how much older the right may be'),
    after: durationField.prefault('0s').describe('Of within: how much younger the right may be'),
    late: durationField
      .prefault('10s')
      .describe('How far behind the newest a row may come; of as-of every row waits so long'),
    unmatched: z.boolean().default(false).describe('Whether a row of the left that finds none is a result by itself'),
    as: z
      .string()
      .default('{processor}.{tag}')
      .refine((text) => text.includes('{tag}') && text !== '{tag}', {
        message: 'want {tag} and more: "{processor}.{tag}"',
      })
      .describe('Name of a derived tag'),
  })
  .superRefine((config, context) => {
    const right = config.right.tags ?? config.right.fields ?? []
    const twice = right.find((tag) => config.left.tags.includes(tag))
    if (twice !== undefined) {
      const message = `Cannot join "${twice}" of both sides: the result would have it twice, want it of one of them`
      context.addIssue({ code: 'custom', path: ['right'], message })
    }
    if (config.how !== 'as-of' && config.tolerance !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['tolerance'],
        message: `Cannot use tolerance with "${config.how}": want as-of`,
      })
    if (config.how !== 'within' && config.before + config.after > 0)
      context.addIssue({
        code: 'custom',
        path: ['how'],
        message: `Cannot use before and after with "${config.how}": want within`,
      })
  })

export type JoinConfig = z.output<typeof joinSchema>
