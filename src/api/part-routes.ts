import assert from 'node:assert/strict'
import type { FastifyRequest } from 'fastify'
import type { Route } from './desk.ts'

/** What stands between the path of an asset and the name of a part of it, in the address of a route. */
const MIDDLE = '/*/'

/** Whether a route is of a part of what a path names, as the history of an asset. The router takes `*` at the end only. */
export function isPart({ url }: Route): boolean {
  return url.includes(MIDDLE)
}

/**
 * A route that ends with `*`, with those of its parts: which of them is meant is told by the end of the path. An asset
 * whose own path ends so is meant first, so that no name is lost.
 */
export function withParts(route: Route, routes: readonly Route[]): Route {
  const parts = routes.filter((part) => part.method === route.method && isPart(part) && headOf(part) === route.url)
  if (parts.length === 0) return route
  // The gate has let the request in by the need of the route that the router knows.
  assert(parts.every(({ need }) => need === route.need))
  return {
    ...route,
    handle(desk, request, reply) {
      const path = restOf(request)
      const part = desk.hub.asset(path) === undefined ? parts.find((one) => path.endsWith(tailOf(one))) : undefined
      if (part === undefined) return route.handle(desk, request, reply)
      const params = request.params as { '*': string }
      params['*'] = path.slice(0, -tailOf(part).length)
      return part.handle(desk, request, reply)
    },
  }
}

function restOf(request: FastifyRequest): string {
  return (request.params as { readonly '*': string })['*']
}

/** The route that it is a part of: all up to the `*`. */
function headOf({ url }: Route): string {
  return url.slice(0, url.indexOf(MIDDLE) + 2)
}

/** What comes after that: `/history`. */
function tailOf({ url }: Route): string {
  return url.slice(url.indexOf(MIDDLE) + 2)
}
