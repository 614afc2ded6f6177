import type { AssetsView, ProblemView, TwinView } from '../../src/api/contract.ts'
import { PlantTree } from './tree.ts'
import { urlPath } from './route.ts'

/** Assets of one answer, and answers that are asked for: a plant of the past has at most so many assets here. */
const PAGE = 1_000
const MOST_PAGES = 50

/** The plant as it was at a moment: its assets, and the twins of those that are looked at. */
export class Travel {
  readonly at: number
  readonly tree = new PlantTree()
  readonly twins = new Map<string, TwinView>()
  /** Why it cannot be shown; undefined: it can, or it is being asked for. */
  problem: string | undefined
  isLoading = true
  readonly #changed: () => void
  /** Assets that are looked at; places that are none are among them until the tree is here. */
  #looking: readonly string[] = []
  readonly #stop = new AbortController()

  constructor(at: number, changed: () => void) {
    this.at = at
    this.#changed = changed
  }

  /** Asks for all assets, page by page. */
  async load(): Promise<void> {
    try {
      let after = ''
      for (let page = 0; page < MOST_PAGES; page++) {
        const { assets, next } = await this.#ask<AssetsView>(`/api/v1/assets?limit=${PAGE}&at=${this.at}${after}`)
        for (const asset of assets) this.tree.update(asset)
        if (next === undefined) break
        after = `&after=${encodeURIComponent(next)}`
        this.#changed()
      }
    } catch (error) {
      this.#fail(error)
    }
    this.isLoading = false
    this.look(this.#looking)
    this.#changed()
  }

  /** Asks for the twins of assets that are not here yet. */
  look(paths: readonly string[]): void {
    this.#looking = paths
    const missing = paths.filter((path) => this.tree.find(path)?.asset !== undefined && !this.twins.has(path))
    for (const path of missing) void this.#twin(path)
  }

  end(): void {
    this.#stop.abort()
  }

  async #twin(path: string): Promise<void> {
    const place = urlPath(path)
    try {
      this.twins.set(path, await this.#ask<TwinView>(`/api/v1/assets/${place}?at=${this.at}`))
    } catch (error) {
      this.#fail(error)
    }
    this.#changed()
  }

  async #ask<T>(url: string): Promise<T> {
    const answer = await fetch(url, { signal: this.#stop.signal })
    if (!answer.ok) throw new Error(((await answer.json()) as ProblemView).message)
    return (await answer.json()) as T
  }

  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.problem = error instanceof TypeError ? 'The hub does not answer' : (error as Error).message
  }
}
