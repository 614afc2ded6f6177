import { COMMAND_ENDS, ENTRANCES, type CommandAct, type CommandEvent, type Reason } from './command-event.ts'
import { ModelError } from './errors.ts'
import { parsePath } from './path.ts'
import type { Value } from './reading.ts'
import { parseValue, valueJson, type ValueJson } from './value-json.ts'

/** Longest texts of a step, in UTF-16 code units. */
const COMMAND_LENGTHS = { id: 64, name: 256, key: 256, comment: 2_000, text: 4_096 } as const
/** Most arguments, reasons or results of a step. */
const MOST_ITEMS = 64
/** Latest time that a Date can hold. */
const LAST_MS = 8.64e15

/** A step as the value of its record, its fields in order; the key is the asset. */
export function encodeCommandEvent(event: CommandEvent): string {
  const { kind, id, asset, time, ...rest } = event
  return JSON.stringify({ kind, id, asset, time, ...jsonOf(rest) })
}

/**
 * The step of a record's value. It may come from anybody who can write to the topic, so every field is looked at.
 * @throws ModelError `BAD_COMMAND`, `BAD_PATH`
 */
export function decodeCommandEvent(value: Uint8Array): CommandEvent {
  const fields = parse(value)
  const step = {
    id: text(fields, 'id', COMMAND_LENGTHS.id),
    asset: parsePath(text(fields, 'asset', 1_024)),
    time: number(fields, 'time'),
    run: text(fields, 'run', COMMAND_LENGTHS.name),
  }
  switch (fields['kind']) {
    case 'requested':
      return {
        kind: 'requested',
        ...step,
        command: text(fields, 'command', COMMAND_LENGTHS.name),
        act: act(fields['act']),
        by: text(fields, 'by', COMMAND_LENGTHS.name),
        via: oneOf(fields, 'via', ENTRANCES),
        ttlMs: number(fields, 'ttlMs'),
        confirmMs: number(fields, 'confirmMs'),
        ...given(fields, 'expected', () => valueOf(fields['expected'])),
        ...given(fields, 'key', () => text(fields, 'key', COMMAND_LENGTHS.key)),
        ...given(fields, 'comment', () => text(fields, 'comment', COMMAND_LENGTHS.comment)),
        ...given(fields, 'tolerance', () => number(fields, 'tolerance')),
        ...given(fields, 'approveMs', () => number(fields, 'approveMs')),
      }
    case 'approved':
      return {
        kind: 'approved',
        ...step,
        by: text(fields, 'by', COMMAND_LENGTHS.name),
        ...given(fields, 'comment', () => text(fields, 'comment', COMMAND_LENGTHS.comment)),
      }
    case 'claimed':
      return {
        kind: 'claimed',
        ...step,
        hub: text(fields, 'hub', COMMAND_LENGTHS.name),
        token: text(fields, 'token', COMMAND_LENGTHS.name),
        source: text(fields, 'source', COMMAND_LENGTHS.name),
      }
    case 'settled':
      return {
        kind: 'settled',
        ...step,
        state: oneOf(fields, 'state', COMMAND_ENDS),
        reasons: list(fields, 'reasons').map(reason),
        ...given(fields, 'readBack', () => valueOf(fields['readBack'])),
        ...given(fields, 'results', () => list(fields, 'results').map(valueOf)),
        ...given(fields, 'by', () => text(fields, 'by', COMMAND_LENGTHS.name)),
      }
    default:
      throw bad(`"kind" is ${shown(fields['kind'])}, want requested, approved, claimed or settled`)
  }
}

type Fields = { readonly [name: string]: unknown }

function jsonOf(fields: object): Fields {
  const {
    act: doing,
    expected,
    readBack,
    results,
    ...plain
  } = fields as {
    readonly act?: CommandAct
    readonly expected?: Value | null
    readonly readBack?: Value | null
    readonly results?: readonly (Value | null)[]
  }
  return {
    ...(doing !== undefined && { act: actJson(doing) }),
    ...plain,
    ...(expected !== undefined && { expected: valueJson(expected) }),
    ...(readBack !== undefined && { readBack: valueJson(readBack) }),
    ...(results !== undefined && { results: results.map(valueJson) }),
  }
}

function actJson(doing: CommandAct): Fields {
  return doing.kind === 'tag'
    ? { kind: 'tag', tag: doing.tag, value: valueJson(doing.value) }
    : { kind: 'method', method: doing.method, args: doing.args.map(valueJson) }
}

function parse(value: Uint8Array): Fields {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString())
  } catch (cause) {
    throw bad(`the value is not JSON (${(cause as Error).message.slice(0, 200)})`)
  }
  return objectOf(json, 'the value')
}

function act(json: unknown): CommandAct {
  const fields = objectOf(json, '"act"')
  if (fields['kind'] === 'tag') {
    const value = valueOf(fields['value'])
    if (value === null) throw bad('"act" has no value')
    return { kind: 'tag', tag: text(fields, 'tag', COMMAND_LENGTHS.name), value }
  }
  if (fields['kind'] !== 'method') throw bad(`"act" is a ${shown(fields['kind'])}, want tag or method`)
  const args = list(fields, 'args').map((one) => valueOf(one) ?? missing('args'))
  return { kind: 'method', method: text(fields, 'method', COMMAND_LENGTHS.name), args }
}

function reason(json: unknown): Reason {
  const fields = objectOf(json, 'a reason')
  return { code: text(fields, 'code', 64), message: text(fields, 'message', COMMAND_LENGTHS.text) }
}

function valueOf(json: unknown): Value | null {
  try {
    return parseValue(json as ValueJson)
  } catch {
    throw bad(`a value is ${shown(json)}`)
  }
}

function objectOf(json: unknown, what: string): Fields {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Fields
  throw bad(`${what} is ${shown(json)}, want an object`)
}

function given<N extends string, T>(fields: Fields, name: N, read: () => T): { readonly [name in N]?: T } {
  return fields[name] === undefined ? {} : ({ [name]: read() } as { readonly [name in N]: T })
}

function text(fields: Fields, name: string, most: number): string {
  const value = fields[name]
  if (typeof value !== 'string') throw bad(`"${name}" is ${shown(value)}, want a text`)
  if (value.length > most) throw bad(`"${name}" has ${value.length} characters, want at most ${most}`)
  if (!value.isWellFormed()) throw bad(`"${name}" has a lone surrogate, want well-formed Unicode`)
  return value
}

function number(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value === 'number' && Math.abs(value) <= LAST_MS) return value
  throw bad(`"${name}" is ${shown(value)}, want a number`)
}

function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === fields[name])
  return found ?? missing(name)
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name]
  if (Array.isArray(value) && value.length <= MOST_ITEMS) return value
  throw bad(`"${name}" is ${shown(value)}, want a list of at most ${MOST_ITEMS}`)
}

function missing(name: string): never {
  throw bad(`"${name}" is missing, or none of those that there are`)
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'missing'
  return json.length > 60 ? `${json.slice(0, 57)}...` : json
}

function bad(why: string): ModelError {
  return new ModelError('BAD_COMMAND', `Cannot decode command: ${why}`)
}
