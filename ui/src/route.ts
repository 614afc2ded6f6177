/** What the page shows; it lives in the hash of the URL, so every view can be sent to somebody. */
export type Route = { readonly view: 'place'; readonly path: string } | { readonly view: 'connections' }

/** `#/` is the whole plant, `#/assets/acme/berlin` a place or an asset, `#/connections` the sources. */
export function parseRoute(hash: string): Route {
  const [view, ...rest] = hash.replace(/^#\/?/, '').split('/')
  if (view === 'connections') return { view }
  return { view: 'place', path: view === 'assets' ? rest.map(decode).join('/') : '' }
}

export function placeHref(path: string): string {
  return path === '' ? '#/' : `#/assets/${path.split('/').map(encodeURIComponent).join('/')}`
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Somebody typed a percent sign: take it as it is.
    return segment
  }
}
