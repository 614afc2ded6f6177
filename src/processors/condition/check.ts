import { checkExpressions, checkTags } from '../../component/known-tags.ts'
import type { ConfigFault, DeclaredTags } from '../../component/processor.ts'
import type { ConditionConfig } from './config.ts'
import { tagsOfMessage } from './message.ts'

/** Expressions and messages that fit none of the machines they are for. */
export function checkCondition(config: ConditionConfig, declared: DeclaredTags): readonly ConfigFault[] {
  const shown = tagsOfMessage(config.message ?? []).map((tag) => ({ path: ['message'], tag }))
  return [...checkExpressions(config, expressionsOf(config), declared), ...checkTags(config, shown, 'show', declared)]
}

function expressionsOf({ when, clear, limits, rate, chart, vibration }: ConditionConfig) {
  const conditions = Object.entries({ when, clear }).flatMap(([name, given]) =>
    given === undefined ? [] : [{ path: [name], expression: given.expression, yields: 'bool' as const }],
  )
  const values = Object.entries({ limits, rate, chart, vibration }).flatMap(([name, given]) =>
    given === undefined ? [] : [{ path: [name, 'value'], expression: given.value, yields: 'number' as const }],
  )
  return [...conditions, ...values]
}
