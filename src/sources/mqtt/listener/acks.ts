import { Level, Packet, Reason } from './protocol.ts'

/**
 * Acknowledgements on their way from a PUBLISH to the wire, each in one number: packet id, type, reason code, and
 * whether the message had been handed over before.
 */
export function packAck(type: number, id: number, reason: number, again = false): number {
  return (again ? 1 << 28 : 0) | (reason << 20) | (type << 16) | id
}

export function ackId(ack: number): number {
  return ack & 0xffff
}

export function ackReason(ack: number): number {
  return (ack >> 20) & 0xff
}

/** Whether it is a PUBREC, so that its id stays taken until PUBREL. */
export function isReceived(ack: number): boolean {
  return ((ack >> 16) & 0xf) === Packet.PUBREC
}

/** Whether the message had been handed over before: then that, and not this, decides what becomes of its id. */
export function isAgain(ack: number): boolean {
  return ack >> 28 !== 0
}

/** The packets of several acknowledgements, in their order, in one buffer; only 5 has reasons (3.4.2.1). */
export function writeAcks(acks: readonly number[], level: number): Buffer {
  const bytes = Buffer.allocUnsafe(acks.length * 5)
  let at = 0
  for (const ack of acks) {
    const reason = level === Level.V5 ? ackReason(ack) : Reason.Success
    bytes[at] = ((ack >> 16) & 0xf) << 4
    bytes[at + 1] = reason === Reason.Success ? 2 : 3
    bytes[at + 2] = (ack >> 8) & 0xff
    bytes[at + 3] = ack & 0xff
    at += 4
    if (reason !== Reason.Success) bytes[at++] = reason
  }
  return bytes.subarray(0, at)
}
