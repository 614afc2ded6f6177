import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Topology } from '../../component/topology.ts'
import { conditionSchema, type ConditionConfig } from './config.ts'
import { LIMIT_NAMES, limitsRule, type Limit } from './limits.ts'
import { tagsOfMessage } from './message.ts'
import { conditionOperator } from './operator.ts'
import { rateRule } from './rate.ts'
import type { Rule, RuleAlarm } from './rule.ts'
import { whenRule } from './when.ts'

/** Watches machines and raises alarms. */
export const conditionSpec: ProcessorSpec<ConditionConfig> = {
  kind: 'condition',
  summary: 'Raises an alarm while something is wrong with a machine: an expression, limits, a rate',
  config: conditionSchema,
  example: `processors:
  overheating:
    condition: { on: "press-shop/**", when: "temperature > 95 for 30s", severity: high }
`,
  topology: conditionTopology,
}

function conditionTopology(config: ConditionConfig, { name }: ProcessorContext): Topology {
  const rule = ruleOf(config)
  const { message, on, of } = config
  const operator = conditionOperator({
    name,
    rule,
    shows: tagsOfMessage(message ?? []).filter((tag) => !rule.tags.includes(tag)),
    staleAfterMs: config.staleAfter ?? Infinity,
    latch: config.latch,
    ...(message && { message }),
  })
  const assets = on === undefined ? {} : { on }
  return {
    name,
    stages: [
      {
        name: 'watch',
        from: [
          { topic: 'telemetry', ...assets },
          ...(of === undefined ? [] : [{ topic: 'derived' as const, ...assets, of }]),
        ],
        steps: [
          {
            name: 'condition',
            does: 'condition',
            with: { tags: rule.tags, alarms: rule.alarms.map((alarm) => ({ ...alarm })) },
            operator,
          },
        ],
      },
    ],
  }
}

/** The rule of a condition; the config has exactly one. */
function ruleOf(config: ConditionConfig): Rule {
  const { when, clear, limits, rate, severity: priority } = config
  const alarm: RuleAlarm = { part: '', priority, onMs: when?.forMs || (config.for ?? 0), offMs: config.clearAfter }
  if (when) return whenRule(when, clear, { ...alarm, offMs: clear?.forMs || alarm.offMs })
  if (rate) {
    const { per, over, value, above, below } = rate
    const bounds = { ...(above === undefined ? {} : { above }), ...(below === undefined ? {} : { below }) }
    return rateRule({ value, ...bounds, perMs: per.ms, per: per.text, overMs: over ?? per.ms }, alarm)
  }
  const { value, deadband } = limits!
  const each = LIMIT_NAMES.flatMap((part): Limit[] => {
    const limit = limits![part]
    if (limit === undefined) return []
    return [{ ...alarm, part, at: limit.at, priority: limit.severity ?? priority, onMs: limit.for ?? alarm.onMs }]
  })
  return limitsRule(value, each, deadband)
}
