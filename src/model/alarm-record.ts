import { ALARM_ACTIONS, ALARM_PRIORITIES, type AlarmTransition } from './alarm.ts'
import { ModelError } from './errors.ts'
import { isDeeperThan } from './exact-json.ts'
import type { Json } from './json-value.ts'
import { parsePath } from './path.ts'

/** Longest texts of a transition, in UTF-16 code units. */
const ALARM_LENGTHS = { alarm: 256, message: 2_000, by: 256, comment: 2_000 } as const

/** Latest time that a Date can hold. */
const LAST_MS = 8.64e15

/** Deepest nesting of a detail: what a record of the log holds of a value too. */
const DEEPEST = 64

/** A step of an alarm as the value of its record, its fields in order; the key is the asset. */
export function encodeAlarm(transition: AlarmTransition): string {
  const { asset, alarm, action, time, priority, message, detail, latch, by, comment, until } = transition
  return JSON.stringify({ asset, alarm, action, time, priority, message, detail, latch, by, comment, until })
}

/**
 * The step of a record's value. It may come from anybody who can write to the topic, so every field is looked at; fields that
 * are not of a transition are left out.
 * @throws ModelError `BAD_ALARM`, `BAD_PATH`
 */
export function decodeAlarm(value: Uint8Array): AlarmTransition {
  const json = parse(value)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw bad('the value is not an object')
  return readTransition(json)
}

type Fields = { readonly [name in keyof AlarmTransition]?: unknown }

function readTransition(fields: Fields): AlarmTransition {
  const { asset, alarm, action, time, priority, message, detail, latch, by, comment, until } = fields
  return {
    asset: parsePath(text(asset, 'asset', 1_024) ?? missing('asset')),
    alarm: text(alarm, 'alarm', ALARM_LENGTHS.alarm) || missing('alarm'),
    action: oneOf(action, 'action', ALARM_ACTIONS) ?? missing('action'),
    time: number(time, 'time') ?? missing('time'),
    ...given('priority', oneOf(priority, 'priority', ALARM_PRIORITIES)),
    ...given('message', text(message, 'message', ALARM_LENGTHS.message)),
    ...given('detail', detailOf(detail)),
    ...given('latch', boolean(latch, 'latch')),
    ...given('by', text(by, 'by', ALARM_LENGTHS.by)),
    ...given('comment', text(comment, 'comment', ALARM_LENGTHS.comment)),
    ...given('until', number(until, 'until')),
  }
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(value))
  } catch (cause) {
    throw bad(`the value is not JSON (${(cause as Error).message.slice(0, 200)})`)
  }
}

function given<N extends string, T>(name: N, value: T | undefined): { readonly [name in N]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [name in N]: T })
}

function text(value: unknown, name: string, most: number): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw bad(`"${name}" is ${shown(value)}, want a text`)
  if (value.length > most) throw bad(`"${name}" has ${value.length} characters, want at most ${most}`)
  if (!value.isWellFormed()) throw bad(`"${name}" has a lone surrogate, want well-formed Unicode`)
  return value
}

function number(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Math.abs(value) <= LAST_MS) return value
  throw bad(`"${name}" is ${shown(value)}, want ms since the epoch`)
}

function boolean(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw bad(`"${name}" is ${shown(value)}, want true or false`)
}

function oneOf<T extends string>(value: unknown, name: string, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw bad(`"${name}" is ${shown(value)}, want one of ${allowed.join(', ')}`)
  return found
}

function detailOf(value: unknown): Json | undefined {
  if (value === undefined) return undefined
  if (isDeeperThan(value as Json, DEEPEST)) throw bad(`"detail" is nested deeper than ${DEEPEST} levels`)
  return value as Json
}

function missing(name: string): never {
  throw bad(`"${name}" is missing`)
}

function shown(value: unknown): string {
  const json = JSON.stringify(value)
  return json.length > 60 ? `${json.slice(0, 57)}...` : json
}

function bad(reason: string): ModelError {
  return new ModelError('BAD_ALARM', `Cannot decode alarm: ${reason}`)
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
