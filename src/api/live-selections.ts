import type { LiveSelection } from './contract.ts'
import { ApiError } from './errors.ts'
import type { HubPort } from './hub-port.ts'
import { Selection } from './selection.ts'

/** Assets that are asked for at a time when a client begins to look. */
const PAGE = 1_000

/** What came of the news for a client. */
export interface LiveNews {
  readonly taken: readonly string[]
  readonly left: readonly string[]
}

/**
 * The selections of one client: which assets they take now, and which of them have changed and were not looked at yet. Both
 * are sets of paths, so a client costs no more than there are assets, however fast these change.
 */
export class LiveSelections {
  readonly #selections: readonly Selection[]
  /** Changed, and of a path and model that may be taken. */
  readonly #toLookAt = new Set<string>()
  readonly #members = new Set<string>()

  constructor(selections: readonly Selection[]) {
    this.#selections = selections
  }

  /** Every asset that there is has to be looked at. */
  begin(hub: HubPort): void {
    for (const selection of this.#selections) {
      const under = selection.place
      let page = hub.paths({ under, limit: PAGE })
      while (page.length > 0) {
        for (const path of page) if (selection.mayTake(path)) this.#toLookAt.add(path)
        page = hub.paths({ under, after: page.at(-1)!, limit: PAGE })
      }
    }
  }

  note(changed: ReadonlySet<string>): void {
    if (this.#selections.length === 0) return
    for (const path of changed) if (this.#selections.some((one) => one.mayTake(path))) this.#toLookAt.add(path)
  }

  get hasNews(): boolean {
    return this.#toLookAt.size > 0
  }

  /** Looks at up to `most` of what changed, oldest first. */
  look(most: number): LiveNews {
    const taken: string[] = []
    const left: string[] = []
    let looked = 0
    for (const path of this.#toLookAt) {
      if (looked === most) break
      looked += 1
      this.#toLookAt.delete(path)
      if (this.#selections.some((one) => one.mayTake(path) && one.judge(path) === 'taken')) {
        this.#members.add(path)
        taken.push(path)
      } else if (this.#members.delete(path)) left.push(path)
    }
    return { taken, left }
  }
}

/** The selections of a request; a sentence where one of them cannot be used. */
export function readSelections(hub: HubPort, given: unknown, most: number): readonly Selection[] | string {
  if (given === undefined) return []
  if (!Array.isArray(given) || given.length > most) return `want at most ${most} selections`
  try {
    return given.map((one: unknown) => new Selection(hub, wordsOf(one)))
  } catch (error) {
    if (error instanceof ApiError) return error.message
    throw error
  }
}

function wordsOf(given: unknown): { readonly [name in keyof LiveSelection]?: unknown } {
  const { match, model, where, ...others } = (given ?? {}) as { readonly [name: string]: unknown }
  if (Object.keys(others).length === 0) return { match, model, where }
  throw new ApiError(400, 'BAD_QUERY', 'Cannot use a selection: it has other words, want match, model or where')
}
