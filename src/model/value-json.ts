import type { Value } from './reading.ts'
import { base64, decodeNested, encodeNested, fromBase64, numberText } from './value-text.ts'

/** A value as JSON that gives it back exactly: an object with one name says what JSON has not. */
export type ValueJson = null | boolean | number | string | { int64?: string; bytes?: string; json?: string }

export function valueJson(value: Value | null): ValueJson {
  if (typeof value === 'bigint') return { int64: String(value) }
  if (typeof value !== 'object' || value === null) return value
  return value instanceof Uint8Array ? { bytes: base64(value) } : { json: encodeNested(value) }
}

/** The text of that JSON. */
export function valueText(value: Value | null): string {
  if (typeof value === 'number') return numberText(value)
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `{"int64":"${value}"}`
  if (value instanceof Uint8Array) return `{"bytes":"${base64(value)}"}`
  return `{"json":${JSON.stringify(encodeNested(value))}}`
}

/** The value of such a JSON. */
export function parseValue(json: ValueJson): Value | null {
  if (typeof json !== 'object' || json === null) return json
  if (json.int64 !== undefined) return BigInt(json.int64)
  if (json.bytes !== undefined) return fromBase64(json.bytes) ?? null
  return decodeNested(json.json ?? '') ?? null
}
