import { z } from 'zod'
import { durationField, severalField, tagField } from '../../component/fields.ts'
import type { Limit } from './first-passage.ts'

const limitField = z
  .union([z.strictObject({ below: z.number() }), z.strictObject({ above: z.number() })])
  .transform((given): Limit =>
    'below' in given ? { value: given.below, side: 'below' } : { value: given.above, side: 'above' },
  )
  .describe('Where the indicator has reached its end: {below: 1.4} or {above: 7.1}')

const horizonField = z
  .union([durationField, z.number().positive()])
  .describe('How far ahead maintenance is planned: a duration, or a number in the unit of "age"')

const costsField = z
  .strictObject({
    planned: z.number().positive().default(1).describe('Of planned maintenance'),
    failure: z.number().positive().default(5).describe('Of a failure: repair, what breaks along, lost production'),
  })
  .refine(({ planned, failure }) => failure > planned, {
    message: 'want a failure that costs more than planned maintenance',
    path: ['failure'],
  })
  .prefault({})

/** The end is known from a `limit` of one indicator, or else it is learned from the failures of the fleet in the log. */
export const remainingLifeConfig = z
  .strictObject({
    on: severalField.optional().describe('Patterns of assets below the site; default: all'),
    tags: z.union([tagField.transform((tag) => [tag]), z.array(tagField).min(1)]).optional(),
    limit: limitField.optional(),
    learn: z.string().min(1).default('failed').describe('Type of the event that tells of a failure'),
    age: tagField.optional().describe('Tag that counts use: cycles, hours; default: time'),
    horizon: horizonField.prefault('7d'),
    costs: costsField,
  })
  .refine(({ limit, tags }) => limit === undefined || tags?.length === 1, {
    message: 'want exactly one tag with a limit: the indicator',
    path: ['tags'],
  })
