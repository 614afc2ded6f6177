import type { z } from 'zod'
import { nearest } from '../system/nearest.ts'
import type { ConfigDocument, DocumentPath } from './document.ts'
import type { Problem } from './problem.ts'

type Issue = z.core.$ZodIssue

/** A schema's issues as problems of the document: each at its line and column, in our grammar, with a suggestion. */
export function problemsOf(
  document: ConfigDocument,
  base: DocumentPath,
  issues: readonly Issue[],
  known: KnownKeys,
): Problem[] {
  return issues.flatMap((issue) => problems(document, base, issue, known))
}

/** The keys that a schema knows at a path below its base; for suggestions. */
export type KnownKeys = (path: DocumentPath) => readonly string[]

function problems(document: ConfigDocument, base: DocumentPath, issue: Issue, known: KnownKeys): Problem[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(document, path, key, known))
  if (issue.code === 'invalid_union') {
    const branch = likeliest(issue.errors)
    if (branch.length > 0) return branch.flatMap((nested) => problems(document, path, nested, known))
  }
  if (issue.code === 'invalid_key') {
    const key = String(issue.path.at(-1))
    const reason = issue.issues.map((nested) => nested.message).join(', ')
    return [document.problemAtKey(path.slice(0, -1), key, `Cannot use name "${key}": ${reason}`)]
  }
  const why = reason(issue, (value) => shown(value, path))
  // Fields that check themselves already speak in whole sentences.
  const message = why.startsWith('Cannot ') ? why : `Cannot read "${path.join('.')}": ${why}`
  return [document.problem(path, message, suggestion(issue))]
}

function unknownKey(document: ConfigDocument, path: DocumentPath, key: string, known: KnownKeys): Problem {
  const keys = known(path)
  const want = keys.length > 0 ? `, want one of ${keys.join(', ')}` : ''
  const message = `Cannot use "${[...path, key].join('.')}": unknown key${want}`
  return document.problemAtKey(path, key, message, nearest(key, keys))
}

/**
 * Of a union's branches the one that was most probably meant: that of the right type, then the one that knows most of
 * the keys that are there, misses least of those it needs, and has the fewest faults.
 */
function likeliest(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  return [...branches].sort((a, b) => distance(a) - distance(b))[0] ?? []
}

function distance(branch: readonly Issue[]): number {
  return branch.reduce((sum, issue) => sum + weight(issue), 0)
}

function weight(issue: Issue): number {
  if (issue.code === 'unrecognized_keys') return 10 * issue.keys.length
  if (issue.code === 'custom') return 1
  if (issue.path.length === 0) return 1000
  return issue.code === 'invalid_type' && issue.input === undefined ? 10 : 2
}

function reason(issue: Issue, shown: (value: unknown) => string): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `it is missing, want ${issue.expected}`
        : `it is ${shown(issue.input)}, want ${issue.expected}`
    case 'invalid_value':
      return `it is ${shown(issue.input)}, want ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'too_small':
      return `it is ${shown(issue.input)}, want at least ${issue.minimum}`
    case 'too_big':
      return `it is ${shown(issue.input)}, want at most ${issue.maximum}`
    default:
      return issue.message
  }
}

function suggestion(issue: Issue): string | undefined {
  if (issue.code !== 'invalid_value' || typeof issue.input !== 'string') return undefined
  return nearest(issue.input, issue.values.map(String))
}

/** Where people write a secret by mistake; what they wrote is not repeated. */
const SECRET_PLACE = /^(tokens?|passwords?|users?|keys?|secrets?)$/i

/** A value as people see it; what may be a secret shows itself as `***`. */
function shown(value: unknown, path: DocumentPath): string {
  const open = value === undefined || typeof value === 'number' || typeof value === 'boolean'
  if (!open && path.some((part) => SECRET_PLACE.test(String(part)))) return '***'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
