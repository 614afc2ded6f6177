import { z } from 'zod'
import { whenField } from '../../component/expression/when.ts'
import { durationField } from '../../component/fields.ts'

const carsField = z.number().int().min(1).max(1000)

const hazardField = z
  .union([
    whenField.transform((when) => ({
      when,
      cars: undefined,
      within: undefined,
      expires: undefined,
      passes: undefined,
    })),
    z.strictObject({
      when: whenField,
      cars: carsField.optional().describe('In place of "confirm.cars"'),
      within: durationField.optional().describe('In place of "confirm.within"'),
      expires: durationField.optional().describe('In place of "expires"'),
      passes: carsField.optional().describe('In place of "passes"'),
    }),
  ])
  .describe('When a car sees it: a condition over its tags; or that with limits of its own')

export const swarmSchema = z.strictObject({
  on: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))
    .describe('Patterns of cars, below the site: "fleet/*"'),
  position: z
    .strictObject({
      lat: z.string().min(1).default('lat').describe('Tag of the latitude, degrees'),
      lon: z.string().min(1).default('lon').describe('Tag of the longitude, degrees'),
    })
    .prefault({}),
  cell: z.number().int().min(4).max(9).default(7).describe('Characters of a geohash: 6 is about 1 km, 7 150 m, 8 30 m'),
  area: z.string().min(1).default('hazards').describe('Place below the site that cells are assets of: hazards/u33dc0c'),
  confirm: z
    .strictObject({
      cars: carsField.default(3).describe('So many cars have to see it'),
      within: durationField.prefault('2m').describe('Within this time'),
    })
    .prefault({}),
  expires: durationField.prefault('5m').describe('It is over when no car has seen it for so long'),
  passes: carsField.optional().describe('It is over when so many cars have driven through without seeing it'),
  gone: durationField.prefault('2m').describe('A car that is silent for so long is nowhere'),
  hazards: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'want lower-case letters, digits, "-"'), hazardField)
    .refine((hazards) => Object.keys(hazards).length > 0, { message: 'want at least one hazard' })
    .describe('What cars see, by name'),
})

export type SwarmConfig = z.output<typeof swarmSchema>
