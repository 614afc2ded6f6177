import { pathMatcher } from '../model/path-pattern.ts'

/** Who asks, and what that one may do. Nobody may what is not named. */
export interface Person {
  readonly name: string
  readonly can: readonly string[]
  /** Patterns of the assets that it may command and approve; absent: all. */
  readonly areas?: readonly string[]
}

/** Why this one may not do it to this asset; undefined: it may. */
export function lacks({ name, can, areas }: Person, right: 'command' | 'approve', site: string, asset: string) {
  if (!can.includes(right)) return { code: 'right', message: `"${name}" lacks right "${right}"` }
  if (areas === undefined || areas.some((pattern) => pathMatcher(site, pattern)(asset))) return undefined
  return { code: 'area', message: `"${asset}" is not in the areas of "${name}"` }
}
