import { FieldReader } from './field-reader.ts'
import { ProtocolFault, Reason } from './protocol.ts'

/** Properties of MQTT 5 (clause 2.2.2.2) that mean something here. */
export const Property = {
  PayloadFormat: 0x01,
  MessageExpiry: 0x02,
  ContentType: 0x03,
  ResponseTopic: 0x08,
  CorrelationData: 0x09,
  SubscriptionId: 0x0b,
  SessionExpiry: 0x11,
  AssignedClientId: 0x12,
  ServerKeepAlive: 0x13,
  AuthenticationMethod: 0x15,
  AuthenticationData: 0x16,
  RequestProblem: 0x17,
  WillDelay: 0x18,
  RequestResponse: 0x19,
  ReasonString: 0x1f,
  ReceiveMaximum: 0x21,
  TopicAliasMaximum: 0x22,
  TopicAlias: 0x23,
  RetainAvailable: 0x25,
  UserProperty: 0x26,
  MaximumPacketSize: 0x27,
  SubscriptionIdsAvailable: 0x29,
  SharedAvailable: 0x2a,
} as const

type Shape = 'flag' | 'uint16' | 'uint32' | 'varint' | 'text' | 'binary' | 'pair'

const SHAPES = new Map<number, Shape>([
  [Property.PayloadFormat, 'flag'],
  [Property.MessageExpiry, 'uint32'],
  [Property.ContentType, 'text'],
  [Property.ResponseTopic, 'text'],
  [Property.CorrelationData, 'binary'],
  [Property.SubscriptionId, 'varint'],
  [Property.SessionExpiry, 'uint32'],
  [Property.AuthenticationMethod, 'text'],
  [Property.AuthenticationData, 'binary'],
  [Property.RequestProblem, 'flag'],
  [Property.WillDelay, 'uint32'],
  [Property.RequestResponse, 'flag'],
  [Property.ReasonString, 'text'],
  [Property.ReceiveMaximum, 'uint16'],
  [Property.TopicAliasMaximum, 'uint16'],
  [Property.TopicAlias, 'uint16'],
  [Property.UserProperty, 'pair'],
  [Property.MaximumPacketSize, 'uint32'],
])

const WILL = [
  Property.PayloadFormat,
  Property.MessageExpiry,
  Property.ContentType,
  Property.ResponseTopic,
  Property.CorrelationData,
  Property.UserProperty,
]

/** Which properties a client's packet may carry; every other one is a protocol error. */
export const ALLOWED = {
  connect: new Set<number>([
    Property.SessionExpiry,
    Property.AuthenticationMethod,
    Property.AuthenticationData,
    Property.RequestProblem,
    Property.RequestResponse,
    Property.ReceiveMaximum,
    Property.TopicAliasMaximum,
    Property.UserProperty,
    Property.MaximumPacketSize,
  ]),
  will: new Set<number>([...WILL, Property.WillDelay]),
  publish: new Set<number>([...WILL, Property.TopicAlias, Property.SubscriptionId]),
  subscribe: new Set<number>([Property.SubscriptionId, Property.UserProperty]),
  unsubscribe: new Set<number>([Property.UserProperty]),
  ack: new Set<number>([Property.ReasonString, Property.UserProperty]),
  disconnect: new Set<number>([Property.SessionExpiry, Property.ReasonString, Property.UserProperty]),
} as const

/** What a packet's properties say: numbers by id; texts and bytes have been checked and count as 1. */
export type Properties = ReadonlyMap<number, number>

export const NO_PROPERTIES: Properties = new Map()

/**
 * Reads and checks the properties of a packet.
 * @throws ProtocolFault malformed where lengths lie, protocol error for an unknown, misplaced or repeated property.
 */
export function readProperties(from: FieldReader, allowed: ReadonlySet<number>): Properties {
  const length = from.varint()
  if (length === 0) return NO_PROPERTIES
  const fields = section(from, length)
  const found = new Map<number, number>()
  while (fields.left > 0) {
    const id = fields.varint()
    const shape = SHAPES.get(id)
    if (shape === undefined || !allowed.has(id)) {
      throw new ProtocolFault(
        shape === undefined ? Reason.MalformedPacket : Reason.ProtocolError,
        `property 0x${id.toString(16)} does not belong into this packet`,
      )
    }
    if (found.has(id) && id !== Property.UserProperty) {
      throw new ProtocolFault(Reason.ProtocolError, `property 0x${id.toString(16)} is there twice`)
    }
    found.set(id, checked(id, readValue(fields, id, shape)))
  }
  return found
}

