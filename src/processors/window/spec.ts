import { assetIntake } from '../../component/asset-stage.ts'
import { checkTags, tagsIn } from '../../component/known-tags.ts'
import { derivedName } from '../../component/operators/derived-name.ts'
import { windowOperator } from '../../component/operators/window.ts'
import type { WindowOptions } from '../../component/operators/window.ts'
import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Operator, Step, Topology } from '../../component/topology.ts'
import { shapeOf, windowSchema, type WindowConfig } from './config.ts'

/** Summarises tags over windows of time. */
export const windowSpec: ProcessorSpec<WindowConfig> = {
  kind: 'window',
  summary: 'Summarises tags over windows of event time: means, percentiles, durations, what counters counted',
  config: windowSchema,
  example: `processors:
  per-minute:
    window:
      on: press-shop/**
      tumbling: 1m
      late: 10s
      tags:
        temperature: [mean, max, timeAverage]
        state: duration
        cycles: { aggregates: delta, rollover: 65536 }
`,
  topology: windowTopology,
  check: (config, declared) => checkTags(config, tagsIn(config.tags), 'summarise', declared),
}

function windowTopology(config: WindowConfig, { name }: ProcessorContext): Topology {
  return { name, stages: [{ name: 'window', from: assetIntake(config), steps: [step(config, name)] }] }
}

function step(config: WindowConfig, name: string): Step {
  const { late, onLate, hold, percentDataGood, percentDataBad, treatUncertainAsBad, as } = config
  const options: Omit<WindowOptions, 'nameOf'> = {
    name,
    shape: shapeOf(config),
    tags: Object.entries(config.tags).map(([tag, asked]) => ({ tag, ...asked })),
    lateMs: late,
    onLate,
    holdMs: hold,
    limits: { percentDataGood, percentDataBad },
    strict: treatUncertainAsBad,
  }
  const nameOf = (tag: string, aggregate: string) => derivedName(as, { tag, aggregate })
  const operator = windowOperator({ ...options, nameOf }) as Operator
  const { name: _, shape, tags, limits, ...shown } = options
  const asked = Object.fromEntries(tags.map(({ tag, ...asked }) => [tag, { ...asked }]))
  return {
    name: 'window',
    does: 'window',
    with: { shape: { ...shape }, tags: asked, limits: { ...limits }, as, ...shown },
    operator,
  }
}
