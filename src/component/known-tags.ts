import { nearest } from '../system/nearest.ts'
import { ExpressionError, parseExpression, type Expression } from './expression/expression.ts'
import type { ConfigFault, DeclaredTags } from './processor.ts'

/**
 * Whether a config names tags that its machines have. Looked at only where `on` names machines whose models are declared; what
 * processors derive (`of`) is not.
 */

/** Whose facts a config takes. */
interface Taken {
  readonly on?: readonly string[] | undefined
  readonly of?: readonly string[] | undefined
}

/** Something in a config, and where it is, from the processor's own config on. */
type Place = readonly (string | number)[]

/** Tags that none of the machines has. `verb`: what the config would do with it: `summarise`. */
export function checkTags(
  taken: Taken,
  named: readonly { readonly path: Place; readonly tag: string }[],
  verb: string,
  declared: DeclaredTags,
): ConfigFault[] {
  const models = modelsOf(taken, declared)
  if (models.length === 0) return []
  const known = new Set(models.flatMap((tags) => [...tags.keys()]))
  return named
    .filter(({ tag }) => !known.has(tag))
    .map(({ path, tag }) => ({ path, message: unknownTag(tag, verb, known) }))
}

/** The names of an object that has something for each of several tags: `tags: { temperature: mean }`. */
export function tagsIn(tags: { readonly [tag: string]: unknown }): { readonly path: Place; readonly tag: string }[] {
  return Object.keys(tags).map((tag) => ({ path: ['tags', tag], tag }))
}

/** Expressions that fit none of the machines: a tag that is not in the model, or values that cannot be compared. */
export function checkExpressions(
  taken: Taken,
  placed: readonly { readonly path: Place; readonly expression: Expression; readonly yields?: 'bool' | 'number' }[],
  declared: DeclaredTags,
): ConfigFault[] {
  const models = modelsOf(taken, declared)
  if (models.length === 0) return []
  return placed.flatMap(({ path, expression, yields }): ConfigFault[] => {
    const found = models.map((tags) => faultOf(expression, { tags, ...(yields !== undefined && { yields }) }))
    return found.includes(undefined) ? [] : [{ path, message: found[0]! }]
  })
}

function modelsOf({ on, of }: Taken, declared: DeclaredTags) {
  return on === undefined || of !== undefined ? [] : declared.tagsOf(on)
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

function unknownTag(tag: string, verb: string, known: ReadonlySet<string>): string {
  const meant = nearest(tag, known)
  const message = `Cannot ${verb} tag "${tag}": it is not in the model, want one of ${[...known].join(', ')}`
  return meant === undefined ? message : `${message}; did you mean "${meant}"?`
}
