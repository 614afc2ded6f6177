import { hash } from 'node:crypto'

/** Bytes of a slot: 16 of the key's hash, 8 of the offset. */
const SLOT_BYTES = 24
const FIRST_SLOTS = 1024
/** Beyond this share of taken slots, looking for a free one gets long. */
const FULL = 0.7
const FREE = -1

/**
 * The last offset of every key, as Kafka's log cleaner keeps them: by a hash of 128 bits, so that memory does not
 * depend on the keys' length and nobody can make two keys meet. Grows up to `maxBytes`; then it is full.
 */
export class OffsetMap {
  readonly #mostKeys: number
  #slots = FIRST_SLOTS
  #hashes = new Uint32Array(4 * FIRST_SLOTS)
  #offsets = new Float64Array(FIRST_SLOTS).fill(FREE)
  #size = 0

  constructor(maxBytes: number) {
    const slots = 2 ** Math.floor(Math.log2(maxBytes / SLOT_BYTES))
    this.#mostKeys = Math.floor(Math.max(slots, FIRST_SLOTS) * FULL)
  }

  get size(): number {
    return this.#size
  }

  /** Whether as many keys more fit within `maxBytes`. What is set beyond is kept as well. */
  fits(keys: number): boolean {
    return this.#size + keys <= this.#mostKeys
  }

  set(key: Uint8Array, offset: number): void {
    if (this.#size + 1 > this.#slots * FULL) this.#grow()
    const words = digest(key)
    const slot = this.#find(words[0]!, words[1]!, words[2]!, words[3]!)
    if (this.#offsets[slot] === FREE) {
      this.#size++
      this.#hashes.set(words, 4 * slot)
    }
    this.#offsets[slot] = offset
  }

  get(key: Uint8Array): number | undefined {
    if (this.#size === 0) return undefined
    const words = digest(key)
    const offset = this.#offsets[this.#find(words[0]!, words[1]!, words[2]!, words[3]!)]!
    return offset === FREE ? undefined : offset
  }

  /** The slot of a hash, or the free one that it would get. */
  #find(a: number, b: number, c: number, d: number): number {
    const mask = this.#slots - 1
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      if (this.#offsets[slot] === FREE) return slot
      const at = 4 * slot
      const hashes = this.#hashes
      if (hashes[at] === a && hashes[at + 1] === b && hashes[at + 2] === c && hashes[at + 3] === d) return slot
    }
  }

  #grow(): void {
    const hashes = this.#hashes
    const offsets = this.#offsets
    this.#slots *= 2
    this.#hashes = new Uint32Array(4 * this.#slots)
    this.#offsets = new Float64Array(this.#slots).fill(FREE)
    for (let i = 0; i < offsets.length; i++) {
      if (offsets[i] === FREE) continue
      const words = hashes.subarray(4 * i, 4 * i + 4)
      const slot = this.#find(words[0]!, words[1]!, words[2]!, words[3]!)
      this.#hashes.set(words, 4 * slot)
      this.#offsets[slot] = offsets[i]!
    }
  }
}

function digest(key: Uint8Array): Uint32Array {
  const bytes = hash('sha1', key, 'buffer')
  return new Uint32Array([bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8), bytes.readUInt32LE(12)])
}
