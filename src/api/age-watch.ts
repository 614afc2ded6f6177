import type { HubPort } from './hub-port.ts'

/** Assets looked at in one step: 2,000 a second at ten steps a second. */
const STEP = 200

/**
 * Finds assets that aged: a value turns stale because nothing happens, so no record tells. It walks round all assets,
 * a bounded number at each step, and names those whose staleness or severity is not what it was a round ago.
 */
export class AgeWatch {
  readonly #hub: HubPort
  readonly #seen = new Map<string, string>()
  #after: string | undefined
  #marks = new Map<string, string>()

  constructor(hub: HubPort) {
    this.#hub = hub
  }

  step(): string[] {
    const page = this.#hub.assets({ limit: STEP, ...(this.#after === undefined ? {} : { after: this.#after }) })
    this.#after = page.length < STEP ? undefined : page.at(-1)!.path
    const aged: string[] = []
    for (const { path, stale, severity } of page) {
      const state = `${stale} ${severity}`
      const before = this.#seen.get(path)
      if (before !== undefined && before !== state) aged.push(path)
      this.#seen.set(path, state)
    }
    return aged
  }

  /** The same, tag by tag, for assets that somebody looks at: those of `paths` with a tag that aged since the last look. */
  look(paths: Iterable<string>): string[] {
    const marks = new Map<string, string>()
    const aged: string[] = []
    for (const path of paths) {
      const mark =
        this.#hub
          .twin(path)
          ?.tags.map((tag) => (tag.stale ? '1' : '0'))
          .join('') ?? ''
      const before = this.#marks.get(path)
      if (before !== undefined && before !== mark) aged.push(path)
      marks.set(path, mark)
    }
    this.#marks = marks
    return aged
  }
}
