/**
 * How machines of a model go on by themselves, as difference equations: what each tag is a step later, in CEL over the tags of
 * the step before. Nothing of it is ever stored as a value of the machine; it is for forecasts.
 */
export interface BehaviourDefinition {
  /** Length of a step. */
  readonly stepMs: number
  /** How far a forecast goes unless somebody asks otherwise. */
  readonly horizonMs: number
  /** The next value of each tag, by tag. A tag without an equation keeps the value that it has. */
  readonly tags: ReadonlyMap<string, string>
  /** Conditions of which a forecast says when they come true, by name. */
  readonly reaches: ReadonlyMap<string, string>
  /** Tags of which a forecast says by how much they grow, by name: the energy of a shift. */
  readonly totals: ReadonlyMap<string, string>
}

/** What a forecast may cost: it is worked out beside everything else that a hub does. */
export const BEHAVIOUR_LIMITS = {
  steps: 100_000,
  tags: 100,
  reaches: 20,
  totals: 20,
  /** Steps times equations and conditions. */
  evaluations: 2_000_000,
} as const

/** Steps that reach so far; the last one may end a little beyond. */
export function stepsOf({ stepMs }: Pick<BehaviourDefinition, 'stepMs'>, horizonMs: number): number {
  return Math.max(1, Math.ceil(horizonMs / stepMs))
}

/** Why a forecast cannot go so far; undefined: it can. */
export function horizonFault(behaviour: BehaviourDefinition, horizonMs: number): string | undefined {
  const steps = stepsOf(behaviour, horizonMs)
  const expressions = behaviour.tags.size + behaviour.reaches.size
  const most = Math.min(BEHAVIOUR_LIMITS.steps, Math.floor(BEHAVIOUR_LIMITS.evaluations / Math.max(1, expressions)))
  if (steps <= most) return undefined
  return `it is ${steps} steps of ${behaviour.stepMs} ms, want at most ${most}`
}
