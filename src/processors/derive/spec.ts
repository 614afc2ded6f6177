import { z } from 'zod'
import { assetFields, assetIntake, orderFields, orderStep, perTag } from '../../component/asset-stage.ts'
import { expressionField } from '../../component/expression/when.ts'
import { durationField } from '../../component/fields.ts'
import { checkExpressions } from '../../component/known-tags.ts'
import { deriveOperator } from '../../component/operators/derive.ts'
import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Operator, Topology } from '../../component/topology.ts'

const schema = z.strictObject({
  ...assetFields,
  tags: perTag(expressionField, 'power: "voltage * current"')
    .superRefine((tags, context) => {
      for (const { text, tags: inputs } of Object.values(tags)) {
        const own = inputs.find((input) => Object.hasOwn(tags, input))
        if (own === undefined) continue
        const message = `Cannot derive from "${own}" in ${JSON.stringify(text)}: it is derived here, want a tag of the asset`
        context.addIssue({ code: 'custom', message })
      }
    })
    .describe('Expressions in CEL over the tags of the asset, by the name of the derived tag'),
  hold: durationField.prefault('60s').describe('Age beyond which the last value of an input no longer counts'),
  treatUncertainAsBad: z.boolean().default(false).describe('Whether an Uncertain value is as good as none'),
  ...orderFields,
})

type DeriveConfig = z.output<typeof schema>

/** New tags out of expressions. */
export const deriveSpec: ProcessorSpec<DeriveConfig> = {
  kind: 'derive',
  summary: 'Works out new tags of an asset from its tags, by expressions',
  config: schema,
  example: `processors:
  energy:
    derive:
      on: press-shop/**
      hold: 5m
      tags:
        power: voltage * current
        overloaded: voltage * current > 12000.0 && state == "Execute"
`,
  topology: deriveTopology,
  check: (config, declared) => checkExpressions(config, expressionsOf(config), declared),
}

function expressionsOf({ tags }: DeriveConfig) {
  return Object.entries(tags).map(([tag, expression]) => ({ path: ['tags', tag], expression }))
}

function deriveTopology(config: DeriveConfig, { name }: ProcessorContext): Topology {
  const { hold: holdMs, treatUncertainAsBad: strict } = config
  const tags = new Map(Object.entries(config.tags))
  const shown = Object.fromEntries([...tags].map(([tag, { text }]) => [tag, text]))
  const operator = deriveOperator({ tags, holdMs, strict }) as Operator
  const derive = { name: 'derive', does: 'derive', with: { tags: shown, holdMs, strict }, operator }
  return { name, stages: [{ name: 'derive', from: assetIntake(config), steps: [orderStep(name, config), derive] }] }
}
