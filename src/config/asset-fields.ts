import { z } from 'zod'
import type { Json } from '../model/json-value.ts'
import { tagFault } from '../model/path.ts'

/** What may be said of one asset; all of it travels with every look at its twin. */
const LIMITS = { names: 100, bytes: 16_384, targets: 1_000 } as const

/** What is known of a machine, by name. */
export const metaField = z
  .record(z.string(), z.custom<Json>())
  .superRefine((meta, context) => {
    const fault = metaFault(meta)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .optional()

/** Whom an asset feeds, is made by, and so on: one or several by each word. */
export const relationsField = z
  .record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'want a word as in feeds'),
    z.union([z.string(), z.array(z.string()).max(LIMITS.targets)]),
  )
  .optional()
  .describe(
    'Other assets, by what they are to it: `feeds: line1/press2`. A target with ranges is paired with the names of the asset, in order',
  )

function metaFault(meta: { readonly [name: string]: unknown }): string | undefined {
  const names = Object.keys(meta)
  if (names.length > LIMITS.names) return `it has ${names.length} names, want at most ${LIMITS.names}`
  const strange = names.find((name) => tagFault(name) !== undefined || !isPlain(meta[name], 0))
  if (strange !== undefined)
    return `"${strange.slice(0, 80)}" is no text, number, true, false, list or object of these, want one of them`
  const bytes = Buffer.byteLength(JSON.stringify(meta))
  return bytes > LIMITS.bytes ? `it has ${bytes} bytes as JSON, want at most ${LIMITS.bytes}` : undefined
}

/** Whether it is what JSON can carry: a secret or the bytes of a file would be shown to everybody who may read. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (depth > 8 || typeof value !== 'object') return false
  if (Array.isArray(value)) return value.every((one) => isPlain(one, depth + 1))
  return (
    Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every((one) => isPlain(one, depth + 1))
  )
}
