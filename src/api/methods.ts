import type { Mounts } from './mounts.ts'
import { ROUTES } from './routes.ts'

/** The methods that a path takes; none: there is no such path. Routes that take everything say nothing about a path. */
export function allowedMethods(path: string, mounts: Mounts): string[] {
  const methods = new Set<string>()
  for (const { method, url, fallback } of ROUTES) {
    if (fallback || !matches(url, path)) continue
    methods.add(method)
    if (method === 'GET') methods.add('HEAD')
  }
  if (mounts.covers(path)) methods.add('POST')
  return [...methods]
}

function matches(url: string, path: string): boolean {
  if (url.endsWith('*')) return path.startsWith(url.slice(0, -1))
  const wanted = url.split('/')
  const given = path.split('/')
  return wanted.length === given.length && wanted.every((part, at) => part.startsWith(':') || part === given[at])
}
