import type { CommandDefinition } from '../model/command.ts'
import type { CommandAct, Reason } from '../model/command-event.ts'
import type { TagDefinition, TagType } from '../model/definition.ts'
import type { Json } from '../model/json-value.ts'
import type { Value } from '../model/reading.ts'

/** Longest text that is written to a machine, in UTF-16 code units. */
const LONGEST_TEXT = 4_096

const INT64 = { low: -(2n ** 63n), high: 2n ** 63n - 1n } as const

/** What a wish would do, with its values as the machine takes them; or why they cannot be taken. */
export function actOf(
  definition: CommandDefinition,
  tag: TagDefinition | undefined,
  wish: { readonly value?: Json; readonly args?: readonly Json[] },
): CommandAct | readonly Reason[] {
  if (definition.method !== undefined) return methodAct(definition.method, wish)
  const type = tag?.type ?? 'number'
  if (wish.args !== undefined) return [{ code: 'type', message: 'it writes a tag, want "value" and no "args"' }]
  const value = typed(wish.value, type)
  if (value === undefined) return [wrongType('value', wish.value, type)]
  const reasons = [
    ...outside('value', value, definition.range ?? tag?.range),
    ...notOneOf(value, definition.oneOf),
    ...notAState(value, tag),
  ]
  return reasons.length > 0 ? reasons : { kind: 'tag', tag: definition.tag!, value }
}

function methodAct(
  { name, args: wanted }: NonNullable<CommandDefinition['method']>,
  wish: { readonly value?: Json; readonly args?: readonly Json[] },
): CommandAct | readonly Reason[] {
  const given = wish.args ?? (wish.value === undefined ? [] : [wish.value])
  if (given.length !== wanted.length)
    return [{ code: 'type', message: `it takes ${wanted.length} arguments, there are ${given.length}` }]
  const values = wanted.map(({ type }, index) => typed(given[index], type))
  const reasons = wanted.flatMap((argument, index) => {
    const value = values[index]
    if (value === undefined) return [wrongType(argument.name, given[index], argument.type)]
    return outside(argument.name, value, argument.range)
  })
  return reasons.length > 0 ? reasons : { kind: 'method', method: name, args: values as Value[] }
}

/** A value out of JSON as a tag of this type holds it; undefined: it is none. */
export function typed(json: Json | undefined, type: TagType): Value | undefined {
  switch (type) {
    case 'boolean':
      return typeof json === 'boolean' ? json : undefined
    case 'number':
      return typeof json === 'number' && Number.isFinite(json) ? json : undefined
    case 'string':
      return typeof json === 'string' && json.length <= LONGEST_TEXT && json.isWellFormed() ? json : undefined
    case 'int64':
      return int64(json)
    default:
      return undefined
  }
}

/** A number that is whole and exact, or its digits. */
function int64(json: Json | undefined): bigint | undefined {
  if (typeof json !== 'number' && typeof json !== 'string') return undefined
  if (typeof json === 'number' ? !Number.isSafeInteger(json) : !/^-?\d{1,19}$/.test(json)) return undefined
  const value = BigInt(json)
  return value >= INT64.low && value <= INT64.high ? value : undefined
}

/** Whether two values are the same, numbers as far as the tolerance goes. */
export function isSame(one: Value | null, other: Value | null, tolerance = 0): boolean {
  if (one === null || other === null) return one === other
  const isNumber = (value: Value) => typeof value === 'number' || typeof value === 'bigint'
  if (!isNumber(one) || !isNumber(other)) return one === other
  // An int64 and a number are compared exactly.
  // eslint-disable-next-line eqeqeq
  return tolerance === 0 ? one == other : Math.abs(Number(one) - Number(other)) <= tolerance
}

export function shownValue(value: Value | null | undefined): string {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value ?? null)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function wrongType(name: string, json: Json | undefined, type: TagType): Reason {
  return { code: 'type', message: `"${name}" is ${shownValue(json as Value)}, want a value of type ${type}` }
}

function outside(name: string, value: Value, range: readonly [number, number] | undefined): Reason[] {
  if (range === undefined || (typeof value !== 'number' && typeof value !== 'bigint')) return []
  if (value >= range[0] && value <= range[1]) return []
  return [{ code: 'range', message: `"${name}" is ${shownValue(value)}, want ${range[0]} to ${range[1]}` }]
}

function notOneOf(value: Value, allowed: CommandDefinition['oneOf']): Reason[] {
  if (allowed === undefined || allowed.some((one) => isSame(one, value))) return []
  return [{ code: 'one-of', message: `"value" is ${shownValue(value)}, want one of ${allowed.join(', ')}` }]
}

function notAState(value: Value, tag: TagDefinition | undefined): Reason[] {
  if (tag?.states === undefined || typeof value !== 'string' || tag.states.includes(value)) return []
  return [
    { code: 'one-of', message: `"value" is ${shownValue(value)}, want one of the states ${tag.states.join(', ')}` },
  ]
}
