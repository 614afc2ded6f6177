/** Paths in order, for pages of a list. New ones are sorted in when somebody looks, which a nearly sorted list makes cheap. */
export class PathIndex {
  #paths: string[] = []
  #sorted = true

  add(path: string): void {
    const last = this.#paths.at(-1)
    if (last !== undefined && last > path) this.#sorted = false
    this.#paths.push(path)
  }

  clear(): void {
    this.#paths = []
    this.#sorted = true
  }

  /** All paths, by UTF-16 code units. */
  sorted(): readonly string[] {
    if (!this.#sorted) this.#paths.sort()
    this.#sorted = true
    return this.#paths
  }

  /** `under` itself ('' is everything) and what is below it, after `after`, at most `limit`. */
  list(under: string, after: string | undefined, limit: number): string[] {
    const paths = this.sorted()
    const found: string[] = []
    const from = after !== undefined && after >= under ? firstAfter(paths, after) : firstFrom(paths, under)
    for (let at = from; at < paths.length && found.length < limit; at++) {
      const path = paths[at]!
      if (!path.startsWith(under)) break
      // `line10` begins with `line1` too, and lies between `line1` and `line1/...`.
      if (under === '' || path.length === under.length || path[under.length] === '/') found.push(path)
    }
    return found
  }
}

function firstAfter(paths: readonly string[], path: string): number {
  return lowest(paths.length, (at) => paths[at]! > path)
}

function firstFrom(paths: readonly string[], path: string): number {
  return lowest(paths.length, (at) => paths[at]! >= path)
}

/** The lowest index for which it holds, where it holds for all above as well. */
function lowest(length: number, holds: (at: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