/**
 * The properties of a PUBLISH that a subscriber gets too, unaltered [MQTT-3.3.2-4, -15, -16, -17, -18]: all but alias
 * and expiry. `bytes` has been read by `readProperties` and begins with the length; the answer has none.
 */
export function forwarded(bytes: Buffer): Buffer {
  const fields = new FieldReader(bytes, 0, bytes.length)
  fields.varint()
  const kept: Buffer[] = []
  while (fields.left > 0) {
    const from = fields.at
    const id = fields.varint()
    readValue(fields, id, SHAPES.get(id)!)
    if (id !== Property.TopicAlias && id !== Property.MessageExpiry) kept.push(bytes.subarray(from, fields.at))
  }
  return Buffer.concat(kept)
}

/** The correlation data of a PUBLISH, as text; `bytes` as in `forwarded`. Undefined where there is none. */
export function correlationOf(bytes: Buffer): string | undefined {
  return propertyOf(bytes, Property.CorrelationData, (fields) => fields.binary().toString('utf8'))
}

/** The topic that an answer to a PUBLISH is wanted at. */
export function responseTopicOf(bytes: Buffer): string | undefined {
  return propertyOf(bytes, Property.ResponseTopic, (fields) => fields.text())
}

function propertyOf(bytes: Buffer, wanted: number, read: (fields: FieldReader) => string): string | undefined {
  if (bytes.length <= 1) return undefined
  const fields = new FieldReader(bytes, 0, bytes.length)
  fields.varint()
  while (fields.left > 0) {
    const id = fields.varint()
    if (id === wanted) return read(fields)
    readValue(fields, id, SHAPES.get(id)!)
  }
  return undefined
}

/** Properties of a command, as `forwarded` has them: JSON, and where an answer goes, with what it is told by. */
export function commandProperties(reply: string | undefined, id: string, correlation?: string): Buffer {
  const json = Buffer.concat([
    Buffer.from([Property.PayloadFormat, 1]),
    field(Property.ContentType, 'application/json'),
  ])
  if (reply === undefined)
    return correlation === undefined ? json : Buffer.concat([json, field(Property.CorrelationData, correlation)])
  return Buffer.concat([json, field(Property.ResponseTopic, reply), field(Property.CorrelationData, id)])
}

function field(id: number, text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([id, bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function section(from: FieldReader, length: number): FieldReader {
  if (length > from.left) throw new ProtocolFault(Reason.MalformedPacket, 'the properties end beyond their packet')
  const fields = new FieldReader(from.bytes, from.at, from.at + length)
  from.at += length
  return fields
}

function readValue(fields: FieldReader, id: number, shape: Shape): number {
  switch (shape) {
    case 'flag':
      return fields.byte()
    case 'uint16':
      return fields.uint16()
    case 'uint32':
      return fields.uint32()
    case 'varint':
      return fields.varint()
    case 'text': {
      const text = fields.text()
      if (id === Property.ResponseTopic && /[+#]/.test(text)) {
        throw new ProtocolFault(Reason.ProtocolError, 'the response topic has a wildcard')
      }
      return 1
    }
    case 'binary':
      fields.binary()
      return 1
    case 'pair':
      fields.text()
      fields.text()
      return 1
    default:
      return shape satisfies never
  }
}

const FLAGS: readonly number[] = [Property.PayloadFormat, Property.RequestProblem, Property.RequestResponse]
const NEVER_ZERO: readonly number[] = [Property.ReceiveMaximum, Property.MaximumPacketSize, Property.SubscriptionId]

function checked(id: number, value: number): number {
  if (FLAGS.includes(id) && value > 1) {
    throw new ProtocolFault(Reason.ProtocolError, `property 0x${id.toString(16)} is ${value}, want 0 or 1`)
  }
  if (NEVER_ZERO.includes(id) && value === 0) {
    throw new ProtocolFault(Reason.ProtocolError, `property 0x${id.toString(16)} is 0, want at least 1`)
  }
  return value
}
