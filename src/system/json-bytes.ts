import { textOf } from './text.ts'

/** A value as JSON in UTF-8. */
export function jsonBytes(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

/** The value of JSON in UTF-8, or undefined where there is none: others may have written the bytes. */
export function jsonOf(bytes: Uint8Array | null): unknown {
  try {
    return bytes === null ? undefined : JSON.parse(textOf(bytes))
  } catch {
    return undefined
  }
}
