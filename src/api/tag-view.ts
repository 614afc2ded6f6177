import { jsonValue } from '../model/json-value.ts'
import type { TagDefinition } from '../model/definition.ts'
import { Quality, qualityName, severity } from '../model/quality.ts'
import type { Value } from '../model/reading.ts'
import type { AssetSummary, TagView } from './contract.ts'

/** What is known of a tag at a moment, wherever that is kept. */
export interface KnownState {
  readonly value: Value | null
  readonly quality: number
  readonly sourceTime: number
  readonly serverTime?: number | undefined
  readonly receivedTime: number
  /** Since when it has this value; undefined: not known. */
  readonly since?: number | undefined
}

/** A tag as people see it; without a state it is declared and has never come. */
export function tagView(
  tag: string,
  definition: TagDefinition | undefined,
  known: KnownState | undefined,
  isStale: boolean,
): TagView {
  const state = known ?? NEVER
  const kind = definition?.kind ?? 'gauge'
  return {
    tag,
    value: state.value === null ? null : jsonValue(state.value),
    type: definition?.type ?? 'number',
    kind,
    ...(definition?.unit === undefined ? {} : { unit: definition.unit }),
    ...(definition?.range === undefined ? {} : { range: definition.range }),
    quality: state.quality,
    qualityName: qualityName(state.quality),
    severity: severity(state.quality),
    sourceTime: state.sourceTime,
    ...(state.serverTime === undefined ? {} : { serverTime: state.serverTime }),
    receivedTime: state.receivedTime,
    stale: known === undefined || isStale,
    ...(kind === 'state' && state.since !== undefined && { since: state.since }),
  }
}

const NEVER: KnownState = {
  value: null,
  quality: Quality.BadWaitingForInitialData,
  sourceTime: 0,
  receivedTime: 0,
}

/** A value that a condition may count on; one that is Bad is not known. */
export function usableValue(state: Pick<KnownState, 'value' | 'quality'> | undefined): Value | undefined {
  if (state === undefined || state.value === null || severity(state.quality) === 'bad') return undefined
  return state.value
}

/** What is told of an asset's tags in a list, counted one by one: lists are long, and made often. */
export class TagCount {
  tags = 0
  /** One of them must not be taken for the present, or has never come. */
  isStale = false
  /** The worst among those that have a value to judge; one that never came is not a fault of the machine. */
  severity: AssetSummary['severity'] = 'good'

  add(state: Pick<KnownState, 'quality'>, isStale: boolean): void {
    this.tags += 1
    this.isStale ||= isStale
    if (state.quality === 0 || this.severity === 'bad') return
    const own = severity(state.quality)
    if (own !== 'good' && state.quality !== Quality.BadWaitingForInitialData) this.severity = own
  }

  /** A tag that is declared and has not come. */
  addSilent(): void {
    this.tags += 1
    this.isStale = true
  }
}
