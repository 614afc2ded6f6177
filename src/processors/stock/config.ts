import { z } from 'zod'
import { durationField } from '../../component/fields.ts'

const priorityField = z.enum(['low', 'medium', 'high', 'critical'])
const patternsField = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))

const partsField = z.record(
  z.string().min(1).max(100),
  z.union([
    z
      .number()
      .positive()
      .transform((quantity) => ({ quantity, place: undefined })),
    z.strictObject({
      quantity: z.number().positive().default(1).describe('For one count'),
      place: z.string().min(1).optional().describe('Where it lies; default: the machine itself'),
    }),
  ]),
)

const counterField = z.strictObject({
  on: patternsField.describe('Patterns of machines below the site: "press-shop/line1/*"'),
  tag: z.string().min(1).describe('Counter of what was made: it grows, and starts anew at 0'),
  rollover: z.number().positive().optional().describe('Value at which the counter goes on from 0, e.g. 65536'),
  consumes: partsField.default({}).describe('Bill of material: quantity, or {quantity, place}, by material'),
  produces: partsField.default({}).describe('What one count makes: quantity, or {quantity, place}, by material'),
})

const coverField = z
  .strictObject({
    window: durationField.prefault('8h').describe('Time over which consumption is measured'),
    below: durationField.optional().describe('How long the stock must last at least; less is an alarm'),
    priority: priorityField.default('medium').describe('One higher when less than half of it is left'),
  })
  .refine(({ window }) => window >= 60_000, { message: 'want a window of at least 1m', path: ['window'] })
  .prefault({})

const differenceField = z
  .strictObject({
    above: z.number().min(0).default(0).describe('Difference that is taken for none, in units'),
    percent: z.number().min(0).max(100).default(0).describe('The same in percent of the booked stock'),
    for: durationField.prefault('0s').describe('How long it may differ before it is an alarm'),
    priority: priorityField.default('low'),
  })
  .prefault({})

const reorderField = z.strictObject({
  material: z.string().min(1).max(100),
  place: z.string().min(1).describe('Where it is used, below the site'),
  below: z.number().min(0).describe('Stock and what is on its way, below which more is called'),
  quantity: z.number().positive().describe('Quantity of one call (one card)'),
  from: z.string().min(1).optional().describe('Where it is called from'),
  within: durationField.prefault('4h').describe('When it has to be there; later is an alarm'),
})

const materialField = z.strictObject({
  unit: z.string().min(1).max(32).optional().describe('Unit as a UCUM code; movements in another unit are refused'),
  below: durationField.optional().describe('In place of "cover.below"'),
  above: z.number().min(0).optional().describe('In place of "difference.above"'),
})

export const stockSchema = z
  .strictObject({
    on: patternsField.prefault('**').describe('Patterns of assets whose events are taken, below the site'),
    counters: z.array(counterField).default([]).describe('Machines whose counters consume and produce material'),
    materials: z.record(z.string().min(1).max(100), materialField).default({}),
    cover: coverField,
    difference: differenceField,
    reorder: z.array(reorderField).default([]).describe('Kanban: what is called when it runs low'),
  })
  .superRefine(({ reorder, counters }, context) => {
    const seen = new Set<string>()
    for (const [index, { material, place }] of reorder.entries()) {
      const key = `${place}#${material}`
      const message = `Cannot reorder "${material}" at "${place}" twice: want it once`
      if (seen.has(key)) context.addIssue({ code: 'custom', path: ['reorder', index], message })
      seen.add(key)
    }
    for (const [index, { consumes, produces }] of counters.entries()) {
      if (Object.keys(consumes).length + Object.keys(produces).length > 0) continue
      const message = 'Cannot use a counter for nothing: want "consumes" or "produces"'
      context.addIssue({ code: 'custom', path: ['counters', index], message })
    }
  })

export type StockConfig = z.output<typeof stockSchema>
export type CounterConfig = StockConfig['counters'][number]
export type ReorderConfig = StockConfig['reorder'][number]
