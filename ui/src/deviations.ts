import type { AlarmView, JsonValue } from '../../src/api/contract.ts'

/** How a tag is not what it usually is, as an alarm of an anomaly explains it. */
export interface Deviation {
  /** When it began, ms since the epoch; undefined: the alarm does not say. */
  readonly since: number | undefined
  /** Nearly all usual values are between. */
  readonly low: number
  readonly high: number
}

/** The tags that active alarms call unusual; of several alarms the first, which wants an answer first. */
export function deviationsOf(alarms: readonly AlarmView[]): ReadonlyMap<string, Deviation> {
  const found = new Map<string, Deviation>()
  for (const { isActive, detail } of alarms) {
    const { deviations, since } = fieldsOf(detail)
    if (!isActive || !Array.isArray(deviations)) continue
    for (const one of deviations as readonly JsonValue[]) {
      const { tag, low, high } = fieldsOf(one)
      if (typeof tag !== 'string' || typeof low !== 'number' || typeof high !== 'number' || found.has(tag)) continue
      found.set(tag, { since: typeof since === 'number' ? since : undefined, low, high })
    }
  }
  return found
}

function fieldsOf(value: JsonValue): { readonly [name: string]: JsonValue | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { [name: string]: JsonValue })
    : {}
}
