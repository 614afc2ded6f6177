import { z } from 'zod'
import { whenField } from '../../component/expression/when.ts'
import { durationField, secretField } from '../../component/fields.ts'

const severalField = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))

const nameField = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'want letters, digits, "_"')

/** A tag that is shared, and how. */
export interface SharedField {
  readonly tag: string
  readonly as: string
  readonly type: 'number' | 'string' | 'boolean'
  readonly round?: number | undefined
  readonly unit?: string | undefined
  readonly description?: string | undefined
}

const fieldField = z
  .union([
    nameField.transform((tag) => ({ tag })),
    z.strictObject({
      tag: z.string().min(1).describe('Tag that is shared'),
      as: nameField.optional().describe('Its name in the product; default: that of the tag'),
      type: z.enum(['number', 'string', 'boolean']).default('number').describe('Values of another type are left out'),
      round: z.number().positive().optional().describe('Step to which numbers are rounded: 0.5, 10'),
      unit: z.string().min(1).max(32).optional().describe('Unit as a UCUM code'),
      description: z.string().min(1).optional(),
    }),
  ])
  .transform((field): SharedField => ({ type: 'number', as: field.tag, ...withoutAbsent(field) }))
  .refine(({ as }) => nameField.safeParse(as).success, { message: 'want "as", a name of letters, digits, "_"' })

export const shareSchema = z
  .strictObject({
    on: severalField.describe('Patterns of assets that are shared, below the site: "fleet/*"'),
    of: severalField.optional().describe('Also takes the tags that these processors derive'),
    when: whenField.optional().describe('Shares only what this holds for, over the tags of each record'),
    purpose: z.string().min(1).max(500).describe('What it may be used for; it stands in the contract'),
    version: z
      .string()
      .regex(/^\d+\.\d+\.\d+$/, 'want e.g. 1.0.0')
      .default('1.0.0')
      .describe('Version of the product, in the contract'),
    partners: z
      .array(z.string().min(1))
      .min(1)
      .describe('Users of the log who may read it; see docs/kafka-security.md'),
    secret: secretField.describe('Key of the pseudonyms, at least 16 characters; nobody outside may ever have it'),
    rotate: durationField.optional().describe('After this a machine has another pseudonym; default: never'),
    fields: z.array(fieldField).min(1).max(100).describe('Tags that are shared; all others are left out'),
    place: z
      .strictObject({
        lat: z.string().min(1).default('lat').describe('Tag of the latitude, degrees'),
        lon: z.string().min(1).default('lon').describe('Tag of the longitude, degrees'),
        cell: z
          .number()
          .int()
          .min(1)
          .max(8)
          .describe('Characters of the geohash that is shared: 4 is about 30 km, 5 5 km, 6 1 km'),
      })
      .optional()
      .describe('Shares where it was, as a cell of the map; what has no position is then not shared'),
    time: durationField.prefault('1s').describe('Step down to which times are cut'),
    anonymity: z
      .strictObject({
        subjects: z.number().int().min(2).max(10_000).describe('So many machines have to be in a group (k-anonymity)'),
        window: durationField.prefault('10m').describe('Groups are of one cell and one such span of time'),
        late: durationField.prefault('1m').describe('How long a group waits after its end'),
      })
      .optional()
      .describe('Shares a record only where enough machines were in the same cell at the time'),
    keep: durationField.prefault('30d').describe('How long the product is kept'),
  })
  .superRefine(({ secret, rotate, anonymity, fields, place }, context) => {
    const say = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    if (secret.reveal().length < 16) say(['secret'], 'Cannot use this secret: it is short, want at least 16 characters')
    if (rotate !== undefined && rotate < 60_000) say(['rotate'], 'Cannot rotate so often: want at least 1m')
    if (anonymity !== undefined && rotate !== undefined && rotate % anonymity.window !== 0) {
      say(
        ['rotate'],
        'Cannot rotate within a window: a machine would count twice, want a multiple of "anonymity.window"',
      )
    }
    const names = fields.map(({ as }) => as)
    const twice = names.findIndex((name, index) => names.indexOf(name) !== index)
    if (twice >= 0) say(['fields', twice], `Cannot share "${names[twice]}" twice: want one field of each name`)
    for (const tag of place ? [place.lat, place.lon] : []) {
      const index = fields.findIndex((field) => field.tag === tag)
      if (index >= 0) say(['fields', index], `Cannot share "${tag}" itself: "place" shares the cell, want it left out`)
    }
  })

export type ShareConfig = z.output<typeof shareSchema>

function withoutAbsent<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
