import { z } from 'zod'
import { assetFields, assetIntake, orderFields, orderStep, perTag } from '../../component/asset-stage.ts'
import { durationField } from '../../component/fields.ts'
import { checkTags, tagsIn } from '../../component/known-tags.ts'
import { deadbandOperator, type Band } from '../../component/operators/deadband.ts'
import { derivedName } from '../../component/operators/derived-name.ts'
import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Operator, Topology } from '../../component/topology.ts'

const bandField = z
  .union([
    z.number().min(0),
    z.strictObject({
      deadband: z.number().min(0).default(0).describe('How far from the last report a number must be; 0: another'),
      atLeastEvery: durationField.optional().describe('A value is also reported when the last report is so old'),
    }),
  ])
  .transform((given): Band => {
    if (typeof given === 'number') return { deadband: given }
    const { deadband, atLeastEvery } = given
    return atLeastEvery === undefined ? { deadband } : { deadband, atLeastEveryMs: atLeastEvery }
  })

const schema = z.strictObject({
  ...assetFields,
  tags: perTag(bandField, 'temperature: 0.5').describe('Deadband by tag, in its unit'),
  as: z
    .string()
    .default('{tag}.reported')
    .refine((text) => text.includes('{tag}') && text !== '{tag}', { message: 'want {tag} and more: "{tag}.reported"' })
    .describe('Name of a derived tag'),
  ...orderFields,
})

type DeadbandConfig = z.output<typeof schema>

/** Report by exception. */
export const deadbandSpec: ProcessorSpec<DeadbandConfig> = {
  kind: 'deadband',
  summary: 'Reports by exception: only what has changed by more than a deadband',
  config: schema,
  example: `processors:
  by-exception:
    deadband:
      on: press-shop/**
      tags:
        temperature: { deadband: 0.5, atLeastEvery: 10m }
        state: 0
`,
  topology: deadbandTopology,
  check: (config, declared) => checkTags(config, tagsIn(config.tags), 'report', declared),
}

function deadbandTopology(config: DeadbandConfig, { name }: ProcessorContext): Topology {
  const { as } = config
  const bands = new Map(Object.entries(config.tags))
  const shown = Object.fromEntries([...bands].map(([tag, band]) => [tag, { ...band }]))
  const operator = deadbandOperator({ bands, nameOf: (tag) => derivedName(as, { tag }) }) as Operator
  const deadband = { name: 'deadband', does: 'deadband', with: { tags: shown, as }, operator }
  return { name, stages: [{ name: 'deadband', from: assetIntake(config), steps: [orderStep(name, config), deadband] }] }
}
