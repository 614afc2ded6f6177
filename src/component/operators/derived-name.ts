import { TAG_LENGTH } from '../../model/path.ts'
import { printable } from '../../system/printable.ts'

/**
 * A template with its parts filled in, as the name of a tag: `{tag}.{aggregate}`. Parts may come from machines (names of
 * states), so what no tag may have is replaced, and what is too long is cut.
 */
export function derivedName(template: string, parts: { readonly [part: string]: string }): string {
  const filled = template.replaceAll(/\{(\w+)\}/g, (whole, part: string) =>
    Object.hasOwn(parts, part) ? parts[part]! : whole,
  )
  return printable(filled.slice(0, TAG_LENGTH).toWellFormed())
}
