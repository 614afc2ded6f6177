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

/** Kinds of rules; a condition has exactly one of them. */
export const RULES = ['when', 'limits', 'rate'] as const

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
