/** A request that breaks the protocol's grammar. Its connection is closed: what follows cannot be trusted. */
export class WireError extends Error {
  readonly code = 'KAFKA_MALFORMED_REQUEST'

  constructor(message: string) {
    super(message)
    this.name = 'WireError'
  }
}

/**
 * Most array elements that one request may hold, all arrays together: an element of one byte on the wire costs us
 * far more, so bytes alone do not bound the memory of a hostile request.
 */
const MAX_ELEMENTS = 100_000

/**
 * Most bytes of a text, in all versions as in Kafka: what the length of a string that is not compact can say. Whatever
 * was read can be written back.
 */
const MAX_TEXT = 32_767

/** Bytes that are no UTF-8 are read as U+FFFD each, which has three. */
const MAX_GROWTH = 3

/**
 * Reads the primitive types of the Kafka protocol (kafka.apache.org/protocol, "Protocol Primitive Types") from one
 * request. Every length is checked against what is left before anything is allocated.
 */
export class Reader {
  /** Whether strings, bytes and arrays are compact and structures end in tagged fields (KIP-482). */
  flexible = false
  readonly #bytes: Buffer
  #at: number
  #elements = 0

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  /** All of the request, also what has been read. */
  get bytes(): Buffer {
    return this.#bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  /** Exact up to 2^53; offsets and times are far below. */
  int64(): number {
    const at = this.#take(8)
    return this.#bytes.readInt32BE(at) * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 4)
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  /** 16 bytes; a view. */
  uuid(): Buffer {
    const at = this.#take(16)
    return this.#bytes.subarray(at, at + 16)
  }

  string(): string {
    return this.nullableString() ?? fail('string is null, want text')
  }

  nullableString(): string | null {
    const length = this.flexible ? this.#unsignedVarint() - 1 : this.int16()
    if (length === -1) return null
    if (length > MAX_TEXT) fail(`string has ${length} bytes, want at most ${MAX_TEXT}`)
    const text = this.#bytes.toString('utf8', this.#take(length), this.#at)
    if (length * MAX_GROWTH > MAX_TEXT && Buffer.byteLength(text) > MAX_TEXT) {
      fail(`string has ${length} bytes that are not UTF-8, want at most ${MAX_TEXT} when they are replaced`)
    }
    return text
  }

  /** A view. */
  nullableBytes(): Buffer | null {
    const length = this.flexible ? this.#unsignedVarint() - 1 : this.int32()
    if (length === -1) return null
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  array<T>(element: (reader: this) => T): T[] {
    return this.nullableArray(element) ?? fail('array is null, want elements')
  }

  nullableArray<T>(element: (reader: this) => T): T[] | null {
    const length = this.flexible ? this.#unsignedVarint() - 1 : this.int32()
    if (length === -1) return null
    if (length < 0 || length > this.left) fail(`array length is ${length}, want 0 to ${this.left}`)
    this.#elements += length
    if (this.#elements > MAX_ELEMENTS) fail(`request has more than ${MAX_ELEMENTS} array elements`)
    const elements: T[] = []
    for (let i = 0; i < length; i++) elements.push(element(this))
    return elements
  }

  /** Skips the tagged fields that end a structure of a flexible version: none of them matters to a single node. */
  tags(): void {
    if (!this.flexible) return
    const count = this.#unsignedVarint()
    if (count * 2 > this.left) fail(`count of tagged fields is ${count}, want 0 to ${this.left >> 1}`)
    for (let i = 0; i < count; i++) {
      this.#unsignedVarint()
      this.#take(this.#unsignedVarint())
    }
  }

  /** Up to 2^32 - 1. */
  #unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#take(1)]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return fail('varint is longer than 5 bytes')
  }

  #take(count: number): number {
    const at = this.#at
    if (count < 0 || count > this.#bytes.length - at) fail(`field length is ${count}, want 0 to ${this.left}`)
    this.#at = at + count
    return at
  }
}

function fail(reason: string): never {
  throw new WireError(`Cannot read request: ${reason}`)
}
