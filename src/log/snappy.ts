import { copyWithin, tooLarge } from './lz4.ts'

/** How Java's clients frame it (xerial's snappy-java): magic, two versions, then blocks behind their lengths. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER = 16

/** No element of the format makes more than 64 bytes out of 3. */
const MOST_EXPANSION = 22

/**
 * Unfolds Snappy (github.com/google/snappy, format_description.txt), bare or in xerial's frames: Kafka's clients write
 * both.
 * @throws RangeError with the code `ERR_BUFFER_TOO_LARGE`, as zlib's, beyond `maxBytes`; Error where it is broken
 */
export function unfoldSnappy(packed: Uint8Array, maxBytes: number): Uint8Array {
  const input = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  if (!input.subarray(0, XERIAL.length).equals(XERIAL)) return unfoldBlock(input, maxBytes)
  const blocks: Uint8Array[] = []
  let left = maxBytes
  for (let at = XERIAL_HEADER; at < input.length;) {
    const length = at + 4 <= input.length ? input.readInt32BE(at) : -1
    if (length < 0 || length > input.length - at - 4) throw new Error('Snappy frame ends early')
    const block = unfoldBlock(input.subarray(at + 4, at + 4 + length), left)
    blocks.push(block)
    left -= block.length
    at += 4 + length
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks)
}

function unfoldBlock(input: Buffer, maxBytes: number): Uint8Array {
  const { size, start } = readSize(input)
  if (size > maxBytes) throw tooLarge(maxBytes)
  if (size > input.length * MOST_EXPANSION) throw new Error(`Snappy size is ${size}, more than the block can hold`)
  const output = Buffer.allocUnsafeSlow(size)
  let at = start
  let length = 0
  while (at < input.length) {
    const tag = input[at++]!
    const element = (tag & 3) === 0 ? literal(input, at, tag) : copy(input, at, tag)
    if (element.count > size - length) throw new Error('Snappy elements are more than their size')
    if (element.distance === 0) {
      if (element.count > input.length - element.next) throw new Error('Snappy literal ends early')
      input.copy(output, length, element.next, element.next + element.count)
      at = element.next + element.count
    } else {
      if (element.distance > length) throw new Error(`Snappy distance is ${element.distance}, want 1 to ${length}`)
      copyWithin(output, length, element.distance, element.count)
      at = element.next
    }
    length += element.count
  }
  if (length !== size) throw new Error(`Snappy elements are ${length} bytes, want ${size}`)
  return output
}

function readSize(input: Buffer): { size: number; start: number } {
  let size = 0
  for (let at = 0; at < 5; at++) {
    const byte = input[at]
    if (byte === undefined) break
    size += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return { size, start: at + 1 }
  }
  throw new Error('Snappy block has no size')
}

/** `distance` 0: bytes that follow at `next`. */
interface Element {
  readonly count: number
  readonly distance: number
  readonly next: number
}

function literal(input: Buffer, at: number, tag: number): Element {
  const short = tag >> 2
  if (short < 60) return { count: short + 1, distance: 0, next: at }
  const bytes = short - 59
  if (at + bytes > input.length) throw new Error('Snappy literal ends early')
  return { count: input.readUIntLE(at, bytes) + 1, distance: 0, next: at + bytes }
}

function copy(input: Buffer, at: number, tag: number): Element {
  const kind = tag & 3
  const bytes = kind === 3 ? 4 : kind
  if (at + bytes > input.length) throw new Error('Snappy copy ends early')
  const low = input.readUIntLE(at, bytes)
  const element =
    kind === 1
      ? { count: ((tag >> 2) & 7) + 4, distance: ((tag >> 5) << 8) | low }
      : { count: (tag >> 2) + 1, distance: low }
  if (element.distance === 0) throw new Error('Snappy distance is 0, want at least 1')
  return { ...element, next: at + bytes }
}
