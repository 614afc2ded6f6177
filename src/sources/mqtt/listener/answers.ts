import { Property } from './properties.ts'
import { Level, Packet, Reason } from './protocol.ts'

/** Packets that the server sends, as bytes. */

/** What CONNACK says about the session and about this server (MQTT 5, 3.2.2.3). */
export interface Accepted {
  readonly sessionPresent: boolean
  readonly receiveMaximum: number
  readonly maximumPacketSize: number
  readonly topicAliasMaximum: number
  /** Seconds, where it is not what the client asked for. */
  readonly sessionExpiry?: number
  readonly keepAlive?: number
  /** The id that the server chose for a client that came without one. */
  readonly clientId?: string
}

export const PINGRESP = Buffer.from([Packet.PINGRESP << 4, 0])

/** A CONNACK of 3.1.1 with its return code (table 3.1). */
export function connackV3(code: number, sessionPresent = false): Buffer {
  return Buffer.from([Packet.CONNACK << 4, 2, sessionPresent ? 1 : 0, code])
}

export function connackRefused(reason: number): Buffer {
  return Buffer.from([Packet.CONNACK << 4, 3, 0, reason, 0])
}

/** A CONNACK of 5. Retained messages, shared subscriptions and subscription ids are not there yet, and it says so. */
export function connackV5(accepted: Accepted): Buffer {
  const properties = Buffer.concat([
    uint16Property(Property.ReceiveMaximum, accepted.receiveMaximum),
    uint16Property(Property.TopicAliasMaximum, accepted.topicAliasMaximum),
    uint32Property(Property.MaximumPacketSize, accepted.maximumPacketSize),
    Buffer.from([Property.RetainAvailable, 0, Property.SubscriptionIdsAvailable, 0, Property.SharedAvailable, 0]),
    accepted.sessionExpiry === undefined ? NOTHING : uint32Property(Property.SessionExpiry, accepted.sessionExpiry),
    accepted.keepAlive === undefined ? NOTHING : uint16Property(Property.ServerKeepAlive, accepted.keepAlive),
    accepted.clientId === undefined ? NOTHING : textProperty(Property.AssignedClientId, accepted.clientId),
  ])
  const body = Buffer.concat([
    Buffer.from([accepted.sessionPresent ? 1 : 0, Reason.Success]),
    varint(properties.length),
    properties,
  ])
  return packet(Packet.CONNACK << 4, body)
}

/** PUBREL (with its reserved bits), PUBCOMP and the like; only 5 has a reason, and leaves out Success (3.4.2.1). */
export function ackPacket(type: number, id: number, level: number, reason: number = Reason.Success): Buffer {
  const first = type === Packet.PUBREL ? (type << 4) | 2 : type << 4
  if (level !== Level.V5 || reason === Reason.Success) return Buffer.from([first, 2, id >> 8, id & 0xff])
  return Buffer.from([first, 3, id >> 8, id & 0xff, reason])
}

/** SUBACK, and UNSUBACK of 5; an UNSUBACK of 3.1.1 has no codes. */
export function subscriptionAck(type: number, id: number, level: number, codes: readonly number[]): Buffer {
  const head = level === Level.V5 ? [id >> 8, id & 0xff, 0] : [id >> 8, id & 0xff]
  return packet(type << 4, Buffer.from([...head, ...codes]))
}

/** A DISCONNECT from the server: only 5 has one. */
export function disconnectPacket(reason: number): Buffer {
  return Buffer.from([Packet.DISCONNECT << 4, 1, reason])
}

/** A message on its way to subscribers. */
export interface Message {
  readonly topic: Buffer
  readonly payload: Buffer
  /** QoS it was published with. */
  readonly qos: number
  /** Properties of MQTT 5 that are forwarded unaltered; without expiry. */
  readonly properties: Buffer
  /** Monotonic ms at which it expires; Infinity: never. */
  readonly expiresAt: number
}

/** What differs from one subscriber to the next. */
export interface Delivery {
  readonly level: number
  readonly qos: number
  /** 0 at QoS 0. */
  readonly id: number
  readonly again: boolean
  /** Monotonic ms. */
  readonly now: number
}

/** A PUBLISH to a subscriber; its expiry is what is left of it [MQTT-3.3.2-6]. */
export function publishPacket(message: Message, delivery: Delivery): Buffer {
  const properties = delivery.level === Level.V5 ? outgoingProperties(message, delivery.now) : NOTHING
  const idSize = delivery.qos > 0 ? 2 : 0
  const size = 2 + message.topic.length + idSize + properties.length + message.payload.length
  const header = varint(size)
  const bytes = Buffer.allocUnsafe(1 + header.length + size)
  bytes[0] = (Packet.PUBLISH << 4) | (delivery.again ? 8 : 0) | (delivery.qos << 1)
  let at = header.copy(bytes, 1) + 1
  at = bytes.writeUInt16BE(message.topic.length, at)
  at += message.topic.copy(bytes, at)
  if (idSize > 0) at = bytes.writeUInt16BE(delivery.id, at)
  at += properties.copy(bytes, at)
  message.payload.copy(bytes, at)
  return bytes
}

function outgoingProperties(message: Message, now: number): Buffer {
  const left = Math.max(0, Math.ceil((message.expiresAt - now) / 1000))
  const expiry = message.expiresAt === Infinity ? NOTHING : uint32Property(Property.MessageExpiry, left)
  return Buffer.concat([varint(expiry.length + message.properties.length), expiry, message.properties])
}

const NOTHING = Buffer.alloc(0)

function packet(first: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([first]), varint(body.length), body])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  do {
    bytes.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
    left >>>= 7
  } while (left > 0)
  return Buffer.from(bytes)
}

function uint16Property(id: number, value: number): Buffer {
  return Buffer.from([id, value >> 8, value & 0xff])
}

function uint32Property(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(5, id)
  bytes.writeUInt32BE(value, 1)
  return bytes
}

function textProperty(id: number, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  return Buffer.concat([Buffer.from([id, bytes.length >> 8, bytes.length & 0xff]), bytes])
}
