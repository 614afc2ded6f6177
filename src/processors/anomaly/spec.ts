import { assetIntake, orderStep } from '../../component/asset-stage.ts'
import { checkExpressions, checkTags } from '../../component/known-tags.ts'
import type { ConfigFault, DeclaredTags, ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Operator, Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { anomalySchema, mostTags, type AnomalyConfig } from './config.ts'
import { anomalyOperator } from './operator.ts'

/** The state of a machine is 8 KB a tag, and changes with every row. */
const SAVE_EVERY_MS = 60_000

/** Machines that do what they do not usually do. */
export const anomalySpec: ProcessorSpec<AnomalyConfig> = {
  kind: 'anomaly',
  summary:
    'Learns without labels what each machine usually does, and raises an explained alarm when it does something else',
  config: anomalySchema,
  example: `processors:
  unusual:
    anomaly:
      on: press-shop/**
      tags: [pressure, temperature, torque]
      when: state == "Execute"
      falseAlarms: 7d
      severity: high
`,
  topology: anomalyTopology,
  check: checkAnomaly,
}

function checkAnomaly(config: AnomalyConfig, declared: DeclaredTags): readonly ConfigFault[] {
  const { tags = [], when } = config
  const named = tags.map((tag) => ({ path: ['tags'], tag }))
  const placed = when === undefined ? [] : [{ path: ['when'], expression: when, yields: 'bool' as const }]
  return [...checkTags(config, named, 'learn', declared), ...checkExpressions(config, placed, declared)]
}

function anomalyTopology(config: AnomalyConfig, { name }: ProcessorContext): Topology {
  const { tags, when, warmUp, falseAlarms, severity, scores } = config
  const shown: Json = {
    ...(tags && { tags }),
    ...(when && { when: when.text }),
    warmUp: { ...warmUp },
    falseAlarms: { ...falseAlarms },
    severity,
    scores,
  }
  const operator = anomalyOperator({
    name,
    ...(tags && { tags }),
    ...(when && { when }),
    settings: { warmUp, falseAlarms },
    mostTags: mostTags(config),
    priority: severity,
    scores,
  })
  const anomaly = { name: 'anomaly', does: 'anomaly', with: shown, operator: operator as Operator }
  return {
    name,
    stages: [
      {
        name: 'anomaly',
        from: assetIntake(config),
        saveEveryMs: SAVE_EVERY_MS,
        steps: [orderStep(name, config), anomaly],
      },
    ],
  }
}
