import type { HubPort } from './hub-port.ts'

/** Assets a page of the listing holds while a pattern is expanded. */
const PAGE = 1_000

/** What a client looks at: paths, and `place/**` for a place with all below it. */
export class Patterns {
  /** Those without a wildcard. */
  readonly paths: ReadonlySet<string>
  readonly #places: readonly string[]

  constructor(patterns: readonly string[]) {
    this.paths = new Set(patterns.filter((pattern) => !pattern.endsWith('/**')))
    this.#places = patterns.filter((pattern) => pattern.endsWith('/**')).map((pattern) => pattern.slice(0, -3))
  }

  /** Adds the changed paths it takes to `into`. */
  pick(changed: ReadonlySet<string>, into: Set<string>): void {
    if (this.#places.length === 0) {
      for (const path of this.paths) if (changed.has(path)) into.add(path)
      return
    }
    for (const path of changed) if (this.#takes(path)) into.add(path)
  }

  /** Every asset there is now that it takes. */
  *all(hub: HubPort): Generator<string> {
    for (const path of this.paths) if (hub.asset(path) !== undefined) yield path
    for (const under of this.#places) {
      let page = hub.paths({ under, limit: PAGE })
      while (page.length > 0) {
        yield* page
        page = hub.paths({ under, after: page.at(-1)!, limit: PAGE })
      }
    }
  }

  #takes(path: string): boolean {
    if (this.paths.has(path)) return true
    return this.#places.some((place) => path === place || (path.startsWith(place) && path[place.length] === '/'))
  }
}
