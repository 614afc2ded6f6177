import type { ConfigFault, DeclaredTags } from '../../component/processor.ts'
import { ExpressionError, parseExpression, type Expression } from '../../component/expression/expression.ts'
import { nearest } from '../../system/nearest.ts'
import type { ConditionConfig } from './config.ts'
import { tagsOfMessage } from './message.ts'

/**
 * Expressions that fit none of the machines they are for: a tag that is not in the model, or values that cannot be compared.
 * Looked at only where `on` names machines whose models are declared; what processors derive (`of`) is not.
 */
export function checkCondition(config: ConditionConfig, declared: DeclaredTags): readonly ConfigFault[] {
  const { on, of, message = [] } = config
  const models = on === undefined || of !== undefined ? [] : declared.tagsOf(on)
  if (models.length === 0) return []
  const known = new Set(models.flatMap((tags) => [...tags.keys()]))
  const faults = expressionsOf(config).flatMap(({ path, expression, yields }): ConfigFault[] => {
    const found = models.map((tags) => faultOf(expression, { tags, yields }))
    return found.includes(undefined) ? [] : [{ path, message: found[0]! }]
  })
  const unknown = tagsOfMessage(message).filter((tag) => !known.has(tag))
  return [...faults, ...unknown.map((tag) => ({ path: ['message'], message: unknownTag(tag, known) }))]
}

interface Placed {
  readonly path: readonly string[]
  readonly expression: Expression
  readonly yields: 'bool' | 'number'
}

function expressionsOf({ when, clear, limits, rate, chart, vibration }: ConditionConfig): Placed[] {
  const conditions = Object.entries({ when, clear }).flatMap(([name, given]): Placed[] =>
    given === undefined ? [] : [{ path: [name], expression: given.expression, yields: 'bool' }],
  )
  const values = Object.entries({ limits, rate, chart, vibration }).flatMap(([name, given]): Placed[] =>
    given === undefined ? [] : [{ path: [name, 'value'], expression: given.value, yields: 'number' }],
  )
  return [...conditions, ...values]
}

/** Why an expression cannot be about machines with these tags; undefined: it can. */
function faultOf({ text }: Expression, options: Parameters<typeof parseExpression>[1]): string | undefined {
  try {
    parseExpression(text, options)
    return undefined
  } catch (error) {
    if (error instanceof ExpressionError) return error.message
    throw error
  }
}

function unknownTag(tag: string, known: ReadonlySet<string>): string {
  const meant = nearest(tag, known)
  const message = `Cannot show tag "${tag}" in this message: it is not in the model, want one of ${[...known].join(', ')}`
  return meant === undefined ? message : `${message}; did you mean "${meant}"?`
}
