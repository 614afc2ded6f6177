import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { chartRule, type ChartMethod } from './chart.ts'
import { checkCondition } from './check.ts'
import { conditionSchema, type ConditionConfig } from './config.ts'
import { LIMIT_NAMES, limitsRule, type Limit } from './limits.ts'
import { tagsOfMessage } from './message.ts'
import { conditionOperator } from './operator.ts'
import { rateRule } from './rate.ts'
import type { Rule, RuleAlarm } from './rule.ts'
import { vibrationRule, ZONE_BOUNDARIES } from './vibration.ts'
import { whenRule } from './when.ts'

/** Watches machines and raises alarms. */
export const conditionSpec: ProcessorSpec<ConditionConfig> = {
  kind: 'condition',
  summary:
    'Raises an alarm while something is wrong with a machine: an expression, limits, a rate, a control chart, vibration',
  config: conditionSchema,
  example: `processors:
  overheating:
    condition: { on: "press-shop/**", when: "temperature > 95 for 30s", severity: high }
`,
  topology: conditionTopology,
  check: checkCondition,
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
            with: { ...asWritten(config), tags: rule.tags, alarms: rule.alarms.map((alarm) => ({ ...alarm })) },
            operator,
          },
        ],
      },
    ],
  }
}

/** What a condition says, for people who print or compare it: expressions and messages as they were written. */
function asWritten(config: ConditionConfig): { readonly [name: string]: Json } {
  const { when, clear, limits, rate, chart, vibration, latch, message, staleAfter } = config
  const said = { when, clear, limits, rate, chart, vibration, latch, message, staleAfter }
  return textsOf(said) as { readonly [name: string]: Json }
}

function textsOf(value: unknown): Json {
  if (typeof value !== 'object' || value === null) return value as Json
  if (Array.isArray(value)) return value.map(textsOf)
  if ('text' in value && typeof value.text === 'string') return value.text
  const given = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(given.map(([name, one]) => [name, textsOf(one)]))
}

/** The rule of a condition; the config has exactly one. */
function ruleOf(config: ConditionConfig): Rule {
  const { when, clear, limits, rate, chart, vibration, severity: priority } = config
  const alarm: RuleAlarm = { part: '', priority, onMs: when?.forMs || (config.for ?? 0), offMs: config.clearAfter }
  if (when) return whenRule(when, clear, { ...alarm, offMs: clear?.forMs || alarm.offMs })
  if (rate) return rateOf(rate, alarm)
  if (chart) return chartOf(chart, alarm)
  if (vibration) {
    const boundaries = vibration.boundaries ?? ZONE_BOUNDARIES[`${vibration.group}/${vibration.support}`]!
    return vibrationRule({ ...vibration, boundaries }, alarm)
  }
  return limitsOf(limits!, alarm)
}

function rateOf({ per, over, value, above, below }: NonNullable<ConditionConfig['rate']>, alarm: RuleAlarm): Rule {
  const bounds = { ...(above === undefined ? {} : { above }), ...(below === undefined ? {} : { below }) }
  return rateRule({ value, ...bounds, perMs: per.ms, per: per.text, overMs: over ?? per.ms }, alarm)
}

function chartOf(chart: NonNullable<ConditionConfig['chart']>, alarm: RuleAlarm): Rule {
  const { value, mean, sigma, learn, group } = chart
  const given = mean === undefined || sigma === undefined ? {} : { given: { mean, sigma } }
  return chartRule({ value, learn, group, ...given, method: methodOf(chart) }, alarm)
}

function methodOf({ ewma, cusum, nelson }: NonNullable<ConditionConfig['chart']>): ChartMethod {
  if (ewma) return { kind: 'ewma', settings: ewma }
  return cusum ? { kind: 'cusum', settings: cusum } : { kind: 'nelson', rules: nelson! }
}

function limitsOf(limits: NonNullable<ConditionConfig['limits']>, alarm: RuleAlarm): Rule {
  const each = LIMIT_NAMES.flatMap((part): Limit[] => {
    const limit = limits[part]
    if (limit === undefined) return []
    const { at, severity = alarm.priority, for: onMs = alarm.onMs } = limit
    return [{ ...alarm, part, at, priority: severity, onMs }]
  })
  return limitsRule(limits.value, each, limits.deadband)
}
