/** How far one task may be ahead of another, ms of received time: well below what a window allows for lateness. */
const MOST_AHEAD_MS = 2_000

/**
 * Keeps the tasks of a stage in step while they read the past: what they say meets in the next stage, and a partition that is
 * read faster must not make the facts of the others late. Tasks that have nothing to read hold nobody up.
 */
export class Pace {
  /** Received time of what each task has before it, while it has something. */
  readonly #heads = new Map<string, number>()
  #moved = Promise.withResolvers<void>()

  /** A task has something before it; resolves when it may take it. */
  async enter(task: string, received: number): Promise<void> {
    this.#heads.set(task, received)
    this.#move()
    while (received > Math.min(...this.#heads.values()) + MOST_AHEAD_MS) await this.#moved.promise
  }

  /** A task waits for something to read, or has ended. */
  leave(task: string): void {
    if (this.#heads.delete(task)) this.#move()
  }

  #move(): void {
    this.#moved.resolve()
    this.#moved = Promise.withResolvers()
  }
}
