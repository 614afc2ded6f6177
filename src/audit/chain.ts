import { createHash } from 'node:crypto'
import type { AuditEntry } from '../component/audit.ts'
import type { Json } from '../model/json-value.ts'

/** One record of the topic `audit`: an entry, in its place in a chain. */
export interface AuditRecord extends AuditEntry {
  /** The chain it is of: the hub and its run. Each run has its own, and a chain begins with the end of another one. */
  readonly chain: string
  /** From 1, without a gap. */
  readonly seq: number
  /** ms since the epoch, by the clock of the hub. */
  readonly time: number
  /** Hash of the record before it in the chain; of the first one, of the last record of the topic; '': there was none. */
  readonly prev: string
  /** SHA-256 of everything else, as canonical JSON; 64 hexadecimal digits. */
  readonly hash: string
}

/** Puts an entry into its place in a chain. */
export function chained(
  entry: AuditEntry,
  place: { readonly chain: string; readonly seq: number; readonly time: number; readonly prev: string },
): AuditRecord {
  const { what, by, via, asset, detail } = entry
  const fields = {
    ...place,
    what,
    by,
    ...(via !== undefined && { via }),
    ...(asset !== undefined && { asset }),
    ...(detail !== undefined && { detail }),
  }
  return { ...fields, hash: hashOf(fields) }
}

/** The hash that a record has to have. */
export function hashOf(record: object): string {
  const { hash: _hash, ...fields } = record as { readonly [name: string]: Json }
  return createHash('sha256').update(canonical(fields)).digest('hex')
}

/**
 * The one text of a JSON value: names in the order of their UTF-16 code units, no white space, numbers and texts as
 * ECMAScript writes them (RFC 8785).
 */
function canonical(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonical).join(',')}]`
  const fields = value as { readonly [name: string]: Json }
  const names = Object.keys(fields)
    .filter((name) => fields[name] !== undefined)
    .sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(fields[name]!)}`).join(',')}}`
}
