import { letGo } from '../let-go.ts'

const SMALLEST = 8 * 1024
const LARGEST = 4 * 1024 * 1024

/**
 * Memory for batches, used again: a fresh megabyte costs the kernel as much in page faults as filling it costs us.
 * Sizes are powers of two; what is kept for later is bounded, the rest is let go.
 */
export class Slabs {
  readonly #keptLimit: number
  readonly #free = new Map<number, Buffer[]>()
  #kept = 0

  /** @param keptLimit most bytes kept for later */
  constructor(keptLimit: number) {
    this.#keptLimit = keptLimit
  }

  /** A slab of at least `bytes`, with anything in it. */
  take(bytes: number): Buffer {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)))
    const slab = this.#free.get(size)?.pop()
    if (!slab) return Buffer.allocUnsafeSlow(size)
    this.#kept -= size
    return slab
  }

  /** Gives a slab back that nobody reads any more. */
  give(slab: Buffer): void {
    if (slab.length > LARGEST || this.#kept + slab.length > this.#keptLimit) return letGo(slab)
    const list = this.#free.get(slab.length)
    if (list) list.push(slab)
    else this.#free.set(slab.length, [slab])
    this.#kept += slab.length
  }
}
