import type { TagView } from '../../src/api/contract.ts'
import type { State } from './tree.ts'

/** Declared by a model, and nothing of it has come yet: no fault of the machine. */
export function isWaiting(tag: TagView): boolean {
  return tag.qualityName === 'BadWaitingForInitialData'
}

/** How a tag is; `stale`: by the hub's word, or because the hub cannot be heard. */
export function tagState(tag: TagView, stale: boolean): State {
  if (isWaiting(tag)) return 'stale'
  if (tag.severity === 'bad') return 'bad'
  return stale ? 'stale' : tag.severity
}

/**
 * What a value's age counts from: when it was measured, unless the machine's clock says that this is still to come;
 * then, when it was received (P9: no stale value looks fresh). Undefined: never.
 */
export function measuredAt(tag: TagView): number | undefined {
  return isWaiting(tag) ? undefined : Math.min(tag.sourceTime, tag.receivedTime)
}
