/** Above this many, a bitmap of all ids is smaller than a set. */
const FEW = 128

/** A set of packet ids (1 to 65,535) that never takes more than 8 KiB. */
export class PacketIds {
  readonly #few = new Set<number>()
  #bitmap: Uint8Array | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  has(id: number): boolean {
    if (this.#bitmap === undefined) return this.#few.has(id)
    return (this.#bitmap[id >> 3]! & (1 << (id & 7))) !== 0
  }

  add(id: number): void {
    if (this.has(id)) return
    this.#size++
    if (this.#bitmap === undefined && this.#size > FEW) this.#widen()
    if (this.#bitmap === undefined) this.#few.add(id)
    else this.#bitmap[id >> 3]! |= 1 << (id & 7)
  }

  /** Whether it was there. */
  delete(id: number): boolean {
    if (!this.has(id)) return false
    this.#size--
    if (this.#bitmap === undefined) this.#few.delete(id)
    else this.#bitmap[id >> 3]! &= ~(1 << (id & 7))
    if (this.#size === 0) this.#bitmap = undefined
    return true
  }

  #widen(): void {
    this.#bitmap = new Uint8Array(8192)
    for (const id of this.#few) this.#bitmap[id >> 3]! |= 1 << (id & 7)
    this.#few.clear()
  }
}
