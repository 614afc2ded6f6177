import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import { assetIntake } from '../../component/asset-stage.ts'
import type { Operator, Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { remainingLifeConfig, type RemainingLifeConfig } from './config.ts'
import { lifeLearner } from './learner.ts'
import { remainingLifeOperator } from './operator.ts'

/** How long machines will last, and when to maintain them. */
export const remainingLifeSpec: ProcessorSpec<RemainingLifeConfig> = {
  kind: 'remaining-life',
  summary: 'Foretells how long assets will last, by a limit or as their fleet has failed, and advises when to maintain',
  config: remainingLifeConfig,
  example: `processors:
  cells:
    remaining-life:
      on: cells/*
      tags: capacity
      limit: { below: 1.4 }
      age: cycle
      horizon: 20
      costs: { planned: 400, failure: 2500 }
`,
  topology: lifeTopology,
  learner: lifeLearner,
}

function lifeTopology(config: RemainingLifeConfig, { name }: ProcessorContext): Topology {
  const { on, model, ...rest } = config
  // The model itself is for machines; whether it is another one is for people.
  const shown = { ...rest, ...(model && { model: model.digest, learned: model.learned }) }
  const isTold = config.limit !== undefined || model !== undefined
  const events = { topic: 'events' as const, ...(on && { on }) }
  return {
    name,
    stages: [
      {
        name: 'life',
        from: [...assetIntake(config), events],
        steps: [
          {
            name: 'life',
            does: 'remaining-life',
            with: JSON.parse(JSON.stringify(shown)) as Json,
            operator: isTold ? remainingLifeOperator(config, name) : NOTHING_LEARNED,
          },
        ],
      },
    ],
  }
}

/** Until a model was learned there is nothing to say, and nothing to keep: what was measured is in the log. */
const NOTHING_LEARNED: Operator = { create: () => null, take() {}, isIdle: () => true }
