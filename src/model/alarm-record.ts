import type { AlarmAction, AlarmPriority, AlarmTransition } from './alarm.ts'
import { ModelError } from './errors.ts'
import type { Json } from './json-value.ts'

const ACTIONS: ReadonlySet<string> = new Set<AlarmAction>([
  'raise',
  'update',
  'clear',
  'acknowledge',
  'shelve',
  'unshelve',
  'suppress',
  'unsuppress',
  'remove-from-service',
  'return-to-service',
  'comment',
])
const PRIORITIES: ReadonlySet<string> = new Set<AlarmPriority>(['low', 'medium', 'high', 'critical'])

/** A step of an alarm as the value of its record; the key is the asset. */
export function encodeAlarm(alarm: AlarmTransition): string {
  const { asset, alarm: name, action, time, priority, message, detail, by, comment, until } = alarm
  return JSON.stringify({ asset, alarm: name, action, time, priority, message, detail, by, comment, until })
}

/**
 * The step of an alarm of a record, whoever wrote it.
 * @throws ModelError `BAD_ALARM` where the bytes are none.
 */
export function decodeAlarm(bytes: Uint8Array): AlarmTransition {
  const parsed = parse(bytes)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw badAlarm('not an object')
  const alarm = parsed as { readonly [name in keyof AlarmTransition]?: Json }
  const fault = faultOf(alarm)
  if (fault !== undefined) throw badAlarm(fault)
  return alarm as unknown as AlarmTransition
}

function faultOf(alarm: { readonly [name in keyof AlarmTransition]?: Json }): string | undefined {
  const { asset, alarm: name, action, time, priority, until } = alarm
  if (typeof asset !== 'string' || asset === '') return '"asset" is not a text'
  if (typeof name !== 'string' || name === '') return '"alarm" is not a text'
  if (typeof action !== 'string' || !ACTIONS.has(action)) return `"action" is ${shown(action)}`
  if (typeof time !== 'number') return '"time" is not a number'
  if (priority !== undefined && (typeof priority !== 'string' || !PRIORITIES.has(priority)))
    return `"priority" is ${shown(priority)}`
  if (until !== undefined && typeof until !== 'number') return '"until" is not a number'
  for (const field of ['message', 'by', 'comment'] as const) {
    if (alarm[field] !== undefined && typeof alarm[field] !== 'string') return `"${field}" is not a text`
  }
  return undefined
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch (cause) {
    throw badAlarm(`not JSON (${(cause as Error).message.slice(0, 200)})`)
  }
}

function shown(value: Json | undefined): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 100)
}

function badAlarm(fault: string): ModelError {
  return new ModelError('BAD_ALARM', `Cannot decode alarm: ${fault}, want a step of an alarm of docs/architecture.md`)
}
