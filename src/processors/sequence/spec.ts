import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Operator, Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { sequenceSchema, type SequenceConfig } from './config.ts'
import { newLine, restoreLine, saveLine, takeSighting, type LineState } from './line.ts'
import { review, type LineRules } from './review.ts'
import { sightingsOperator, type Sighting } from './sightings.ts'

/** Just-in-sequence supply of a line: what was planned against what the checkpoints see. */
export const sequenceSpec: ProcessorSpec<SequenceConfig> = {
  kind: 'sequence',
  summary: 'Holds the parts on their way to a line against the planned sequence, and warns before the line stops',
  config: sequenceSchema,
  example: `processors:
  doors:
    sequence:
      line: assembly/line2
      takt: 57s
      checkpoints:
        - { name: dispatch, at: supply/doors/dispatch, ahead: 60 }
        - { name: buffer, at: assembly/line2/door-buffer, ahead: 12, tag: scanned, low: 4 }
        - { name: fit, at: assembly/line2/station14, ahead: 0, event: door.fitted }
`,
  topology: sequenceTopology,
}

function sequenceTopology(config: SequenceConfig, { name, site }: ProcessorContext): Topology {
  const tagged = config.checkpoints.filter(({ tag }) => tag !== undefined).map(({ at }) => at)
  const shown = JSON.parse(JSON.stringify(config)) as Json
  return {
    name,
    stages: [
      {
        name: 'sightings',
        from: [
          { topic: 'events', on: [config.line, ...config.checkpoints.map(({ at }) => at)] },
          ...(tagged.length === 0 ? [] : [{ topic: 'telemetry' as const, on: tagged }]),
        ],
        steps: [
          { name: 'sightings', does: 'sequence-sightings', with: shown, operator: sightingsOperator(site, config) },
        ],
      },
      {
        name: 'line',
        from: [{ topic: 'keyed' }],
        steps: [{ name: 'line', does: 'sequence-line', with: shown, operator: lineOperator({ ...config, name }) }],
      },
    ],
  }
}

/** Second stage, by line. */
function lineOperator(rules: LineRules): Operator<LineState> {
  return {
    create: () => newLine(rules.checkpoints.length),
    take(state, fact, context) {
      if (fact.kind !== 'keyed') return
      takeSighting(state, fact.data as unknown as Sighting, context.time, rules)
      review(state, rules, context)
    },
    due(state, _timer, context) {
      review(state, rules, context)
    },
    save: saveLine,
    restore: restoreLine,
  }
}
