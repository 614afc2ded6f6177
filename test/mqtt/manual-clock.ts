import type { Clock } from '../../src/system/clock.ts'

interface Due {
  at: number
  readonly everyMs: number | undefined
  readonly fn: () => void
}

/** Time that passes only when the test says so. */
export class ManualClock implements Clock {
  #now = 1_000_000
  readonly #timers = new Set<Due>()

  now(): number {
    return 1_700_000_000_000 + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.after(ms, resolve)
    })
  }

  after(ms: number, fn: () => void) {
    return this.#add({ at: this.#now + ms, everyMs: undefined, fn })
  }

  every(ms: number, fn: () => void) {
    return this.#add({ at: this.#now + ms, everyMs: ms, fn })
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.#now = next.at
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.at += next.everyMs
      next.fn()
    }
    this.#now = end
  }

  #add(due: Due) {
    this.#timers.add(due)
    return { cancel: () => this.#timers.delete(due) }
  }
}
