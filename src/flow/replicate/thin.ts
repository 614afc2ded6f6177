import { pathMatcher } from '../../model/path-pattern.ts'
import type { ThinMethod, ThinRule } from './rules.ts'

/** A number of one tag at one moment. */
export interface Point {
  readonly ts: number
  readonly value: number
}

/** Assets whose tags' rules are remembered; beyond, they are worked out again. */
const MOST_KNOWN = 200_000

/**
 * Thins the numbers of assets, tag by tag. What it does is a function of the rules and of the points since it was made
 * or forgot everything. After a crash it is told which of them went on before, and goes on as if it had let them pass.
 */
export class Thinner<Held> {
  readonly #rules: readonly { readonly assets: (path: string) => boolean; readonly rule: ThinRule }[]
  readonly #methods = new Map<string, Map<string, ThinMethod | undefined>>()
  readonly #tags = new Map<string, Map<string, TagState<Held>>>()

  constructor(site: string, rules: readonly ThinRule[]) {
    this.#rules = rules.map((rule) => ({ assets: pathMatcher(site, rule.asset), rule }))
  }

  /** Whether the tag has a rule at all. */
  thins(asset: string, tag: string): boolean {
    return this.#method(asset, tag) !== undefined
  }

  /**
   * A point comes, after the ones before it. `pass`: whether it goes on at once; `release`: what was held back of an
   * earlier point and must go first. `held` is kept with the point while it is held back.
   */
  take(asset: string, tag: string, point: Point, held: Held): { pass: boolean; release?: Held } {
    const method = this.#method(asset, tag)
    if (method === undefined) return { pass: true }
    let tags = this.#tags.get(asset)
    if (tags === undefined) this.#tags.set(asset, (tags = new Map()))
    const state = tags.get(tag)
    if (state === undefined) {
      tags.set(tag, begin(point))
      return { pass: true }
    }
    return method.kind === 'deadband' ? deadband(state, point, method) : door(state, point, held, method)
  }

  /**
   * Instead of `take`, for a point that has gone on in an earlier life: whatever was the reason then, the line begins
   * there anew. Answers what was held back where no line to that point holds.
   */
  passed(asset: string, tag: string, point: Point): Held | undefined {
    const method = this.#method(asset, tag)
    if (method === undefined) return undefined
    let tags = this.#tags.get(asset)
    if (tags === undefined) this.#tags.set(asset, (tags = new Map()))
    const state = tags.get(tag)
    tags.set(tag, begin(point))
    if (state?.held === undefined) return undefined
    const goesOn = point.ts > state.held.point.ts && !isDue(state.from, point, method.atLeastEveryMs)
    return goesOn && fits(state, point) ? undefined : state.held.what
  }

  /** A value that is not a plain good number ends what was being drawn: it is answered what was held back. */
  break(asset: string, tag: string): Held | undefined {
    const tags = this.#tags.get(asset)
    const state = tags?.get(tag)
    tags?.delete(tag)
    return state?.held?.what
  }

  /** Everything that is held back, and forgets all: whatever comes next passes. */
  flush(): Held[] {
    const held: Held[] = []
    for (const tags of this.#tags.values())
      for (const state of tags.values()) if (state.held) held.push(state.held.what)
    this.#tags.clear()
    return held
  }

  #method(asset: string, tag: string): ThinMethod | undefined {
    let tags = this.#methods.get(asset)
    if (tags === undefined) {
      if (this.#methods.size >= MOST_KNOWN) this.#methods.clear()
      this.#methods.set(asset, (tags = new Map()))
    }
    if (!tags.has(tag)) {
      const found = this.#rules.find(({ assets, rule }) => nameMatches(rule.tag, tag) && assets(asset))
      tags.set(tag, found?.rule.method)
    }
    return tags.get(tag)
  }
}

/** Whether a name is the wanted one, or begins as it does up to its `*`. */
export function nameMatches(wanted: string, name: string): boolean {
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
}

interface TagState<Held> {
  /** The last point that passed. */
  from: Point
  /** The last point since, which is held back. */
  held: { point: Point; what: Held } | undefined
  /** Steepest and flattest line from `from` that stays within the error of all points since. */
  high: number
  low: number
}

function begin<Held>(from: Point): TagState<Held> {
  return { from, held: undefined, high: Infinity, low: -Infinity }
}

function deadband<Held>(
  state: TagState<Held>,
  point: Point,
  { band, atLeastEveryMs }: { readonly band: number; readonly atLeastEveryMs: number },
) {
  const pass = Math.abs(point.value - state.from.value) > band || isDue(state.from, point, atLeastEveryMs)
  if (pass) state.from = point
  return { pass }
}

/** The swinging door (Bristol, 1987, US 4,669,097): when no line fits any more, the point before is the corner. */
function door<Held>(
  state: TagState<Held>,
  point: Point,
  what: Held,
  method: { readonly error: number; readonly atLeastEveryMs: number },
): { pass: boolean; release?: Held } {
  const before = state.held
  const release = before && { release: before.what }
  const goesBack = before !== undefined && point.ts <= before.point.ts
  if (goesBack || isDue(state.from, point, method.atLeastEveryMs)) {
    Object.assign(state, begin(point))
    return { pass: true, ...release }
  }
  narrow(state, point, method.error)
  // The first point after one that passed always fits.
  if (before === undefined || fits(state, point)) {
    state.held = { point, what }
    return { pass: false }
  }
  Object.assign(state, begin(before.point))
  narrow(state, point, method.error)
  state.held = { point, what }
  return { pass: false, ...release }
}

/** Whether a line that ends at this very point is within the error of all before it. */
function fits<Held>({ from, high, low }: TagState<Held>, { ts, value }: Point): boolean {
  const slope = (value - from.value) / (ts - from.ts)
  return slope <= high && slope >= low
}

function narrow<Held>(state: TagState<Held>, { ts, value }: Point, error: number): void {
  const run = ts - state.from.ts
  state.high = Math.min(state.high, (value + error - state.from.value) / run)
  state.low = Math.max(state.low, (value - error - state.from.value) / run)
}

/** Late enough to pass anyway; a clock that stands or goes back draws no line. */
function isDue(from: Point, point: Point, atLeastEveryMs: number): boolean {
  return point.ts <= from.ts || point.ts - from.ts >= atLeastEveryMs
}
