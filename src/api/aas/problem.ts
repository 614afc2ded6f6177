import type { JsonValue } from '../contract.ts'
import type { ApiError } from '../errors.ts'
import { formatTime } from '../../model/rfc3339.ts'

/** Longest code of a message (IDTA-01002-3-0, Message). */
const CODE_LENGTH = 32

/** A refusal in the words of this door: a `Result` (IDTA-01002-3-0, clause on error handling). */
export function aasRefusal({ code, message }: ApiError, now: number): { readonly [name: string]: JsonValue } {
  const text = { code: code.slice(0, CODE_LENGTH), messageType: 'Error', text: message }
  return { messages: [{ ...text, timestamp: formatTime(Math.round(now)) }] }
}
