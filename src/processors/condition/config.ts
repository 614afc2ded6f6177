import { z } from 'zod'
import { numberField, whenField } from '../../component/expression/when.ts'
import { durationField } from '../../component/fields.ts'
import { parseMessage } from './message.ts'
import { LIMIT_NAMES } from './limits.ts'

const severityField = z.enum(['low', 'medium', 'high', 'critical'])

/** One or several; always several once read. */
const severalField = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))

const limitField = z
  .union([
    z.number(),
    z.strictObject({
      at: z.number(),
      severity: severityField.optional(),
      for: durationField.optional().describe('On-delay of this limit alone'),
    }),
  ])
  .transform((given) => (typeof given === 'number' ? { at: given } : given))

const limitsField = z
  .strictObject({
    value: numberField,
    hihi: limitField.optional(),
    hi: limitField.optional(),
    lo: limitField.optional(),
    lolo: limitField.optional(),
    deadband: z
      .number()
      .min(0)
      .default(0)
      .describe('How far the value must come back behind a limit before it is over'),
  })
  .superRefine((limits, context) => {
    const given = LIMIT_NAMES.flatMap((name) => (limits[name] ? [{ name, at: limits[name].at }] : []))
    if (given.length === 0)
      context.addIssue({ code: 'custom', message: 'Cannot use limits without a limit: want hihi, hi, lo or lolo' })
    given.forEach(({ name, at }, index) => {
      const above = given[index - 1]
      if (above === undefined || at < above.at) return
      const message = `Cannot use limit "${name}": it is ${at}, want less than ${above.name} (${above.at})`
      context.addIssue({ code: 'custom', path: [name], message })
    })
  })
  .describe('Limits of a value, each an alarm of its own')

const perField = z
  .string()
  .default('1m')
  .transform((text, context) => {
    const parsed = durationField.safeParse(text)
    if (parsed.success && parsed.data > 0) return { text, ms: parsed.data }
    context.addIssue({
      code: 'custom',
      message: `Cannot read duration ${JSON.stringify(text)}: want e.g. "1s", "1m", "1h"`,
    })
    return z.NEVER
  })

const rateField = z
  .strictObject({
    value: numberField,
    above: z.number().optional().describe('Highest change in "per"'),
    below: z.number().optional().describe('Lowest change in "per": -5 for a fall by 5'),
    per: perField.describe('The time that "above" and "below" are about'),
    over: durationField.optional().describe('The time over which the change is measured; default: "per"'),
  })
  .refine(({ above, below }) => above !== undefined || below !== undefined, {
    message: 'Cannot use a rate without a limit: want "above" or "below"',
  })
  .describe('How fast a value may change')

const chartField = z
  .strictObject({
    value: numberField,
    mean: z.number().optional().describe('What is right; with "sigma". Default: learned'),
    sigma: z.number().positive().optional(),
    learn: z
      .number()
      .int()
      .min(20)
      .max(100_000)
      .default(100)
      .describe('Points that are learned from, while all is well'),
    group: z.number().int().min(1).max(10_000).default(1).describe('Values that are averaged to one point'),
    ewma: z
      .strictObject({
        lambda: z.number().gt(0).max(1).default(0.1).describe('Weight of the newest point'),
        width: z.number().positive().default(2.7).describe('Distance of the limits, in sigmas of the average'),
      })
      .optional(),
    cusum: z
      .strictObject({
        slack: z.number().min(0).default(0.5).describe('Half of the shift that is to be seen, in sigmas'),
        threshold: z.number().positive().default(5),
      })
      .optional(),
    nelson: z
      .array(z.number().int().min(1).max(8))
      .min(1)
      .optional()
      .describe("Numbers of Nelson's rules: [1, 2, 5, 6]"),
  })
  .superRefine(({ mean, sigma, ...chart }, context) => {
    if ((mean === undefined) !== (sigma === undefined))
      context.addIssue({ code: 'custom', message: 'Cannot use one of "mean" and "sigma" alone: want both, or none' })
    const given = (['ewma', 'cusum', 'nelson'] as const).filter((kind) => chart[kind] !== undefined)
    if (given.length === 1) return
    const there = given.length === 0 ? 'none' : given.join(' and ')
    context.addIssue({
      code: 'custom',
      message: `Cannot use this chart: it has ${there}, want one of ewma, cusum, nelson`,
    })
  })
  .describe('A control chart: is this still the process that it was?')

