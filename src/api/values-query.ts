import { pathMatcher } from '../model/path-pattern.ts'
import type { JsonValue, ValuesRow } from './contract.ts'

/** Which values of many assets are asked for. */
export interface ValuesQuery {
  /** Pattern of assets, below the site or in full: `fleet/*`. */
  readonly on: string
  /** Names of tags; one that begins with `*` is an ending: `*.cover`. */
  readonly tags: readonly string[]
  /** The last path of the page before. */
  readonly after?: string
  readonly limit: number
}

/** What is known of a tag, as far as it is shown here. */
interface KnownValue {
  readonly value: JsonValue
  readonly stale: boolean
  readonly receivedTime: number
}

/** Where values are looked up; `list` answers paths in order, as many as `limit`. */
export interface ValuesSource {
  readonly site: string
  list(under: string, after: string | undefined, limit: number): readonly string[]
  tags(path: string): Iterable<string>
  known(path: string, tag: string): KnownValue | undefined
}

/** Assets that are looked at in one go while a pattern is matched. */
const LOT = 1_000

/** Assets that one question looks at: beyond it the page ends early, and says where it goes on. */
const MOST_LOOKED_AT = 10_000

/** A page of values, by path; only assets that have one of the tags. `next` is the path that it came to. */
export function valuesPage(
  source: ValuesSource,
  { on, tags, after, limit }: ValuesQuery,
): { readonly assets: readonly ValuesRow[]; readonly next?: string } {
  const takes = pathMatcher(source.site, on)
  const under = placeOf(source.site, on)
  const takesTag = tagMatcher(tags)
  const assets: ValuesRow[] = []
  let at = after
  for (let looked = 0; looked < MOST_LOOKED_AT;) {
    const paths = source.list(under, at, LOT)
    for (const path of paths) {
      at = path
      const row = takes(path) ? rowIn(source, path, takesTag) : undefined
      if (row !== undefined && assets.push(row) === limit) return { assets, next: at }
    }
    if (paths.length < LOT) return { assets }
    looked += paths.length
  }
  return { assets, ...(at !== undefined && { next: at }) }
}

function rowIn(source: ValuesSource, path: string, takesTag: (tag: string) => boolean): ValuesRow | undefined {
  return valuesRow(path, source.tags(path), (tag) => (takesTag(tag) ? source.known(path, tag) : undefined))
}

/** The values of an asset; undefined where it has none of them. */
export function valuesRow(
  path: string,
  tags: Iterable<string>,
  knownOf: (tag: string) => KnownValue | undefined,
): ValuesRow | undefined {
  const values: [string, JsonValue][] = []
  let receivedTime = 0
  let stale = false
  for (const tag of tags) {
    const known = knownOf(tag)
    if (known === undefined) continue
    values.push([tag, known.value])
    receivedTime = Math.max(receivedTime, known.receivedTime)
    stale ||= known.stale
  }
  // `fromEntries` defines properties, so a tag named `__proto__` is a tag like any other.
  return values.length === 0 ? undefined : { path, receivedTime, stale, values: Object.fromEntries(values) }
}

/** Whether a tag is asked for. */
export function tagMatcher(tags: readonly string[]): (tag: string) => boolean {
  const names = new Set(tags.filter((tag) => !tag.startsWith('*')))
  const endings = tags.filter((tag) => tag.startsWith('*')).map((tag) => tag.slice(1))
  return (tag) => names.has(tag) || endings.some((ending) => tag.endsWith(ending))
}

/** The longest place that all of a pattern lies in. */
export function placeOf(site: string, pattern: string): string {
  const full = pattern === site || pattern.startsWith(`${site}/`) ? pattern : `${site}/${pattern}`
  const segments = full.split('/')
  const open = segments.findIndex((segment) => segment.startsWith('*'))
  return (open < 0 ? segments : segments.slice(0, open)).join('/')
}
