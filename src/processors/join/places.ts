/** Where assets of one side are: a pattern of paths below the site, in which `{line}` is any segment and has a name. */
export interface Places {
  /** The same with `*` for every name: a pattern of paths. */
  readonly pattern: string
  /** Names, with the index of their segment. */
  readonly names: ReadonlyMap<string, number>
}

/** What is wrong with a pattern, or how it reads. */
export function parsePlaces(text: string): Places | { readonly fault: string } {
  const names = new Map<string, number>()
  const segments = text.split('/').map((segment, index) => {
    const name = /^\{([A-Za-z_][A-Za-z0-9_-]*)\}$/.exec(segment)?.[1]
    if (name === undefined) return segment
    names.set(name, index)
    return '*'
  })
  const stray = segments.find((segment) => /[{}]/.test(segment))
  if (stray !== undefined) return { fault: `segment "${stray}" has a brace, want {name} as a whole segment` }
  if (names.size < text.split('/').filter((segment) => segment.startsWith('{')).length)
    return { fault: 'a name is there twice, want another for each' }
  return { pattern: segments.join('/'), names }
}

/**
 * Under which key an asset's facts meet those of the other side: what the names that both sides have stand for; where they
 * share none, the asset itself.
 */
export function keyOfPlace(asset: string, site: string, { names }: Places, shared: readonly string[]): string {
  if (shared.length === 0) return asset
  const segments = asset.slice(site.length + 1).split('/')
  return shared.map((name) => segments[names.get(name)!]!).join('/')
}
