import { z } from 'zod'
import { assetFields, perTag } from '../../component/asset-stage.ts'
import { durationField } from '../../component/fields.ts'
import { AGGREGATES, isAggregate } from '../../component/operators/aggregates.ts'
import type { Shape } from '../../component/operators/frames.ts'
import { nearest } from '../../system/nearest.ts'

/** Windows that a value may be in at a time: each costs a summary of every tag. */
const MOST_OVERLAPPING = 100

/** Windows without a value that one value may hold through: each is a result. */
const MOST_HELD = 10_000

const lengthField = durationField.refine((ms) => ms > 0, { message: 'want more than 0' })

const namesField = z.union([z.string(), z.array(z.string()).min(1)])

/** What is said of a tag: one aggregate, several, or with what they have to know. */
const aggregatesField = z
  .union([
    namesField,
    z.strictObject({
      aggregates: namesField,
      rollover: z
        .number()
        .positive()
        .optional()
        .describe('Of a counter: the number that it never shows, after which it is 0 again: 65536 of 16 bits'),
    }),
  ])
  .transform((given, context) => {
    const { aggregates, rollover } = typeof given === 'string' || Array.isArray(given) ? { aggregates: given } : given
    const names = [...new Set(typeof aggregates === 'string' ? [aggregates] : aggregates)]
    for (const name of names) if (!isAggregate(name)) context.addIssue({ code: 'custom', message: unknown(name) })
    return { aggregates: names, ...(rollover === undefined ? {} : { rollover }) }
  })

function unknown(name: string): string {
  const known = Object.keys(AGGREGATES)
  const meant = nearest(name, known)
  const hint = meant === undefined ? `want one of ${known.join(', ')}, p0 to p100` : `did you mean "${meant}"?`
  return `Cannot use aggregate "${name}": it is not known, ${hint}`
}

const shapes = {
  tumbling: lengthField.optional().describe('One window after the other, each so long'),
  hopping: z
    .strictObject({
      size: lengthField.describe('How long each is'),
      every: lengthField.describe('How often one begins'),
    })
    .optional()
    .describe('Overlapping windows'),
  sliding: lengthField.optional().describe('At every value the time before it, so long'),
  session: z
    .union([
      lengthField.transform((gap) => ({ gap, longest: 86_400_000 })),
      z.strictObject({
        gap: lengthField.describe('Without a value for so long, it is over'),
        longest: lengthField.prefault('1d').describe('After so long it is over in any case'),
      }),
    ])
    .optional()
    .describe('From a value to the last one before a gap that is so long'),
}

/** What is said of tags, over which windows. */
export const windowSchema = z
  .strictObject({
    ...assetFields,
    ...shapes,
    offset: durationField
      .prefault('0s')
      .describe('Of tumbling and hopping windows: how long after midnight UTC the first of a day begins: 6h'),
    tags: perTag(aggregatesField, 'temperature: mean').describe('Aggregates by tag: "mean", or [mean, max, p95]'),
    late: durationField
      .prefault('10s')
      .describe('How far behind the newest of its asset a value may come and still count'),
    onLate: z
      .enum(['side', 'drop', 'update'])
      .default('side')
      .describe(
        'What is later becomes an event reading.late (side) or is only counted (drop); or a result comes at once and again when something late changes it (update)',
      ),
    hold: durationField
      .prefault('60s')
      .describe('The longest that a value holds while no other comes; beyond it is a gap'),
    as: z
      .string()
      .default('{tag}.{aggregate}')
      .refine((text) => text.includes('{tag}') && text.includes('{aggregate}'), {
        message: 'want a name with {tag} and {aggregate}',
      })
      .describe('Name of a derived tag'),
    percentDataGood: percentField(100).describe('A result with as much good data is Good'),
    percentDataBad: percentField(100).describe(
      'A result with as much bad data is Bad; between the two it is Uncertain',
    ),
    treatUncertainAsBad: z.boolean().default(true).describe('Whether an Uncertain value is as good as none'),
  })
  .superRefine(checkShape)

export type WindowConfig = z.output<typeof windowSchema>

/** The shape that a config asks for; it has exactly one. */
export function shapeOf({ tumbling, hopping, sliding, session, offset }: WindowConfig): Shape {
  if (tumbling !== undefined) return { kind: 'tumbling', size: tumbling, offset }
  if (hopping !== undefined) return { kind: 'hopping', ...hopping, offset }
  if (sliding !== undefined) return { kind: 'sliding', size: sliding }
  return { kind: 'session', ...session! }
}

function percentField(by: number) {
  return z.number().min(0).max(100).default(by)
}

type Checked = Pick<WindowConfig, keyof typeof shapes | 'hold' | 'onLate'>

function checkShape(config: Checked, context: z.RefinementCtx): void {
  const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
  const names = Object.keys(shapes) as (keyof typeof shapes)[]
  const given = names.filter((name) => config[name] !== undefined)
  if (given.length !== 1) {
    const there = given.length === 0 ? 'none' : given.join(' and ')
    fault([], `Cannot use this window: it has ${there}, want exactly one of ${names.join(', ')}`)
  }
  const { tumbling, hopping, hold } = config
  if (hopping !== undefined && (hopping.every > hopping.size || hopping.size / hopping.every > MOST_OVERLAPPING)) {
    const wanted = `want "every" between size / ${MOST_OVERLAPPING} and size`
    fault(['hopping'], `Cannot use hopping windows: ${hopping.size} ms begin every ${hopping.every} ms, ${wanted}`)
  }
  const step = tumbling ?? hopping?.every
  if (step !== undefined && hold / step > MOST_HELD)
    fault(
      ['hold'],
      `Cannot use hold: a value would hold through ${Math.ceil(hold / step)} windows, want at most ${MOST_HELD}`,
    )
  if (config.onLate === 'update' && step === undefined)
    fault(['onLate'], `Cannot update ${given[0]} windows: want onLate side or drop, or tumbling or hopping windows`)
}
