/**
 * Matches full asset paths against a pattern below a site: `*` is any one segment, a trailing `**` is everything below
 * (and the place itself), all else is literal. A pattern that begins with the site is taken as a full one.
 */
export function pathMatcher(site: string, pattern: string): (path: string) => boolean {
  const full = pattern === site || pattern.startsWith(`${site}/`) ? pattern : `${site}/${pattern}`
  const wanted = full.normalize('NFC').split('/')
  const open = wanted.at(-1) === '**'
  const head = open ? wanted.slice(0, -1) : wanted
  return (path) => {
    const segments = path.split('/')
    if (open ? segments.length < head.length : segments.length !== head.length) return false
    return head.every((segment, index) => segment === '*' || segment === segments[index])
  }
}
