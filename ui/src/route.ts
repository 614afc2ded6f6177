/** What the page shows; it lives in the hash of the URL, so every view can be sent to somebody. */
export type Route =
  | { readonly view: 'place'; readonly path: string }
  /** One of `PAGES`, by its name. */
  | { readonly view: 'page'; readonly name: string; readonly path: string; readonly query: RouteQuery }

/** What a page was asked for beyond its path: a period, a place in the log. */
export interface RouteQuery {
  readonly [name: string]: string
}

/** Which records of a topic are shown, in the words of the API; nothing: the newest ones. */
export interface RecordsPage {
  readonly at?: string
  readonly time?: string
  readonly back?: string
  readonly partition?: string
}

/** `#/` is the plant, `#/assets/acme/berlin` a place or an asset, `#/{page}/{path}?{query}` a page. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [view = '', ...rest] = path.split('/')
  const below = rest.map(decode).join('/')
  if (view === '' || view === 'assets') return { view: 'place', path: view === '' ? '' : below }
  return { view: 'page', name: view, path: below, query: Object.fromEntries(new URLSearchParams(query)) }
}

/** A path as a part of a URL: its slashes stay. */
export function urlPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

export function placeHref(path: string): string {
  return path === '' ? '#/' : pageHref('assets', path)
}

export function pageHref(name: string, path = '', query: RouteQuery = {}): string {
  const place = path === '' ? '' : `/${urlPath(path)}`
  const asked = new URLSearchParams(query).toString()
  return `#/${name}${place}${asked === '' ? '' : `?${asked}`}`
}

export function topicHref(topic: string, page: RecordsPage = {}): string {
  return pageHref('log', topic, { ...page })
}

const RECORDS_KEYS = ['at', 'time', 'back', 'partition'] as const

export function recordsPage(query: RouteQuery): RecordsPage {
  return Object.fromEntries(RECORDS_KEYS.flatMap((key) => (Object.hasOwn(query, key) ? [[key, query[key]!]] : [])))
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Somebody typed a percent sign: take it as it is.
    return segment
  }
}
