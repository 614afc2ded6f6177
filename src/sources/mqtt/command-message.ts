import { refused, unknown } from '../../component/command-answer.ts'
import type { CommandAnswer, MachineCommand } from '../../component/source.ts'
import type { Value } from '../../model/reading.ts'
import { decodeNested, encodeNested } from '../../model/value-text.ts'

/** Largest answer that is read, in bytes. */
const LARGEST_REPLY = 64 * 1024

/**
 * A command as its machine gets it: `{"id", "command", "tag", "value", "expires"}`, or `method` and `args`; `expires` is
 * wall time in ms, for a machine that has a clock.
 */
export function commandPayload({ id, command, target }: MachineCommand, expires: number): Buffer {
  const fields = {
    id,
    command,
    ...(target.kind === 'tag'
      ? { tag: target.tag, value: target.value }
      : { method: target.method, args: target.args }),
    expires: Math.floor(expires),
  }
  return Buffer.from(encodeNested(fields))
}

/** What a machine answers. */
export interface Reply {
  readonly id: string | undefined
  readonly answer: CommandAnswer
}

/**
 * An answer: `{"id", "ok": true}` with `value`, what its tag has now, or `results`; or `{"id", "ok": false}` with `code` and
 * `reason`. One that cannot be read leaves open what was done.
 */
export function readReply(payload: Uint8Array): Reply {
  const fields = payload.length > LARGEST_REPLY ? undefined : decodeNested(Buffer.from(payload).toString('utf8'))
  if (!isObject(fields)) return { id: undefined, answer: unreadable() }
  const { id, ok, value, results, code, reason } = fields
  const named = typeof id === 'string' ? id : undefined
  if (typeof ok !== 'boolean') return { id: named, answer: unreadable() }
  if (!ok) {
    const why = typeof reason === 'string' ? reason.slice(0, 400) : 'The machine said no'
    return { id: named, answer: refused(codeOf(code), why) }
  }
  const readBack = value === undefined || value === null ? {} : { readBack: { value, quality: 0 } }
  const given = Array.isArray(results) ? (results as readonly (Value | null)[]) : []
  return { id: named, answer: { kind: 'accepted', ...readBack, results: given } }
}

function isObject(value: Value | null | undefined): value is { readonly [name: string]: Value | null } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

function codeOf(code: Value | null | undefined): string {
  if (typeof code === 'number') return String(code)
  return typeof code === 'string' && /^[\w.-]{1,64}$/.test(code) ? code : 'Refused'
}

function unreadable(): CommandAnswer {
  return unknown('The machine answered, and its answer cannot be read: want {"id", "ok"} as JSON')
}
