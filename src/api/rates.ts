/** How far back a rate looks, ms. */
const WINDOW_MS = 10_000

/** Records per second over the last 10 s, by source, from counts that are noted once a second. */
export class Rates {
  readonly #notes: { readonly at: number; readonly counts: ReadonlyMap<string, number> }[] = []

  /** `at`: monotonic ms. */
  note(at: number, counts: ReadonlyMap<string, number>): void {
    this.#notes.push({ at, counts })
    while (this.#notes.length > 2 && at - this.#notes[0]!.at > WINDOW_MS) this.#notes.shift()
  }

  of(source: string): number {
    return this.#rate((counts) => counts.get(source) ?? 0)
  }

  total(): number {
    return this.#rate((counts) => [...counts.values()].reduce((sum, count) => sum + count, 0))
  }

  #rate(count: (counts: ReadonlyMap<string, number>) => number): number {
    const first = this.#notes[0]
    const last = this.#notes.at(-1)
    if (first === undefined || last === undefined || last.at === first.at) return 0
    return ((count(last.counts) - count(first.counts)) * 1000) / (last.at - first.at)
  }
}
