import { ModelError } from './errors.ts'
import type { Value } from './reading.ts'

/** Deepest nesting of arrays and structures; the world's data stays below 10, a hostile one stops here. */
const DEEPEST = 64

/**
 * An array or a structure as JSON text. Every number comes back exactly: integers that only a bigint can hold are
 * bare digits (`18446744073709551615`), doubles beyond 2^53 carry an exponent so that the two stay apart, and -0 keeps
 * its sign. A number that is not finite becomes null in its place; bytes, which do not belong here, become base64.
 * @throws ModelError `VALUE_TOO_DEEP` beyond 64 levels.
 */
export function encodeNested(value: Value | null, depth = 0): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? nestedNumber(value) : 'null'
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'string':
      return JSON.stringify(value)
    default:
      return value === null ? 'null' : encodeParts(value, depth)
  }
}

/** What a record, or a column, holds of a value that is no number: a text, digits, base64, or JSON. */
export function valueText(value: Value): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return String(value)
  return value instanceof Uint8Array ? base64(value) : encodeNested(value)
}

/** The value of a text by `encodeNested`, or undefined where it is not JSON. */
export function decodeNested(text: string): Value | null | undefined {
  try {
    return JSON.parse(text, reviveInteger) as Value | null
  } catch {
    return undefined
  }
}

/** `.001` to `.999`, without zeros at the end. */
const THOUSANDTHS = Array.from({ length: 1000 }, (_, n) => String(n / 1000).slice(1))
/** Up to here a number of thousandths is exact, and with three decimals it has at most 15 digits. */
const MOST_THOUSANDTHS = 1e12

/**
 * A double as JSON text, as `String` writes it but for -0, whose sign it would lose. The value must be finite.
 *
 * Measurements mostly have three decimals at the most. If the nearest such decimal reads back as the value, it is the
 * shortest text of it, since two decimals of 15 digits are never the same double; and it is put together faster than
 * the engine finds it.
 */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return value === 0 && Object.is(value, -0) ? '-0' : String(value)
  const thousandths = Math.round(value * 1000)
  if (thousandths / 1000 !== value || value < 0 || value > MOST_THOUSANDTHS / 1000) return String(value)
  const whole = Math.trunc(value)
  return whole + THOUSANDTHS[thousandths - whole * 1000]!
}

function nestedNumber(value: number): string {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : numberText(value)
}

function encodeParts(value: Exclude<Value, number | bigint | boolean | string>, depth: number): string {
  if (depth >= DEEPEST) {
    throw new ModelError('VALUE_TOO_DEEP', `Cannot encode value: it is nested deeper than ${DEEPEST} levels`)
  }
  if (value instanceof Uint8Array) return JSON.stringify(base64(value))
  if (Array.isArray(value)) {
    return `[${value.map((part: Value | null) => encodeNested(part, depth + 1)).join(',')}]`
  }
  const parts = Object.entries(value as { readonly [name: string]: Value | null })
  return `{${parts.map(([name, part]) => `${JSON.stringify(name)}:${encodeNested(part, depth + 1)}`).join(',')}}`
}

/** `JSON.parse` hands the digits along, so an integer beyond 2^53 is read from them and not from the rounded double. */
function reviveInteger(_name: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || context?.source === undefined) return value
  return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** The bytes of a base64 text as `base64` writes it, or undefined where it is none. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined
}
