import type { Value } from '../../model/reading.ts'

/** Deepest nesting of arrays and structures within one tag: what a record of the log holds (`encodeNested`). */
const DEEPEST = 64

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n } as const

/** Why something cannot be stored: a code of the error table, and what is wrong in a clause. */
export interface Fault {
  readonly code: string
  readonly what: string
}

/** What comes up while a JSON tree is turned into values. */
export interface Notes {
  /** The tree comes from `parseExactly`: an integer beyond 2^53 that is not a bigint is a double by its spelling. */
  readonly exact: boolean
  /** An integer beyond 2^53 was met, so the text has to be parsed again by `parseExactly`. */
  inexact: boolean
  /** Why the last value that came back undefined cannot be stored. */
  fault: Fault | undefined
}

/**
 * A value of a parsed JSON tree as the value of a tag; objects are changed in place. null where there is none (JSON
 * null, or a number beyond the range of a double); undefined where it cannot be stored, and `notes.fault` says why.
 */
export function toValue(json: unknown, notes: Notes, depth: number): Value | null | undefined {
  switch (typeof json) {
    case 'number':
      return fromNumber(json, notes)
    case 'string':
      return json.isWellFormed() ? json : refuse(notes, 'BAD_VALUE', 'a text has a lone surrogate')
    case 'object':
      if (json === null) return null
      if (depth > DEEPEST) return refuse(notes, 'PAYLOAD_TOO_DEEP', `it is nested more than ${DEEPEST} levels deep`)
      return Array.isArray(json)
        ? fromArray(json as unknown[], notes, depth)
        : fromObject(json as { [name: string]: unknown }, notes, depth)
    default:
      return json as boolean | bigint
  }
}

function fromNumber(number: number, notes: Notes): number | null {
  if (number > -(2 ** 53) && number < 2 ** 53) return number
  if (!Number.isFinite(number)) return null
  if (Number.isInteger(number) && !notes.exact) notes.inexact = true
  return number
}

function fromArray(array: unknown[], notes: Notes, depth: number): Value | undefined {
  for (let index = 0; index < array.length; index++) {
    const value = toValue(array[index], notes, depth + 1)
    if (value === undefined) return undefined
    if (value === null) return refuse(notes, 'BAD_VALUE', `element ${index} of an array has no value`)
    array[index] = value
  }
  return array as Value[]
}

function fromObject(object: { [name: string]: unknown }, notes: Notes, depth: number): Value | undefined {
  for (const name of Object.keys(object)) {
    if (!name.isWellFormed()) return refuse(notes, 'BAD_VALUE', 'a name in a structure has a lone surrogate')
    const value = toValue(object[name], notes, depth + 1)
    if (value === undefined) return undefined
    // An own property is there already, so this sets it whatever its name is, `__proto__` too.
    object[name] = value
  }
  return object as { [name: string]: Value | null }
}

/** Sets an own property whatever its name is: names come from machines, and `__proto__` is one of them. */
export function putOwn<T>(target: { [name: string]: T }, name: string, value: T): void {
  if (name !== '__proto__') target[name] = value
  else Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true })
}

/**
 * Parses JSON with every integer beyond 2^53 as an exact bigint, as far as it fits an int64. Several times slower
 * than JSON.parse. Undefined where the text is nested too deep; it must be valid JSON.
 */
export function parseExactly(text: string): unknown {
  try {
    return JSON.parse(text, exactInteger as Reviver) as unknown
  } catch {
    // The text has been parsed before, so this is the stack: a reviver, unlike the parser, recurses.
    return undefined
  }
}

/** What the compiler's library knows of a reviver: it lacks the third argument (ECMA-262 25.5.1.1). */
type Reviver = (this: unknown, name: string, value: unknown) => unknown

function exactInteger(_name: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  if (source === undefined || source.length > 20 || !/^-?\d+$/.test(source)) return value
  const integer = BigInt(source)
  return integer >= INT64.min && integer <= INT64.max ? integer : value
}

function refuse(notes: Notes, code: string, what: string): undefined {
  notes.fault = { code, what }
}
