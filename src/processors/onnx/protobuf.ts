/**
 * The wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), as far as ONNX files need it: fields by their
 * number, each as often as it came.
 */
export class Message {
  readonly #fields = new Map<number, (bigint | Uint8Array)[]>()

  /** @throws Error where the bytes are no message */
  constructor(bytes: Uint8Array) {
    const reader = new Reader(bytes)
    while (!reader.isAtEnd) {
      const tag = Number(reader.varint())
      const value = reader.value(tag & 7)
      const values = this.#fields.get(tag >>> 3)
      if (values) values.push(value)
      else this.#fields.set(tag >>> 3, [value])
    }
  }

  /** Of a scalar field the last one counts; 0: it is not there. */
  integer(field: number): number {
    const value = this.#fields.get(field)?.at(-1)
    return typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : 0
  }

  /** A `float` that is there, or `otherwise`. */
  float(field: number, otherwise: number): number {
    const value = this.#fields.get(field)?.at(-1)
    return value instanceof Uint8Array && value.length === 4 ? viewOf(value).getFloat32(0, true) : otherwise
  }

  /** All integers of a repeated field, packed or not. */
  integers(field: number): number[] {
    return (this.#fields.get(field) ?? []).flatMap((value) => {
      if (typeof value === 'bigint') return [Number(BigInt.asIntN(64, value))]
      const reader = new Reader(value)
      const numbers: number[] = []
      while (!reader.isAtEnd) numbers.push(Number(BigInt.asIntN(64, reader.varint())))
      return numbers
    })
  }

  /** The bytes of a field, as often as it came. */
  all(field: number): Uint8Array[] {
    return (this.#fields.get(field) ?? []).filter((value) => value instanceof Uint8Array)
  }

  bytes(field: number): Uint8Array {
    return this.all(field).at(-1) ?? new Uint8Array()
  }

  text(field: number): string {
    return Buffer.from(this.bytes(field)).toString()
  }

  texts(field: number): string[] {
    return this.all(field).map((bytes) => Buffer.from(bytes).toString())
  }

  messages(field: number): Message[] {
    return this.all(field).map((bytes) => new Message(bytes))
  }
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new Error('a number has no end')
  }

  /** Varints as they are; everything else as its bytes. */
  value(wireType: number): bigint | Uint8Array {
    if (wireType === 0) return this.varint()
    if (wireType === 1) return this.#take(8)
    if (wireType === 2) return this.#take(Number(this.varint()))
    if (wireType === 5) return this.#take(4)
    throw new Error(`wire type ${wireType} is none that is used`)
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (!(end <= this.#bytes.length)) throw new Error('it ends in the middle of a field')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
