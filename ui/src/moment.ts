/** What of the API can be asked for as of a moment, and by which parameter. */
const AS_OF: readonly (readonly [route: RegExp, parameter: string])[] = [
  [/^\/api\/v1\/(values|alarms|alarms\/groups|alarms\/summary|assets(\/.*)?)$/, 'at'],
  [/^\/api\/v1\/events$/, 'to'],
  [/^\/api\/v1\/oee\//, 'at'],
]

/** A question of a page as of a moment; one that knows its time already, or that only the present answers, stays as it is. */
export function asOf(url: string, at: number | undefined): string {
  if (at === undefined) return url
  const [route = '', query = ''] = url.split('?', 2)
  const parameter = AS_OF.find(([pattern]) => pattern.test(route))?.[1]
  if (parameter === undefined) return url
  const asked = new URLSearchParams(query)
  if (['at', 'from', 'to', 'a'].some((name) => asked.has(name))) return url
  return `${url}${query === '' ? '?' : '&'}${parameter}=${at}`
}

/** The moment that a URL of the page names: `#/assets/acme?asof=1764500000000`. */
export function momentIn(hash: string): number | undefined {
  const text = new URLSearchParams(hash.split('?', 2)[1] ?? '').get('asof')
  const at = text === null || text === '' ? Number.NaN : Number(text)
  return Number.isSafeInteger(at) ? at : undefined
}

/** The same URL with another moment, or with none. */
export function withMoment(hash: string, at: number | undefined): string {
  const [path = '', query = ''] = hash.split('?', 2)
  const asked = new URLSearchParams(query)
  if (at === undefined) asked.delete('asof')
  else asked.set('asof', String(at))
  const text = asked.toString()
  return `${path === '' ? '#/' : path}${text === '' ? '' : `?${text}`}`
}
