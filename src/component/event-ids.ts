import type { Event } from '../model/event.ts'

/** Ids that are remembered for each key: a sender repeats what was not acknowledged, and that is soon. */
const MOST = 256

/** The last events that a processor has taken for a key, so that one that comes again counts once. */
export class EventIds {
  /** `source id`, oldest first. */
  readonly #ids: Set<string>

  constructor(saved: readonly string[] = []) {
    this.#ids = new Set(saved)
  }

  /** Whether the event is new; from now on it is known. */
  add({ source, id }: Event): boolean {
    const name = `${source} ${id}`
    if (this.#ids.has(name)) return false
    this.#ids.add(name)
    if (this.#ids.size > MOST) {
      const [oldest] = this.#ids
      this.#ids.delete(oldest!)
    }
    return true
  }

  get size(): number {
    return this.#ids.size
  }

  save(): string[] {
    return [...this.#ids]
  }
}
