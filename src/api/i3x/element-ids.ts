/** An element that has a place in the tree: a level of the plant, a machine, or one of its values. */
export type Element =
  | { readonly kind: 'place' | 'asset'; readonly id: string; readonly path: string }
  | { readonly kind: 'tag'; readonly id: string; readonly path: string; readonly tag: string }

/** Stands between path and tag: no path has it. */
const BEFORE_TAG = '#'

/**
 * The elementId of a place or an asset is its path, that of a tag `path#tag`: unique, readable, the same for ever.
 * i3X 1.0, "ElementId and DisplayName": no white space at either end and nothing that cannot be printed, so these are
 * percent-encoded, and the percent sign itself.
 */
export function elementId(path: string, tag?: string): string {
  const text = tag === undefined ? path : `${path}${BEFORE_TAG}${tag}`
  return text.replace(/[%\p{C}\p{Z}]/gu, (character, at: number) =>
    character === ' ' && at > 0 && at < text.length - 1 ? character : encodeURIComponent(character),
  )
}

/** What an elementId names; undefined where no element can have it. */
export function readElementId(id: string): { readonly path: string; readonly tag?: string } | undefined {
  const text = decoded(id)
  if (text === undefined) return undefined
  const at = text.indexOf(BEFORE_TAG)
  const named = at < 0 ? { path: text } : { path: text.slice(0, at), tag: text.slice(at + 1) }
  // One element has one id: another way to write it is no id of it.
  return elementId(named.path, named.tag) === id ? named : undefined
}

function decoded(id: string): string | undefined {
  if (!id.isWellFormed()) return undefined
  try {
    return decodeURIComponent(id)
  } catch {
    return undefined
  }
}

/** The place above; undefined above the first level. */
export function parentPath(path: string): string | undefined {
  const at = path.lastIndexOf('/')
  return at < 0 ? undefined : path.slice(0, at)
}

export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
