/** Something whose writes can be gathered into one system call: a socket. */
export interface Corkable {
  cork(): void
  uncork(): void
}

/** Gathers what is written to each socket within a piece of work. */
export class Corks {
  #active = false
  readonly #corked = new Set<Corkable>()

  run(work: () => void): void {
    this.#active = true
    try {
      work()
    } finally {
      this.#active = false
      for (const socket of this.#corked) socket.uncork()
      this.#corked.clear()
    }
  }

  /** Before a write. */
  gather(socket: Corkable): void {
    if (!this.#active || this.#corked.has(socket)) return
    this.#corked.add(socket)
    socket.cork()
  }
}
