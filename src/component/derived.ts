import { createHash } from 'node:crypto'
import type { AlarmPriority } from '../model/alarm.ts'
import type { Event } from '../model/event.ts'
import type { Json } from '../model/json-value.ts'
import type { StepContext } from './topology.ts'

/**
 * An event that a processor derives. Its id is made of what it is about, so that it is the same event when it is derived
 * again: after a crash, in a rebuilt log, by another hub.
 */
export function derivedEvent(event: Omit<Event, 'id'>, about: Json): Event {
  const digest = createHash('sha256')
    .update(JSON.stringify([event.source, event.type, about]))
    .digest('base64url')
  return { id: digest.slice(0, 22), ...event }
}

/** What an alarm says while it is up. */
export interface AlarmSaying {
  readonly priority: AlarmPriority
  readonly message: string
  readonly detail: Json
  /** What kind of trouble it is, where an alarm may turn from one into another. */
  readonly kind?: string
}

/**
 * Brings an alarm to what is to be said of it, or clears it; `up` holds the priority, and kind, of those that are up, by
 * the part of their name, and is changed. An alarm that is up is told again only when one of these changes.
 */
export function sayAlarm(
  up: Map<string, string>,
  { asset, name, part }: { readonly asset: string; readonly name: string; readonly part: string },
  saying: AlarmSaying | undefined,
  time: number,
  context: StepContext,
): void {
  const before = up.get(part)
  const now = saying && [saying.priority, saying.kind ?? ''].join(' ').trim()
  if (before === now) return
  const alarm = part === '' ? name : `${name}.${part}`
  if (saying === undefined) {
    up.delete(part)
    context.emit({ kind: 'alarm', alarm: { asset, alarm, action: 'clear', time } })
    return
  }
  const { kind: _kind, ...said } = saying
  up.set(part, now!)
  const action = before === undefined ? 'raise' : 'update'
  context.emit({ kind: 'alarm', alarm: { asset, alarm, action, time, ...said } })
}

/** One step up among the priorities of ISA-18.2. */
export function higher(priority: AlarmPriority): AlarmPriority {
  const all = ['low', 'medium', 'high', 'critical'] as const
  return all[Math.min(all.indexOf(priority) + 1, all.length - 1)]!
}
