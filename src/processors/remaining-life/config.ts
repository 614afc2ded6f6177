import { z } from 'zod'
import { durationField, severalField, tagField } from '../../component/fields.ts'
import type { Limit } from './first-passage.ts'
import { readModel, type NamedModel } from './model-file.ts'
import { HOUR_MS, type RowSettings } from './rows.ts'

const limitField = z
  .union([z.strictObject({ below: z.number() }), z.strictObject({ above: z.number() })])
  .transform((given): Limit =>
    'below' in given ? { value: given.below, side: 'below' } : { value: given.above, side: 'above' },
  )
  .describe('Where the indicator has reached its end: {below: 1.4} or {above: 7.1}')

const modelField = z
  .string()
  .transform((text, context): NamedModel => {
    const model = readModel(text)
    if (typeof model !== 'string') return model
    context.addIssue({ code: 'custom', message: model })
    return z.NEVER
  })
  .describe('file:PATH of what "millrace learn" has written; without it and a limit nothing is foretold yet')

const horizonField = z
  .union([durationField.transform((ms) => ({ ms })), z.number().positive()])
  .describe('How far ahead maintenance is planned: a duration, or a number in the unit of "age"')

const stepField = z
  .union([durationField.transform((ms) => ({ ms })), z.number().nonnegative()])
  .describe(
    'Age between two rows, at least: a duration, or a number in the unit of "age"; what comes within is one row',
  )

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
    of: severalField.optional().describe('Also takes the tags that these processors derive'),
    tags: z
      .union([tagField.transform((tag) => [tag]), z.array(tagField).min(1)])
      .optional()
      .describe('The indicator of a limit, or the tags that are learned from; default: those of the model'),
    limit: limitField.optional(),
    model: modelField.optional(),
    failed: z.string().min(1).default('machine.failed').describe('Type of the event that tells of a failure'),
    maintained: z.string().min(1).default('maintenance.done').describe('Type of the event after which it is as new'),
    age: tagField.optional().describe('Tag that counts use: cycles, hours; default: time, in hours'),
    unit: z.string().min(1).optional().describe('Unit of the age, for people; default: name of its tag, or h'),
    step: stepField.default(0),
    every: durationField.prefault('1m').describe('How often it is foretold, at most, by the time of the machine'),
    horizon: horizonField.prefault('7d'),
    costs: costsField,
    as: tagField.default('life').describe('What the derived tags begin with: life.left, life.failure'),
  })
  .refine(({ limit, tags }) => limit === undefined || tags?.length === 1, {
    message: 'want exactly one tag with a limit: the indicator',
    path: ['tags'],
  })
  .refine(({ limit, model }) => limit === undefined || model === undefined, {
    message: 'want a limit or a model, not both',
    path: ['model'],
  })
  .refine(({ tags, model }) => tags !== undefined || model !== undefined, {
    message: 'want the tags that tell of wear',
    path: ['tags'],
  })
  .refine(({ age, step }) => age === undefined || typeof step === 'number', {
    message: 'want a number in the unit of "age", not a duration',
    path: ['step'],
  })
  .superRefine((config, context) => {
    if (config.model === undefined) return
    const fault = strangeTo(config.model, rowSettings(config))
    if (fault !== undefined) context.addIssue({ code: 'custom', path: ['model'], message: fault })
  })

export type RemainingLifeConfig = z.output<typeof remainingLifeConfig>

/** How readings become rows; what the config does not say, its model does. */
export function rowSettings({
  tags,
  model,
  age,
  step,
}: Pick<RemainingLifeConfig, 'tags' | 'model' | 'age' | 'step'>): RowSettings {
  return {
    tags: tags ?? model!.tags,
    age: age ?? model?.age ?? undefined,
    step: typeof step === 'number' ? step || (model?.step ?? 0) : step.ms / HOUR_MS,
  }
}

/** Why a model is not one of such rows; undefined: it is. */
function strangeTo(model: NamedModel, { tags, age, step }: RowSettings): string | undefined {
  const learnedFrom = [...model.tags, `age ${model.age ?? 'time'}`, `step ${model.step}`].join(', ')
  const wanted = [...tags, `age ${age ?? 'time'}`, `step ${step}`].join(', ')
  if (learnedFrom === wanted) return undefined
  return `Cannot use the model: it was learned from ${learnedFrom}, want ${wanted}; take it out of the config, then learn it again`
}
