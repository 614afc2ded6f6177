import type { AssetSummary } from '../../src/api/contract.ts'

/** How an asset is, from best to worst. Staleness is worse than doubt: nobody knows what is going on there. */
export type State = 'good' | 'uncertain' | 'stale' | 'bad'

const WORST_FIRST: readonly State[] = ['bad', 'stale', 'uncertain', 'good']

export type Counts = { [state in State]: number }

/** A place of the plant: enterprise, site, area, line, cell ... An asset is a place with values. */
export interface Place {
  readonly path: string
  readonly name: string
  readonly level: number
  readonly children: Map<string, Place>
  /** Of the assets at and below it. */
  readonly counts: Counts
  asset: AssetSummary | undefined
  /** Children by name, in natural order (`press2` before `press10`); made when asked for. */
  sorted: readonly Place[] | undefined
}

export function stateOf(summary: AssetSummary): State {
  if (summary.severity === 'bad') return 'bad'
  if (summary.stale) return 'stale'
  return summary.severity
}

export function totalOf(counts: Counts): number {
  return counts.good + counts.uncertain + counts.stale + counts.bad
}

export function worstOf(counts: Counts): State {
  return WORST_FIRST.find((state) => counts[state] > 0) ?? 'good'
}

/** The plant as a tree by place; a change costs the depth of its asset, not the size of the plant. */
export class PlantTree {
  readonly root = newPlace('', '', 0)
  readonly #places = new Map<string, Place>([['', this.root]])

  find(path: string): Place | undefined {
    return this.#places.get(path)
  }

  get size(): number {
    return totalOf(this.root.counts)
  }

  /** Every asset, in no particular order. */
  *assets(): Generator<AssetSummary> {
    for (const place of this.#places.values()) if (place.asset !== undefined) yield place.asset
  }

  update(summary: AssetSummary): void {
    const names = summary.path.split('/')
    const before = this.#places.get(summary.path)?.asset
    let place = this.root
    count(place, before, summary)
    for (const [level, name] of names.entries()) {
      place = this.#child(place, name, level + 1)
      count(place, before, summary)
    }
    place.asset = summary
  }

  #child(parent: Place, name: string, level: number): Place {
    const known = parent.children.get(name)
    if (known !== undefined) return known
    const child = newPlace(parent.path === '' ? name : `${parent.path}/${name}`, name, level)
    parent.children.set(name, child)
    parent.sorted = undefined
    this.#places.set(child.path, child)
    return child
  }
}

function newPlace(path: string, name: string, level: number): Place {
  const counts = { good: 0, uncertain: 0, stale: 0, bad: 0 }
  return { path, name, level, children: new Map(), counts, asset: undefined, sorted: undefined }
}

function count(place: Place, before: AssetSummary | undefined, after: AssetSummary): void {
  if (before !== undefined) place.counts[stateOf(before)] -= 1
  place.counts[stateOf(after)] += 1
}

const natural = new Intl.Collator('en', { numeric: true })

export function childrenOf(place: Place): readonly Place[] {
  place.sorted ??= [...place.children.values()].sort((a, b) => natural.compare(a.name, b.name))
  return place.sorted
}

/** The rows of the tree that show: children of closed places do not. */
export function openRows(root: Place, isOpen: (place: Place) => boolean): Place[] {
  const rows: Place[] = []
  const visit = (place: Place) => {
    for (const child of childrenOf(place)) {
      rows.push(child)
      if (child.children.size > 0 && isOpen(child)) visit(child)
    }
  }
  visit(root)
  return rows
}

/** Assets whose path holds every word of the search, in natural order; at most `most`, and how many there are. */
export function search(
  tree: PlantTree,
  text: string,
  most: number,
): { readonly found: Place[]; readonly total: number } {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (path: string) => words.every((word) => path.toLowerCase().includes(word))
  const paths = [...tree.assets()]
    .map((asset) => asset.path)
    .filter(fits)
    .sort(natural.compare)
  return { found: paths.slice(0, most).map((path) => tree.find(path)!), total: paths.length }
}

/** The abnormal assets at and below a place, worst first; at most `most`. */
export function abnormal(place: Place, most: number): Place[] {
  const found: Place[] = []
  const visit = (at: Place) => {
    if (at.counts.good === totalOf(at.counts)) return
    if (at.asset !== undefined && stateOf(at.asset) !== 'good') found.push(at)
    for (const child of childrenOf(at)) visit(child)
  }
  visit(place)
  const rank = (at: Place) => WORST_FIRST.indexOf(stateOf(at.asset!))
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, most)
}

/** The assets at and below a place, in natural order; at most `most`. */
export function assetsBelow(place: Place, most: number): AssetSummary[] {
  const found: AssetSummary[] = []
  const visit = (at: Place) => {
    if (found.length === most) return
    if (at.asset !== undefined) found.push(at.asset)
    for (const child of childrenOf(at)) visit(child)
  }
  visit(place)
  return found.slice(0, most)
}

/** Where the plant branches first: the place whose children are worth a card each. */
export function firstBranch(place: Place): Place {
  let at = place
  while (at.asset === undefined && at.children.size === 1) {
    const only = childrenOf(at)[0]!
    if (only.children.size === 0) break
    at = only
  }
  return at
}
