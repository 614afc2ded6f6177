import { z } from 'zod'
import { assetFields, orderFields } from '../../component/asset-stage.ts'
import { whenField } from '../../component/expression/when.ts'
import { durationField, tagField } from '../../component/fields.ts'
import { ALARM_PRIORITIES } from '../../model/alarm.ts'
import { MAX_WARM_UP_ROWS, MIN_ROWS_PER_ALARM, MIN_WARM_UP_ROWS } from './detector.ts'
import { DEFAULT_SETTINGS, type Span } from './settings.ts'

const { warmUp, falseAlarms } = DEFAULT_SETTINGS

/**
 * Most tags of an asset: so that its state stays below the 1 MiB that a key may have, with some room. 8 KB of JSON a tag,
 * 22 bytes for each number of the rows that are being learned from, and as much for each pair of tags.
 */
export function mostTags({ warmUp }: { readonly warmUp: Span }): number {
  const perTag = 8_500 + 22 * ('rows' in warmUp ? warmUp.rows : MAX_WARM_UP_ROWS)
  return Math.floor((Math.sqrt(perTag ** 2 + 4 * 22 * 1_000_000) - perTag) / (2 * 22))
}

export const anomalySchema = z
  .strictObject({
    ...assetFields,
    tags: z
      .union([tagField.transform((tag) => [tag]), z.array(tagField).min(1)])
      .transform((tags): readonly string[] => [...new Set(tags)])
      .optional()
      .describe('Tags that are looked at; default: all with numbers'),
    when: whenField
      .refine(({ forMs }) => forMs === 0, { message: 'Cannot use "for" here: want a condition without a duration' })
      .transform(({ expression }) => expression)
      .optional()
      .describe('Rows count only while this holds: state == "Execute"; default: always'),
    warmUp: spanField(MIN_WARM_UP_ROWS, MAX_WARM_UP_ROWS)
      .default(warmUp)
      .describe(
        `What is learned from before anything is judged: rows (${MIN_WARM_UP_ROWS} to ${MAX_WARM_UP_ROWS}) or a duration`,
      ),
    falseAlarms: spanField(MIN_ROWS_PER_ALARM, 10_000_000)
      .default(falseAlarms)
      .describe('One false alarm in so much is accepted: rows, or a duration'),
    severity: z.enum(ALARM_PRIORITIES).default('medium').describe('Of its alarms'),
    scores: z.boolean().default(true).describe('Whether each row gives tags NAME.score and NAME.active'),
    ...orderFields,
  })
  .superRefine(({ tags = [], warmUp }, context) => {
    const most = mostTags({ warmUp })
    if (tags.length <= most) return
    const message = `Cannot learn ${tags.length} tags with this warmUp: want at most ${most}, or fewer rows to learn from`
    context.addIssue({ code: 'custom', path: ['tags'], message })
  })
  .describe('Learns what each machine usually does, and raises an alarm when it does something else')

export type AnomalyConfig = z.output<typeof anomalySchema>

function spanField(least: number, most: number) {
  return z.union([
    z
      .int()
      .min(least)
      .max(most)
      .transform((rows): Span => ({ rows })),
    durationField.transform((ms): Span => ({ ms })),
  ])
}
