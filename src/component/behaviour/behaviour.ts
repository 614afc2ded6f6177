import { BEHAVIOUR_LIMITS, horizonFault, type BehaviourDefinition } from '../../model/behaviour.ts'
import type { TagDefinition } from '../../model/definition.ts'
import { nearest } from '../../system/nearest.ts'
import { ExpressionError, parseExpression, type Expression } from '../expression/expression.ts'

/** In equations: the length of a step, in seconds. No tag of a model with a behaviour may have this name. */
export const STEP_NAME = 'dt'

type Tags = ReadonlyMap<string, TagDefinition>

/** A behaviour that can be run. */
export interface Behaviour {
  readonly definition: BehaviourDefinition
  readonly equations: readonly { readonly tag: string; readonly next: Expression }[]
  readonly reaches: readonly { readonly name: string; readonly when: Expression }[]
  readonly totals: readonly { readonly name: string; readonly tag: string }[]
  /** Tags that have to have a value to begin with: those with an equation, and those that something looks at. */
  readonly needs: readonly string[]
}

/** @throws ExpressionError where it does not fit the tags; `behaviourFaults` says so before */
export function compileBehaviour(definition: BehaviourDefinition, tags: Tags): Behaviour {
  const known = reckoned(tags)
  const equations = [...definition.tags].map(([tag, text]) => ({ tag, next: equation(text, known) }))
  const reaches = [...definition.reaches].map(([name, text]) => ({ name, when: condition(text, known) }))
  const totals = [...definition.totals].map(([name, tag]) => ({ name, tag }))
  const looked = [...equations.map(({ next }) => next), ...reaches.map(({ when }) => when)].flatMap((one) => one.tags)
  const needs = new Set([...definition.tags.keys(), ...looked, ...definition.totals.values()])
  needs.delete(STEP_NAME)
  return { definition, equations, reaches, totals, needs: [...needs] }
}

/** Something in a behaviour that cannot be, and where, from `behaviour` on. */
export interface BehaviourFault {
  readonly path: readonly string[]
  readonly message: string
  readonly suggestion?: string | undefined
}

/** What of a behaviour does not fit the tags of its model. */
export function* behaviourFaults(definition: BehaviourDefinition, tags: Tags): Generator<BehaviourFault> {
  const known = reckoned(tags)
  if (tags.has(STEP_NAME)) {
    const message = `Cannot use "${STEP_NAME}" in equations: the model has a tag of this name, want it renamed`
    yield { path: [], message }
  }
  yield* countFaults(definition)
  const far = horizonFault(definition, definition.horizonMs)
  if (far !== undefined) yield { path: ['horizon'], message: `Cannot forecast so far: ${far}` }
  for (const [tag, text] of definition.tags) {
    const path = ['tags', tag]
    const fault = numberFault(`Cannot forecast tag "${tag}"`, tag, tags)
    if (fault) yield { path, ...fault }
    else yield* expressionFault(path, () => equation(text, known))
  }
  for (const [name, text] of definition.reaches) yield* expressionFault(['reaches', name], () => condition(text, known))
  for (const [name, tag] of definition.totals) {
    const fault = numberFault(`Cannot total tag "${tag}"`, tag, tags)
    if (fault) yield { path: ['totals', name], ...fault }
    else if (!definition.tags.has(tag)) {
      const message = `Cannot total tag "${tag}": it has no equation, so it never changes, want one of ${[...definition.tags.keys()].join(', ')}`
      yield { path: ['totals', name], message, suggestion: nearest(tag, definition.tags.keys()) }
    }
  }
}

function* countFaults(definition: BehaviourDefinition): Generator<BehaviourFault> {
  for (const part of ['tags', 'reaches', 'totals'] as const) {
    const { size } = definition[part]
    if (size <= BEHAVIOUR_LIMITS[part]) continue
    yield { path: [part], message: `Cannot forecast with ${size} ${part}: want at most ${BEHAVIOUR_LIMITS[part]}` }
  }
}

function numberFault(cannot: string, tag: string, tags: Tags): Omit<BehaviourFault, 'path'> | undefined {
  const type = tags.get(tag)?.type
  if (type === undefined) {
    const message = `${cannot}: it is not in the model, want one of ${[...tags.keys()].join(', ')}`
    return { message, suggestion: nearest(tag, tags.keys()) }
  }
  if (type === 'number' || type === 'int64') return undefined
  return { message: `${cannot}: it is of type ${type}, want number or int64` }
}

function* expressionFault(path: readonly string[], read: () => unknown): Generator<BehaviourFault> {
  try {
    read()
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    yield { path, message: error.message }
  }
}

function equation(text: string, known: Tags): Expression {
  return parseExpression(text, { tags: new Map([...known, [STEP_NAME, REAL]]), yields: 'number' })
}

function condition(text: string, known: Tags): Expression {
  return parseExpression(text, { tags: known, yields: 'bool' })
}

/** As equations see them: counts are reckoned with fractions, or half a part each step would never be one. */
function reckoned(tags: Tags): Tags {
  return new Map([...tags].map(([tag, definition]) => [tag, definition.type === 'int64' ? REAL : definition]))
}

const REAL: TagDefinition = { type: 'number', kind: 'gauge' }
