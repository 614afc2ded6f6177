import type { FieldReader } from './field-reader.ts'
import { ALLOWED, NO_PROPERTIES, Property, readProperties } from './properties.ts'
import type { Properties } from './properties.ts'
import { Level, ProtocolFault, Reason } from './protocol.ts'
import { topicFault } from './topic-filter.ts'

/** What a client says in CONNECT (MQTT 3.1). Its will is checked and not kept: wills are not published yet. */
export interface Connect {
  readonly level: number
  /** Clean session (3.1.1) or clean start (5). */
  readonly clean: boolean
  /** Seconds; 0: none. */
  readonly keepAlive: number
  readonly clientId: string
  readonly userName?: string
  readonly password?: Buffer
  readonly properties: Properties
}

/** A version that is not spoken here; `level` tells how to say so. */
export class VersionFault extends ProtocolFault {
  readonly level: number

  constructor(level: number) {
    super(Reason.UnsupportedVersion, `protocol level ${level} is not spoken here, want 4 (3.1.1) or 5`)
    this.name = 'VersionFault'
    this.level = level
  }
}

const Flag = {
  reserved: 0x01,
  clean: 0x02,
  will: 0x04,
  willQos: 0x18,
  willRetain: 0x20,
  password: 0x40,
  userName: 0x80,
}

/**
 * Reads the protocol's name and level, the first fields of a CONNECT.
 * @throws VersionFault where it is MQTT of another version; ProtocolFault where it is no MQTT.
 */
export function readLevel(fields: FieldReader): number {
  const name = fields.text()
  // Before 3.1.1 the protocol was called MQIsdp: those clients understand CONNACK 1.
  if (name !== 'MQTT' && name !== 'MQIsdp') {
    throw new ProtocolFault(Reason.UnsupportedVersion, 'the protocol name is not "MQTT"')
  }
  const level = fields.byte()
  if (name !== 'MQTT' || (level !== Level.V311 && level !== Level.V5)) throw new VersionFault(level)
  return level
}

/** Reads the rest of a CONNECT. @throws ProtocolFault with the reason code of the CONNACK. */
export function readConnect(fields: FieldReader, level: number): Connect {
  const flags = readFlags(fields, level)
  const keepAlive = fields.uint16()
  const properties = level === Level.V5 ? readProperties(fields, ALLOWED.connect) : NO_PROPERTIES
  if (properties.has(Property.AuthenticationData) && !properties.has(Property.AuthenticationMethod)) {
    throw new ProtocolFault(Reason.ProtocolError, 'authentication data came without a method')
  }
  const clientId = fields.text()
  if ((flags & Flag.will) !== 0) skipWill(fields, level)
  const userName = (flags & Flag.userName) === 0 ? undefined : fields.text()
  const password = (flags & Flag.password) === 0 ? undefined : fields.binary()
  if (fields.left > 0) throw new ProtocolFault(Reason.MalformedPacket, 'CONNECT is longer than its fields')
  return {
    level,
    clean: (flags & Flag.clean) !== 0,
    keepAlive,
    clientId,
    properties,
    ...(userName === undefined ? {} : { userName }),
    ...(password === undefined ? {} : { password }),
  }
}

function readFlags(fields: FieldReader, level: number): number {
  const flags = fields.byte()
  const will = (flags & Flag.will) !== 0
  const wrong =
    (flags & Flag.reserved) !== 0 ||
    (!will && (flags & (Flag.willQos | Flag.willRetain)) !== 0) ||
    (flags & Flag.willQos) === Flag.willQos ||
    // In 3.1.1 a password needs a user name [MQTT-3.1.2-22]; in 5 it may be a token on its own.
    (level === Level.V311 && (flags & Flag.password) !== 0 && (flags & Flag.userName) === 0)
  if (wrong) throw new ProtocolFault(Reason.MalformedPacket, 'the flags of CONNECT contradict each other')
  // [MQTT-3.1.2-15] on a server without retained messages a will may not ask for it.
  if (level === Level.V5 && (flags & Flag.willRetain) !== 0) {
    throw new ProtocolFault(Reason.RetainNotSupported, 'the will is to be retained, and nothing is retained here')
  }
  return flags
}

function skipWill(fields: FieldReader, level: number): void {
  if (level === Level.V5) readProperties(fields, ALLOWED.will)
  const fault = topicFault(fields.text())
  if (fault !== undefined) throw new ProtocolFault(Reason.TopicNameInvalid, `the topic of the will ${fault}`)
  fields.binary()
}
