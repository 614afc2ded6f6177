import type { Json } from '../model/json-value.ts'
import type { Wish } from './decide.ts'

/** What the fields of a message ask for; or, as a sentence, why it is nothing that could be understood. */
export function wishOf(fields: { readonly [name: string]: Json | undefined }): Wish | string {
  const { asset, command, value, args, expected, key, comment } = fields
  if (typeof asset !== 'string' || typeof command !== 'string') return '"asset" and "command" have to be texts'
  if (args !== undefined && !Array.isArray(args)) return '"args" has to be a list'
  if (key !== undefined && (typeof key !== 'string' || key === '')) return '"key" has to be a text'
  if (comment !== undefined && typeof comment !== 'string') return '"comment" has to be a text'
  return {
    asset: asset.normalize('NFC'),
    command,
    ...(key !== undefined && { key }),
    ...(value !== undefined && { value }),
    ...(args !== undefined && { args: args as readonly Json[] }),
    ...(expected !== undefined && { expected }),
    ...(comment !== undefined && { comment }),
  }
}
