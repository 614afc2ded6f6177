/** One asset's word on another: `feeds` press2. */
export interface Relation {
  /** `feeds`, `madeBy`, or a word of the plant's own. */
  readonly type: string
  /** Full path of the other. */
  readonly target: string
}

/** A relation as one of its two ends sees it. */
export interface SeenRelation extends Relation {
  /** It is the other end that has it: `target` feeds this asset. */
  readonly inverse?: true
}

/** The relation that nobody writes down: a machine is a part of the place that its path is in. */
const PART_OF = 'partOf'

/** Most parts of a place that are told with it: a fleet of ten thousand cars is listed by its path, not with its twin. */
const PARTS_TOLD = 100

/** The relations of all assets, seen from both ends. */
export class Relations {
  /** What each asset says of others. */
  readonly #own = new Map<string, readonly Relation[]>()
  /** By asset: who says something of it. */
  readonly #towards = new Map<string, Set<string>>()
  readonly #parts = new Map<string, Set<string>>()

  /** There is an asset of this path: it is a part of its place. */
  add(path: string): void {
    const place = placeOf(path)
    if (place !== undefined) members(this.#parts, place).add(path)
  }

  /** What an asset says of others, in place of what it said before. */
  set(path: string, relations: readonly Relation[]): void {
    for (const { target } of this.#own.get(path) ?? []) this.#towards.get(target)?.delete(path)
    if (relations.length === 0) this.#own.delete(path)
    else this.#own.set(path, relations)
    for (const { target } of relations) members(this.#towards, target).add(path)
  }

  own(path: string): readonly Relation[] {
    return this.#own.get(path) ?? []
  }

  /** Every type that an asset says of another, and the one that follows from paths; sorted. */
  types(): string[] {
    const said = [...this.#own.values()].flatMap((relations) => relations.map(({ type }) => type))
    return [...new Set([PART_OF, ...said])].sort()
  }

  /** All relations of an asset: its place, what it says, what others say of it, at most 100 of its parts. */
  seen(path: string): SeenRelation[] {
    const place = placeOf(path)
    const own = this.own(path).filter(({ type, target }) => type !== PART_OF || target !== place)
    const others = [...(this.#towards.get(path) ?? [])].flatMap((other) => this.#towardsOf(other, path))
    const parts = [...(this.#parts.get(path) ?? [])].slice(0, PARTS_TOLD)
    return [
      ...(place === undefined ? [] : [{ type: PART_OF, target: place }]),
      ...own,
      ...others,
      ...parts.map((target) => ({ type: PART_OF, target, inverse: true as const })),
    ]
  }

  #towardsOf(other: string, path: string): SeenRelation[] {
    const towards = this.own(other).filter(({ target }) => target === path)
    return towards
      .filter(({ type }) => type !== PART_OF || placeOf(other) !== path)
      .map(({ type }) => ({ type, target: other, inverse: true }))
  }
}

/** The place that a path is in; undefined: a site is in none. */
function placeOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/')
  const place = path.slice(0, slash)
  return place.includes('/') ? place : undefined
}

function members(sets: Map<string, Set<string>>, key: string): Set<string> {
  let set = sets.get(key)
  if (set === undefined) sets.set(key, (set = new Set()))
  return set
}
