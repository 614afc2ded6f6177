import type { JsonValue } from '../../src/api/contract.ts'

/** Fields of what events say: anybody may send them, so nothing is taken for granted. */
export function fieldOf(data: JsonValue, name: string): JsonValue | undefined {
  return typeof data === 'object' && data !== null && !Array.isArray(data) && Object.hasOwn(data, name)
    ? (data as { readonly [name: string]: JsonValue })[name]
    : undefined
}

export function textOf(data: JsonValue, name: string): string | undefined {
  const value = fieldOf(data, name)
  return typeof value === 'string' ? value : undefined
}

export function numberOf(data: JsonValue, name: string): number | undefined {
  const value = fieldOf(data, name)
  return typeof value === 'number' ? value : undefined
}
