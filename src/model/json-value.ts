import type { Value } from './reading.ts'

/** What JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** A value as JSON for people and programs: int64 beyond 2^53 as a decimal string, bytes as base64. */
export function jsonValue(value: Value | null): Json {
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
    case 'object':
      return value === null ? null : jsonObject(value)
    default:
      return value
  }
}

function jsonObject(value: Exclude<Value, boolean | number | bigint | string>): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return (value as readonly Value[]).map(jsonValue)
  return Object.fromEntries(
    Object.entries(value as { [name: string]: Value | null }).map(([name, one]) => [name, jsonValue(one)]),
  )
}
