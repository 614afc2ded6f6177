/** Wakes the one who waits for something to happen. A ring that nobody waits for is forgotten: look first, then wait. */
export class Bell {
  #wake: (() => void) | undefined

  ring(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** Resolves at the next ring. One waiter at a time. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
