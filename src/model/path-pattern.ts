/**
 * Matches paths against a pattern: `*` is any one segment, a trailing `**` is the place itself and everything below it,
 * all else is literal.
 */
export function pathPattern(pattern: string): (path: string) => boolean {
  const wanted = pattern.normalize('NFC').split('/')
  const open = wanted.at(-1) === '**'
  const head = open ? wanted.slice(0, -1) : wanted
  return (path) => {
    const segments = path.split('/')
    if (open ? segments.length < head.length : segments.length !== head.length) return false
    return head.every((segment, index) => segment === '*' || segment === segments[index])
  }
}

/** The same for full paths and a pattern below a site; one that begins with the site is taken as a full one. */
export function pathMatcher(site: string, pattern: string): (path: string) => boolean {
  const full = pattern === site || pattern.startsWith(`${site}/`)
  return pathPattern(full ? pattern : `${site}/${pattern}`)
}
