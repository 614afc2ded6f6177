import type { PlacedFact } from './engine.ts'

/** Where a fact of a keyed stage stands among all: by received time, then who has said it, then where it lies. */
export type Point = readonly [received: number, from: number, offset: number]

/** A fact with its place in that order, and its topic. */
export interface Queued {
  readonly placed: PlacedFact
  readonly point: Point
  readonly topic: string
}

/** What an upstream task of the stage before counts as; other topics come after all of them. */
export const OTHER = 1_000_000

/** Most facts that wait: beyond it the earliest are taken although somebody who is late may have earlier ones. */
const MOST_WAITING = 50_000

/**
 * Puts what the tasks of the stage before have said in one order, whichever of them was faster: a fact is handed out once
 * each of them has said that it is past that time. So a stage gives the same outputs live, read again, and after a task
 * was moved to another hub. What one upstream task says comes in order already.
 */
export class Reorder {
  readonly #queues = new Map<number, Queued[]>()
  /** How far each upstream task is, as it has said. */
  readonly #reached: number[]
  #size = 0
  #last: Point | undefined

  /** `reached` and `last` are those of the mark that the task goes on from. */
  constructor(upstreams: number, reached: readonly number[] = [], last?: Point) {
    this.#reached = Array.from({ length: upstreams }, (_, index) => reached[index] ?? -1)
    this.#last = last
  }

  /** An upstream task says that whatever it says from now on was received at this time or later. */
  reach(upstream: number, received: number): void {
    if (upstream in this.#reached) this.#reached[upstream] = Math.max(this.#reached[upstream]!, received)
  }

  add(queued: Queued): void {
    if (this.#last !== undefined && comparePoints(queued.point, this.#last) <= 0) return
    const from = queued.point[1]
    const queue = this.#queues.get(from) ?? []
    this.#queues.set(from, queue)
    queue.push(queued)
    // A topic of its own may be a little out of order.
    for (let at = queue.length - 1; at > 0 && comparePoints(queue[at]!.point, queue[at - 1]!.point) < 0; at -= 1) {
      ;[queue[at - 1], queue[at]] = [queue[at]!, queue[at - 1]!]
    }
    this.#size += 1
  }

  /** Takes out what nothing can come before any more, in order. */
  release(): PlacedFact[] {
    const released: PlacedFact[] = []
    const before = this.reached
    for (let first = this.#first(); first !== undefined; first = this.#first()) {
      const queued = first[0]!
      if (queued.point[0] >= before && this.#size <= MOST_WAITING) break
      first.shift()
      this.#size -= 1
      this.#last = queued.point
      released.push(queued.placed)
    }
    return released
  }

  /** Received time that all upstream tasks have reached. */
  get reached(): number {
    return Math.min(...this.#reached)
  }

  /** What goes into the mark. */
  get state(): { readonly reached: readonly number[]; readonly last?: Point } {
    return { reached: [...this.#reached], ...(this.#last && { last: this.#last }) }
  }

  /** The first offset of a topic that still waits; undefined: none does. */
  firstWaiting(topic: string): number | undefined {
    let first: number | undefined
    for (const queue of this.#queues.values()) {
      for (const { topic: of, point } of queue) if (of === topic) first = Math.min(first ?? Infinity, point[2])
    }
    return first
  }

  #first(): Queued[] | undefined {
    let first: Queued[] | undefined
    for (const queue of this.#queues.values()) {
      if (queue.length === 0) continue
      if (first === undefined || comparePoints(queue[0]!.point, first[0]!.point) < 0) first = queue
    }
    return first
  }
}

export function comparePoints(one: Point, other: Point): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2]
}
