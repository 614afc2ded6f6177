import { letGo } from '../let-go.ts'
import { WireError } from './reader.ts'

/** Bytes of the size in front of a request. */
export const PREFIX = 4

/**
 * Cuts a connection's bytes into requests. A request within one chunk is a view of it; one that spans chunks is
 * copied together once, when it is whole: memory follows the bytes that came, never the size that was announced. The
 * chunks are its own from then on: those that were copied are let go.
 */
export class Frames {
  #maxBytes: number
  #chunks: Buffer[] = []
  #buffered = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes that came and are not part of a request handed out. */
  get buffered(): number {
    return this.#buffered
  }

  /** Changes how large a request may be. */
  allow(maxBytes: number): void {
    this.#maxBytes = maxBytes
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
  }

  /**
   * The next whole request without its size prefix; undefined until all of it is there.
   * @throws WireError where the size prefix cannot be one.
   */
  next(): Buffer | undefined {
    if (this.#buffered < PREFIX) return undefined
    const size = this.#size()
    if (this.#buffered < PREFIX + size) return undefined
    return this.#take(PREFIX + size)
  }

  #size(): number {
    if (this.#chunks[0]!.length < PREFIX) this.#chunks = [Buffer.concat(this.#chunks)]
    const head = this.#chunks[0]!
    const size = head.readInt32BE(0)
    if (size > 0 && size <= this.#maxBytes) return size
    throw new WireError(`Cannot read request: size is ${size}${speaks(head)}, want 1 to ${this.#maxBytes}`)
  }

  /** The next `count` bytes but for their prefix, which lies in one chunk. */
  #take(count: number): Buffer {
    this.#buffered -= count
    const head = this.#chunks[0]!
    if (head.length > count) {
      this.#chunks[0] = head.subarray(count)
      return head.subarray(PREFIX, count)
    }
    if (head.length === count) return this.#chunks.shift()!.subarray(PREFIX)
    return this.#gather(count - PREFIX)
  }

  /** A request in memory of its own. */
  #gather(size: number): Buffer {
    const whole = Buffer.allocUnsafeSlow(size)
    let at = 0
    let skip = PREFIX
    let used = 0
    for (; at < size; used++) {
      const chunk = this.#chunks[used]!
      const taken = chunk.copy(whole, at, skip)
      at += taken
      if (skip + taken < chunk.length) {
        this.#chunks[used] = chunk.subarray(skip + taken)
        break
      }
      letGo(chunk)
      skip = 0
    }
    this.#chunks.splice(0, used)
    return whole
  }
}

/** Other protocols that people point at this port by mistake, told by their first bytes. */
function speaks(head: Buffer): string {
  if (head[1] === 0x03 && head[0] === 0x16) return ' (a TLS hello)'
  if (head[1] === 0x03 && head[0] === 0x15) return ' (a TLS alert: TLS is wanted)'
  return /^(GET|POST|PUT|HEAD|OPTIONS) ?/.test(head.toString('latin1', 0, 8)) ? ' (an HTTP request)' : ''
}
