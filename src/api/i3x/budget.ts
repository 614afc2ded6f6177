/**
 * What one answer may still hold. i3X 1.0, "Server Limits": an answer that is cut says so (206), so whoever takes from the
 * budget looks whether it was exceeded.
 */
export class Budget {
  readonly most: number
  #left: number

  constructor(most: number) {
    this.most = most
    this.#left = most
  }

  /** Takes `count`; false, and nothing more fits, where less is left. */
  take(count = 1): boolean {
    this.#left = count <= this.#left ? this.#left - count : -1
    return this.#left >= 0
  }

  get taken(): number {
    return this.most - this.#left
  }

  get isExceeded(): boolean {
    return this.#left < 0
  }
}