const vibrationField = z
  .strictObject({
    value: numberField.describe('Velocity (RMS, 10 to 1000 Hz) in mm/s'),
    group: z
      .union([z.literal(1), z.literal(2)])
      .optional()
      .describe('Machine group of ISO 20816-3: 1 above 300 kW, 2 from 15 kW'),
    support: z.enum(['rigid', 'flexible']).default('rigid'),
    boundaries: z
      .tuple([z.number().positive(), z.number().positive(), z.number().positive()])
      .refine(([ab, bc, cd]) => ab < bc && bc < cd, { message: 'want [A/B, B/C, C/D], rising' })
      .optional()
      .describe('Boundaries of the zones in mm/s, for machines that ISO 20816-3 is not about'),
    deadband: z.number().min(0).default(0.1).describe('How far it must come back before a zone is left, mm/s'),
    danger: severityField.default('high').describe('Priority in zone D; "severity" is that in zone C'),
  })
  .refine(({ group, boundaries }) => (group === undefined) !== (boundaries === undefined), {
    message: 'Cannot tell the zones: want "group" or "boundaries"',
  })
  .describe('Zones of vibration severity of ISO 20816: an alarm in zone C, of another priority in zone D')

/** Kinds of rules; a condition has exactly one of them. */
const RULES = ['when', 'limits', 'rate', 'chart', 'vibration'] as const

/** What is wrong with a machine, and what alarm that is. */
export const conditionSchema = z
  .strictObject({
    on: severalField.optional().describe('Patterns of assets below the site: "press-shop/**"; default: all'),
    of: severalField.optional().describe('Also takes the tags that these processors derive'),
    when: whenField.optional(),
    clear: whenField
      .optional()
      .describe('With "when": the alarm is over when this holds, not when "when" no longer does'),
    limits: limitsField.optional(),
    rate: rateField.optional(),
    chart: chartField.optional(),
    vibration: vibrationField.optional(),
    severity: severityField.default('medium').describe("The alarm's priority"),
    latch: z.boolean().default(false).describe('The alarm stays when it is over until somebody has reset it'),
    message: z
      .string()
      .min(1)
      .max(500)
      .transform(parseMessage)
      .optional()
      .describe('For the operator, with tags in braces: "Cool {asset}: {temperature} Cel"'),
    for: durationField.optional().describe('On-delay: how long it must hold; of "when" also written "... for 30s"'),
    clearAfter: durationField.default(0).describe('Off-delay: how long it must be over'),
    staleAfter: durationField
      .optional()
      .describe('Age at which a value counts as unknown; default: it holds until the next'),
  })
  .superRefine((config, context) => {
    const given = RULES.filter((rule) => config[rule] !== undefined)
    if (given.length !== 1) {
      const there = given.length === 0 ? 'none' : given.join(' and ')
      const message = `Cannot use this condition: it has ${there}, want exactly one of ${RULES.join(', ')}`
      context.addIssue({ code: 'custom', message })
    }
    if (config.clear !== undefined && config.when === undefined)
      context.addIssue({
        code: 'custom',
        path: ['clear'],
        message: 'Cannot use "clear" without "when": use "deadband"',
      })
    if (config.for !== undefined && (config.when?.forMs ?? 0) > 0)
      context.addIssue({ code: 'custom', path: ['for'], message: 'Cannot use "for" twice: it is in "when" already' })
  })

export type ConditionConfig = z.output<typeof conditionSchema>
