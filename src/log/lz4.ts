const MAGIC = 0x184d2204
/** Bits of the frame's flags. */
const FLAG = { version: 0xc0, blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const
const VERSION = 0x40
const STORED = 0x8000_0000
/** A match is at least this long. */
const MIN_MATCH = 4

/**
 * Unfolds an LZ4 frame, as Kafka's clients write them (github.com/lz4/lz4, doc/lz4_Frame_format.md and
 * lz4_Block_format.md). The checksums of the frame are not looked at: the CRC of the batch covers it.
 * @throws RangeError with the code `ERR_BUFFER_TOO_LARGE`, as zlib's, beyond `maxBytes`; Error where it is broken
 */
export function unfoldLz4(packed: Uint8Array, maxBytes: number): Uint8Array {
  const input = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  if (input.length < 7 || input.readUInt32LE(0) !== MAGIC) throw new Error('LZ4 frame has no magic')
  const flags = input[4]!
  if ((flags & FLAG.version) !== VERSION || (flags & FLAG.dictionary) !== 0) throw new Error('LZ4 frame is of no known kind') // prettier-ignore
  let at = 4 + 2 + (flags & FLAG.contentSize ? 8 : 0) + 1
  const output = new Output(Math.min(maxBytes, 4 * packed.length), maxBytes)
  for (;;) {
    if (at + 4 > input.length) throw new Error('LZ4 frame ends early')
    const size = input.readUInt32LE(at)
    at += 4
    if (size === 0) return output.bytes()
    const length = size % STORED
    if (length > input.length - at) throw new Error('LZ4 block ends early')
    const block = input.subarray(at, at + length)
    if (size >= STORED) output.take(block, 0, length)
    else unfoldBlock(block, output)
    at += length + (flags & FLAG.blockChecksum ? 4 : 0)
  }
}

function unfoldBlock(block: Buffer, output: Output): void {
  let at = 0
  const extended = (nibble: number): number => {
    let length = nibble
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; length += byte) {
      if (at >= block.length) throw new Error('LZ4 block ends early')
      byte = block[at++]!
    }
    return length
  }
  while (at < block.length) {
    const token = block[at++]!
    const literals = extended(token >> 4)
    if (literals > block.length - at) throw new Error('LZ4 literals end early')
    output.take(block, at, literals)
    at += literals
    // The last sequence has no match.
    if (at === block.length) return
    if (at + 2 > block.length) throw new Error('LZ4 block ends early')
    const distance = block.readUInt16LE(at)
    at += 2
    output.repeat(distance, extended(token & 15) + MIN_MATCH)
  }
}

/** Unfolded bytes: grows with what comes, up to a limit. */
class Output {
  #room: Buffer
  #length = 0
  readonly #maxBytes: number

  constructor(firstBytes: number, maxBytes: number) {
    this.#room = Buffer.allocUnsafeSlow(firstBytes)
    this.#maxBytes = maxBytes
  }

  take(from: Buffer, at: number, count: number): void {
    this.#reserve(count)
    from.copy(this.#room, this.#length, at, at + count)
    this.#length += count
  }

  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.#length)
      throw new Error(`LZ4 distance is ${distance}, want 1 to ${this.#length}`)
    this.#reserve(count)
    copyWithin(this.#room, this.#length, distance, count)
    this.#length += count
  }

  bytes(): Uint8Array {
    return this.#room.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    const wanted = this.#length + count
    if (wanted > this.#maxBytes) throw tooLarge(this.#maxBytes)
    if (wanted <= this.#room.length) return
    const grown = Buffer.allocUnsafeSlow(Math.min(Math.max(wanted, 2 * this.#room.length), this.#maxBytes))
    this.#room.copy(grown, 0, 0, this.#length)
    this.#room = grown
  }
}

/** Copies `count` bytes from `distance` before `at` to `at`; where they overlap, what was just written comes again. */
export function copyWithin(bytes: Buffer, at: number, distance: number, count: number): void {
  if (distance >= count) bytes.copyWithin(at, at - distance, at - distance + count)
  else for (let i = at; i < at + count; i++) bytes[i] = bytes[i - distance]!
}

/** What zlib says of an output beyond its limit. */
export function tooLarge(maxBytes: number): RangeError {
  return Object.assign(new RangeError(`Cannot unfold: more than ${maxBytes} bytes`), { code: 'ERR_BUFFER_TOO_LARGE' })
}
