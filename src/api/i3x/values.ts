import type { AddressSpace } from './address-space.ts'
import type { Budget } from './budget.ts'
import { elementId, type Element } from './element-ids.ts'
import { assetVqt, noData, tagVqt, type Vqt } from './vqt.ts'

/** The last known value of an object, i3X 1.0 "POST /objects/value". */
export interface CurrentValue extends Vqt {
  /** It has tags, whether or not they were asked for. */
  readonly isComposition: boolean
  /** By elementId, where it was asked for deeper than itself. */
  readonly components?: { readonly [elementId: string]: Vqt }
}

export interface ValueOptions {
  readonly space: AddressSpace
  /** Time of what never had a value, ms since the epoch. */
  readonly since: number
  /** 1: the element alone; anything else: with its tags, which have nothing below them. */
  readonly maxDepth: number
  /** Each value of a tag takes one. */
  readonly budget: Budget
}

/** What an element has now; undefined where it does not fit into the answer. */
export function currentValue(
  element: Element,
  { space, since, maxDepth, budget }: ValueOptions,
): CurrentValue | undefined {
  const asset = element.kind === 'place' ? undefined : space.asset(element.path)
  if (element.kind === 'tag') {
    const tag = asset?.tags.get(element.tag)
    if (!budget.take()) return undefined
    return { isComposition: false, ...(tag === undefined ? noData(since) : tagVqt(tag, since)) }
  }
  const tags = asset?.twin.tags ?? []
  if (!budget.take((maxDepth === 1 ? 1 : 2) * tags.length)) return undefined
  const value = { isComposition: tags.length > 0, ...assetVqt(tags, since) }
  if (maxDepth === 1 || tags.length === 0) return value
  const components = tags.map((tag): [string, Vqt] => [elementId(element.path, tag.tag), tagVqt(tag, since)])
  return { ...value, components: Object.fromEntries(components) }
}
