import { WireError } from './reader.ts'

const FIRST_BYTES = 256

/** A part that is as long ends there, so that no more than this is ever copied to make room. */
const WHOLE_PART = 1024 * 1024
const HIGH = 0x1_0000_0000

/** Most characters of a message: far from the 32767 bytes that a string can have, and as much as anybody reads. */
const MAX_MESSAGE = 1000
const ELLIPSIS = '...'

/**
 * Writes the primitive types of the Kafka protocol into one response. Records are not copied: the response is a list
 * of parts, which go to the socket in one call.
 */
export class Writer {
  readonly flexible: boolean
  /** Of what was given by reference: what is to be let go when the response has been sent. */
  readonly own: Uint8Array[] = []
  readonly #parts: Uint8Array[] = []
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  /** Where the part that is being written starts in the buffer. */
  #start = 0
  #at = 4
  /** Bytes of the finished parts, and those of them that are no records. */
  #done = 0
  #counted = 0
  readonly #most: number

  /** `most`: bytes that it may have besides records, about. A short request may ask for one long thing many times. */
  constructor(flexible: boolean, most = Infinity) {
    this.flexible = flexible
    this.#most = most
  }

  int8(value: number): void {
    this.#at = this.#room(1).writeInt8(value, this.#at)
  }

  int16(value: number): void {
    this.#at = this.#room(2).writeInt16BE(value, this.#at)
  }

  int32(value: number): void {
    this.#at = this.#room(4).writeInt32BE(value, this.#at)
  }

  int64(value: number): void {
    const high = Math.floor(value / HIGH)
    const buffer = this.#room(8)
    buffer.writeInt32BE(high, this.#at)
    this.#at = buffer.writeUInt32BE(value - high * HIGH, this.#at + 4)
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  /** 16 bytes. */
  uuid(value: Uint8Array): void {
    this.#room(16).set(value, this.#at)
    this.#at += 16
  }

  string(value: string | null): void {
    const length = value === null ? -1 : Buffer.byteLength(value)
    if (this.flexible) this.#unsignedVarint(length + 1)
    else this.int16(length)
    if (value === null) return
    this.#room(length)
    this.#at += this.#buffer.write(value, this.#at, length)
  }

  /**
   * What was wrong, in words. Such a sentence quotes names that the client sent, which alone may be as long as a string
   * can be: of a long one the middle is left out, so that what was refused and why stay.
   */
  message(sentence: string | null): void {
    if (sentence === null || sentence.length <= MAX_MESSAGE) return this.string(sentence)
    const half = (MAX_MESSAGE - ELLIPSIS.length) / 2
    this.string(sentence.slice(0, Math.ceil(half)) + ELLIPSIS + sentence.slice(-Math.floor(half)))
  }

  array<T>(elements: readonly T[] | null, write: (element: T) => void): void {
    const length = elements === null ? -1 : elements.length
    if (this.flexible) this.#unsignedVarint(length + 1)
    else this.int32(length)
    elements?.forEach(write)
  }

  /** Bytes without a length, by reference. */
  raw(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#endPart()
    this.#parts.push(bytes)
    this.#done += bytes.length
  }

  /** What members of a group tell each other and the like, by reference. */
  bytes(value: Uint8Array): void {
    this.records(value)
    this.#counted += value.length
    this.#checkSize()
  }

  /**
   * Batches, by reference: they must stay as they are until the response has been sent. Those that nobody else has are
   * among `own`.
   */
  records(bytes: Uint8Array, own = false): void {
    if (own) this.own.push(bytes)
    if (this.flexible) this.#unsignedVarint(bytes.length + 1)
    else this.int32(bytes.length)
    this.raw(bytes)
  }

  /** Ends a structure: without tagged fields, where the version has them. */
  tags(): void {
    if (this.flexible) this.int8(0)
  }

  /** The response's parts, size prefix included. Nothing may be written after. */
  finish(): Uint8Array[] {
    this.#endPart()
    const first = this.#parts[0]!
    new DataView(first.buffer, first.byteOffset).setInt32(0, this.#done - 4)
    return this.#parts
  }

  #unsignedVarint(value: number): void {
    let left = value
    const buffer = this.#room(5)
    while (left >= 0x80) {
      buffer[this.#at++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    buffer[this.#at++] = left
  }

  #endPart(): void {
    if (this.#at === this.#start) return
    this.#parts.push(this.#buffer.subarray(this.#start, this.#at))
    this.#done += this.#at - this.#start
    this.#counted += this.#at - this.#start
    this.#start = this.#at
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#buffer.length) this.#grow(bytes)
    return this.#buffer
  }

  /** A new buffer for the part that is being written; the parts before it keep theirs. */
  #grow(bytes: number): void {
    if (this.#at - this.#start >= WHOLE_PART) this.#endPart()
    this.#checkSize()
    const written = this.#at - this.#start
    const grown = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * (written + bytes)))
    this.#buffer.copy(grown, 0, this.#start, this.#at)
    this.#buffer = grown
    this.#start = 0
    this.#at = written
  }

  #checkSize(): void {
    if (this.#counted + this.#at - this.#start <= this.#most) return
    throw new WireError(`Cannot answer request: the answer has more than ${this.#most} bytes, want less asked at once`)
  }
}
