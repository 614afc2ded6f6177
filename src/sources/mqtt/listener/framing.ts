import { ProtocolFault, Reason } from './protocol.ts'

/** Who gets the packets that a byte stream is cut into. */
export interface PacketSink {
  /** False once the connection is closing: what still comes is not looked at. */
  readonly open: boolean
  /**
   * Called as soon as a packet's header is known, perhaps several times for a packet that comes in pieces.
   * @throws ProtocolFault where a packet of this first byte and total size may not come now.
   */
  admit(first: number, size: number): void
  /** A whole packet: its fields lie between `start` and `end`. The bytes stay as they are for as long as they are held. */
  packet(bytes: Buffer, first: number, start: number, end: number): void
}

/** Least room for a packet that came in pieces. */
const ROOM = 64

/** Longest fixed header: the first byte and four bytes of remaining length (MQTT 2.1.4). */
const HEADER = 5

/**
 * Cuts a byte stream into packets. A packet that is whole within a chunk is handed on as a view of it; one that is not
 * is gathered in a buffer that grows with what arrives, never with what was announced.
 */
export class Framing {
  #held: Buffer | undefined
  #length = 0
  /** Size of the held packet; 0 while its header is not complete. */
  #size = 0

  /** Whether a packet has begun and not ended. */
  get waiting(): boolean {
    return this.#length > 0
  }

  /** @throws ProtocolFault where the stream is not MQTT; nothing may be pushed after that. */
  push(chunk: Buffer, sink: PacketSink): void {
    let at = this.#length === 0 ? 0 : this.#complete(chunk, sink)
    while (at < chunk.length && sink.open) {
      const size = packetSize(chunk, at, chunk.length)
      if (size > 0) sink.admit(chunk[at]!, size)
      if (size === 0 || at + size > chunk.length) {
        this.#hold(chunk, at, size)
        return
      }
      sink.packet(chunk, chunk[at]!, at + headerSize(chunk, at), at + size)
      at += size
    }
  }

  #hold(chunk: Buffer, at: number, size: number): void {
    const rest = chunk.length - at
    this.#size = size
    this.#length = 0
    this.#held = Buffer.allocUnsafeSlow(Math.max(ROOM, Math.min(size, rest * 2), rest))
    this.#append(chunk, at, rest)
  }

  /** Adds to the held packet; answers how many bytes of the chunk it took. */
  #complete(chunk: Buffer, sink: PacketSink): number {
    let taken = 0
    while (this.#size === 0) {
      if (taken === chunk.length) return taken
      this.#append(chunk, taken++, 1)
      this.#size = packetSize(this.#held!, 0, this.#length)
    }
    sink.admit(this.#held![0]!, this.#size)
    const more = Math.min(this.#size - this.#length, chunk.length - taken)
    this.#append(chunk, taken, more)
    if (this.#length === this.#size) {
      const whole = this.#held!
      this.#held = undefined
      this.#length = 0
      sink.packet(whole, whole[0]!, headerSize(whole, 0), this.#size)
    }
    return taken + more
  }

  #append(chunk: Buffer, at: number, count: number): void {
    let held = this.#held!
    const length = this.#length + count
    if (length > held.length) {
      const limit = this.#size === 0 ? HEADER : this.#size
      held = Buffer.allocUnsafeSlow(Math.max(length, Math.min(length * 2, limit)))
      this.#held!.copy(held, 0, 0, this.#length)
      this.#held = held
    }
    chunk.copy(held, this.#length, at, at + count)
    this.#length = length
  }
}

/** Bytes of the packet at `at` with its header; 0 while the header is not complete before `end`. */
function packetSize(bytes: Buffer, at: number, end: number): number {
  let length = 0
  for (let index = 1; index < HEADER; index++) {
    if (at + index >= end) return 0
    const byte = bytes[at + index]!
    length |= (byte & 0x7f) << (7 * (index - 1))
    if (byte < 0x80) return 1 + index + length
  }
  throw new ProtocolFault(Reason.MalformedPacket, 'the remaining length has more than four bytes')
}

function headerSize(bytes: Buffer, at: number): number {
  let size = 2
  while (bytes[at + size - 1]! >= 0x80) size++
  return size
}
