import { isUtf8 } from 'node:buffer'
import { ProtocolFault, Reason } from './protocol.ts'

/** Reads the fields of one packet in order, never past its end (MQTT 1.5). */
export class FieldReader {
  readonly bytes: Buffer
  at: number
  readonly end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  byte(): number {
    this.#want(1)
    return this.bytes[this.at++]!
  }

  uint16(): number {
    this.#want(2)
    const value = this.bytes.readUInt16BE(this.at)
    this.at += 2
    return value
  }

  uint32(): number {
    this.#want(4)
    const value = this.bytes.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  /** A variable byte integer, in its shortest form [MQTT-1.5.5-1]. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0)
          throw new ProtocolFault(Reason.MalformedPacket, 'a length is not in its shortest form')
        return value
      }
    }
    throw new ProtocolFault(Reason.MalformedPacket, 'a length has more than four bytes')
  }

  /** Binary data: a view, not a copy. */
  binary(): Buffer {
    const length = this.uint16()
    this.#want(length)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** UTF-8 text without NUL and surrogates [MQTT-1.5.4-1], [MQTT-1.5.4-2]; a BOM is kept [MQTT-1.5.4-3]. */
  text(): string {
    return decodeText(this.binary())
  }

  #want(count: number): void {
    if (this.end - this.at < count) throw new ProtocolFault(Reason.MalformedPacket, 'a field ends beyond its packet')
  }
}

/** @throws ProtocolFault malformed packet, where the bytes are not UTF-8 text that MQTT allows. */
export function decodeText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new ProtocolFault(Reason.MalformedPacket, 'a text is not UTF-8')
  if (bytes.includes(0)) throw new ProtocolFault(Reason.MalformedPacket, 'a text has a NUL')
  return bytes.toString('utf8')
}
