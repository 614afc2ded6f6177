import type { TagDefinition, TagType } from '../../model/definition.ts'

/** A tag of an asset, with what is known of its values. */
export interface HistoryTag {
  readonly asset: string
  readonly tag: string
  readonly type: TagType
  readonly unit?: string
  readonly range?: readonly [low: number, high: number]
  /** Between two of its values the earlier one holds; else they lie on a line. */
  readonly stepped: boolean
}

/** What is not measured but switched holds until it changes; a gauge or counter goes from one value to the next. */
export function historyTag(asset: string, tag: string, { type, kind, unit, range }: TagDefinition): HistoryTag {
  const numeric = type === 'number' || type === 'int64'
  return {
    asset,
    tag,
    type,
    ...(unit !== undefined && { unit }),
    ...(range !== undefined && { range }),
    stepped: !numeric || kind === 'state',
  }
}

/** Whether its values can be calculated with. */
export function isNumeric({ type }: HistoryTag): boolean {
  return type === 'number' || type === 'int64' || type === 'boolean'
}

/** A path has no line break. */
export function keyOf({ asset, tag }: { readonly asset: string; readonly tag: string }): string {
  return `${asset}\n${tag}`
}
