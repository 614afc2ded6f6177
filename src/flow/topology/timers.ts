/** A key and the received time of its partition at which its earliest timer is due, as far as was known. */
interface Entry {
  readonly key: string
  readonly due: number
}

/**
 * Which keys have a timer that is due, in order of when it is: a heap of keys. Ties go by key, so that the order does not
 * depend on how the heap came about. A key that is scheduled again leaves its older entry behind; it is passed over when
 * its time comes.
 */
export class Timers {
  readonly #heap: Entry[] = []
  readonly #scheduled = new Map<string, number>()

  /** Says when a key's earliest timer is due; Infinity: it has none. */
  schedule(key: string, due: number): void {
    if (due === Infinity) {
      this.#scheduled.delete(key)
    } else if (this.#scheduled.get(key) !== due) {
      this.#scheduled.set(key, due)
      this.#push({ key, due })
    }
  }

  /** Takes the key out that is due first, if it is by then. */
  next(by: number): Entry | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.due <= by; first = this.#heap[0]) {
      this.#pop()
      if (this.#scheduled.get(first.key) !== first.due) continue
      this.#scheduled.delete(first.key)
      return first
    }
    return undefined
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(entry, heap[above]!)) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1
      if (!isBefore(heap[below]!, last)) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.due < other.due || (one.due === other.due && one.key < other.key)
}
