import type { Json } from './json-value.ts'

/**
 * JSON text with nothing lost: an integer beyond 2^53, which no double holds, becomes its digits as a text, as everywhere
 * in Millrace (`jsonValue`). An order number of 18 digits stays the order number.
 * @throws SyntaxError as `JSON.parse`; RangeError where such an integer lies deeper than the stack reaches
 */
export function parseExactJson(text: string): Json {
  const plain = JSON.parse(text) as Json
  // Only sixteen digits in a row can be such an integer, and a reviver is several times slower.
  return /\d{16}/.test(text) ? (JSON.parse(text, keepDigits as Reviver) as Json) : plain
}

/** What the compiler's library knows of a reviver: it lacks the third argument (ECMA-262 25.5.1.1). */
type Reviver = (this: unknown, name: string, value: unknown) => unknown

function keepDigits(_name: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value
  return /^-?\d+$/.test(source) ? source : value
}

/** Whether arrays and objects lie in each other deeper than `most` levels; a single value has none. */
export function isDeeperThan(json: Json, most: number): boolean {
  if (typeof json !== 'object' || json === null) return false
  return most === 0 || Object.values(json).some((one: Json) => isDeeperThan(one, most - 1))
}
