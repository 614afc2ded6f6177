/** Something with a deadline that moves: a connection. */
export interface Expiring {
  /** Monotonic ms at which it is over; asked when its slot comes round. Infinity: not for now. */
  deadline(now: number): number
  expire(now: number): void
  /** Where it sits in the wheel; the wheel's own. */
  slot: number
}

const SLOTS = 128

/**
 * Deadlines of many things, coarsely: one timer turns the wheel, and a deadline that has moved on meanwhile costs
 * nothing until its slot comes round. Anything expires at most one step late.
 */
export class TimerWheel {
  readonly stepMs: number
  readonly #slots: readonly Set<Expiring>[] = Array.from({ length: SLOTS }, () => new Set<Expiring>())
  #current = 0

  constructor(stepMs: number) {
    this.stepMs = stepMs
  }

  add(thing: Expiring, now: number): void {
    const steps = Math.ceil((thing.deadline(now) - now) / this.stepMs)
    thing.slot = (this.#current + Math.min(Math.max(steps, 1), SLOTS - 1)) % SLOTS
    this.#slots[thing.slot]!.add(thing)
  }

  remove(thing: Expiring): void {
    this.#slots[thing.slot]!.delete(thing)
  }

  /** Sorts a thing in anew whose deadline has come nearer. */
  hasten(thing: Expiring, now: number): void {
    this.remove(thing)
    this.add(thing, now)
  }

  /** To be called every `stepMs`. */
  turn(now: number): void {
    this.#current = (this.#current + 1) % SLOTS
    const due = [...this.#slots[this.#current]!]
    this.#slots[this.#current]!.clear()
    for (const thing of due) {
      if (thing.deadline(now) <= now) thing.expire(now)
      else this.add(thing, now)
    }
  }
}
