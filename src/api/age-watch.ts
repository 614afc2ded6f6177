import type { AssetSummary } from './contract.ts'
import type { HubPort } from './hub-port.ts'

/** Assets looked at in one step (2,000 a second at ten steps a second), and at once when records came. */
const BOUNDS = { step: 200, check: 2_000 } as const

/**
 * Finds assets whose state changed: their staleness or severity. A value turns stale because nothing happens, so no
 * record tells: the watch walks round all assets, a bounded number at each step.
 */
export class AgeWatch {
  readonly #hub: HubPort
  readonly #seen = new Map<string, string>()
  #after: string | undefined
  #marks = new Map<string, string>()

  constructor(hub: HubPort) {
    this.#hub = hub
  }

  /** The next assets of the walk whose state is not what it was a round ago. */
  step(): string[] {
    const page = this.#hub.assets({ limit: BOUNDS.step, ...(this.#after === undefined ? {} : { after: this.#after }) })
    this.#after = page.length < BOUNDS.step ? undefined : page.at(-1)!.path
    return page.filter((asset) => this.#isOther(asset)).map((asset) => asset.path)
  }

  /** Those of the recorded assets whose state changed, new ones included; what is beyond the bound, the walk finds. */
  check(recorded: Iterable<string>): string[] {
    const changed: string[] = []
    let left: number = BOUNDS.check
    for (const path of recorded) {
      if (left === 0) break
      left -= 1
      const isNew = !this.#seen.has(path)
      const asset = this.#hub.asset(path)
      if (asset !== undefined && (this.#isOther(asset) || isNew)) changed.push(path)
    }
    return changed
  }

  /** Ageing tag by tag, for assets that somebody looks at: those of `paths` with a tag that aged since the last look. */
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

  #isOther({ path, stale, severity, tags }: AssetSummary): boolean {
    const state = `${stale} ${severity} ${tags}`
    const before = this.#seen.get(path)
    this.#seen.set(path, state)
    return before !== undefined && before !== state
  }
}
