/** What the page shows; it lives in the hash of the URL, so every view can be sent to somebody. */
export type Route =
  | { readonly view: 'place'; readonly path: string }
  | { readonly view: 'connections' }
  | { readonly view: 'log' }
  | { readonly view: 'topic'; readonly topic: string; readonly page: RecordsPage }

/** Which records of a topic are shown, in the words of the API; nothing: the newest ones. */
export interface RecordsPage {
  readonly at?: string
  readonly time?: string
  readonly back?: string
  readonly partition?: string
}

/** `#/` is the plant, `#/assets/acme/berlin` a place or an asset, `#/connections` the sources, `#/log/{topic}` the log. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [view, ...rest] = path.split('/')
  if (view === 'connections') return { view }
  if (view === 'log') return rest[0] ? { view: 'topic', topic: decode(rest[0]), page: pageOf(query) } : { view }
  return { view: 'place', path: view === 'assets' ? rest.map(decode).join('/') : '' }
}

export function placeHref(path: string): string {
  return path === '' ? '#/' : `#/assets/${path.split('/').map(encodeURIComponent).join('/')}`
}

export function topicHref(topic: string, page: RecordsPage = {}): string {
  const query = new URLSearchParams({ ...page }).toString()
  return `#/log/${encodeURIComponent(topic)}${query === '' ? '' : `?${query}`}`
}

const PAGE_KEYS = ['at', 'time', 'back', 'partition'] as const

function pageOf(query: string): RecordsPage {
  const given = new URLSearchParams(query)
  return Object.fromEntries(PAGE_KEYS.flatMap((key) => (given.has(key) ? [[key, given.get(key)!]] : [])))
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Somebody typed a percent sign: take it as it is.
    return segment
  }
}
