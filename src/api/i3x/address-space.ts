import type { ModelView, TagView, TwinView } from '../contract.ts'
import type { HubPort } from '../hub-port.ts'
import { elementId, parentPath, readElementId, type Element } from './element-ids.ts'
import { relationId } from './relationship-types.ts'

/** Assets of a page while all are walked. */
const PAGE = 500

/** Sorts after every name below a place. */
const BEHIND_ALL = '/\u{ffff}'

/** Twins that are kept at hand while one request is answered: many of its ids may be tags of one machine. */
const AT_HAND = 1_000

/** A machine as it is now. */
export interface AssetElement {
  readonly twin: TwinView
  readonly tags: ReadonlyMap<string, TagView>
  /** Absent: none that the config declares. */
  readonly model: ModelView | undefined
}

/** A relation from one element to another: `type` is how the first sees the second. */
export interface Edge {
  readonly type: string
  readonly target: Element
}

/**
 * The plant as the address space of i3X 1.0: places down to machines by HasChildren, the tags of a machine by
 * HasComponent. One is made for each request: a twin that it has looked at stays as it was.
 */
export class AddressSpace {
  readonly #hub: HubPort
  readonly #models: ReadonlyMap<string, ModelView>
  readonly #assets = new Map<string, AssetElement>()

  constructor(hub: HubPort) {
    this.#hub = hub
    this.#models = new Map(hub.declaredModels().map((model) => [model.id, model]))
  }

  find(id: string): Element | undefined {
    const named = readElementId(id)
    if (named === undefined) return undefined
    const element = this.#at(named.path)
    if (named.tag === undefined || element?.kind !== 'asset') return named.tag === undefined ? element : undefined
    const { path, tag } = named
    return this.asset(path)?.tags.has(tag) ? tagElement(path, tag) : undefined
  }

  /** The machine at a path, or that a tag belongs to. */
  asset(path: string): AssetElement | undefined {
    const known = this.#assets.get(path)
    if (known !== undefined) return known
    const twin = this.#hub.twin(path)
    if (twin === undefined) return undefined
    const tags = new Map(twin.tags.map((tag) => [tag.tag, tag]))
    const asset = { twin, tags, model: twin.model === undefined ? undefined : this.#models.get(twin.model) }
    if (this.#assets.size >= AT_HAND) this.#assets.clear()
    this.#assets.set(path, asset)
    return asset
  }

  /** The first level of the plant. */
  roots(): Element[] {
    return [...this.#children('')]
  }

  /** Everything there is, machines each after the places that they are in; hands over the thread from time to time. */
  async *walk(breathe: () => Promise<void>): AsyncGenerator<Element> {
    let before: string | undefined
    for (;;) {
      const page = this.#hub.paths({ limit: PAGE, ...(before !== undefined && { after: before }) })
      for (const path of page) {
        yield* this.#placesAbove(path, before)
        yield* this.#withTags(path)
        before = path
      }
      if (page.length < PAGE) return
      await breathe()
    }
  }

  /** All relations of an element, both ways ("Relationship Semantics"). */
  *edges(element: Element): Generator<Edge> {
    if (element.kind === 'tag') {
      yield { type: 'ComponentOf', target: this.#at(element.path)! }
      return
    }
    const above = parentPath(element.path)
    if (above !== undefined) yield { type: 'HasParent', target: this.#at(above)! }
    for (const child of this.#children(element.path)) yield { type: 'HasChildren', target: child }
    if (element.kind !== 'asset') return
    for (const tag of this.#tagsOf(element.path)) yield { type: 'HasComponent', target: tag }
    yield* this.#relations(element.path)
  }

  /** Relations to other machines that are there; that it is a part of its place is told by HasParent. */
  *#relations(path: string): Generator<Edge> {
    for (const { type, target, inverse } of this.asset(path)?.twin.relations ?? []) {
      if (type === 'partOf' && (inverse ? parentPath(target) === path : parentPath(path) === target)) continue
      const other = this.#at(target)
      if (other?.kind === 'asset') yield { type: relationId(type, inverse), target: other }
    }
  }

  /** The element at a path: an asset sorts before all that is below it. */
  #at(path: string): Element | undefined {
    if (path === '') return undefined
    const [first] = this.#hub.paths({ under: path, limit: 1 })
    if (first === undefined) return undefined
    return { kind: first === path ? 'asset' : 'place', id: elementId(path), path }
  }

  /** The elements one level below a place (`''`: the plant's first level), each once, jumping over what is deeper. */
  *#children(place: string): Generator<Element> {
    const start = place === '' ? '' : `${place}/`
    const seen = new Set<string>()
    let after: string | undefined
    for (;;) {
      const query = { limit: 1, ...(place !== '' && { under: place }), ...(after !== undefined && { after }) }
      const [first] = this.#hub.paths(query)
      if (first === undefined) return
      after = first
      if (first === place) continue
      const child = childOf(first, start)
      // `line-1` sorts between `line` and `line/...`, so a child may be met again further on.
      if (!seen.has(child)) yield { kind: first === child ? 'asset' : 'place', id: elementId(child), path: child }
      seen.add(child)
      if (first !== child) after = `${child}${BEHIND_ALL}`
    }
  }

  /** The places above an asset that were not met with the asset before it in the order of paths, or as assets. */
  *#placesAbove(path: string, before: string | undefined): Generator<Element> {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
      const place = path.slice(0, end)
      const element = before?.startsWith(`${place}/`) ? undefined : this.#at(place)
      if (element?.kind === 'place') yield element
    }
  }

  *#withTags(path: string): Generator<Element> {
    yield { kind: 'asset', id: elementId(path), path }
    yield* this.#tagsOf(path)
  }

  #tagsOf(path: string): Element[] {
    return [...(this.asset(path)?.tags.keys() ?? [])].map((tag) => tagElement(path, tag))
  }
}

function tagElement(path: string, tag: string): Element {
  return { kind: 'tag', id: elementId(path, tag), path, tag }
}

function childOf(path: string, start: string): string {
  const end = path.indexOf('/', start.length)
  return end < 0 ? path : path.slice(0, end)
}
