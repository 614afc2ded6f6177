/** Protocol levels, as CONNECT carries them (MQTT 3.1.2.2). */
export const Level = { V311: 4, V5: 5 } as const

/** Control packet types: the high half of a packet's first byte (MQTT 2.1.2). */
export const Packet = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
  AUTH: 15,
} as const

/** Reason codes of MQTT 5 (clause 2.4) that are sent or read here. */
export const Reason = {
  Success: 0x00,
  GrantedQos1: 0x01,
  NoSubscriptionExisted: 0x11,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationError: 0x83,
  UnsupportedVersion: 0x84,
  ClientIdNotValid: 0x85,
  BadUserNameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  QuotaExceeded: 0x97,
  RetainNotSupported: 0x9a,
  SharedSubscriptionsNotSupported: 0x9e,
  SubscriptionIdsNotSupported: 0xa1,
} as const

const REASON_NAMES = new Map<number, string>(
  Object.entries(Reason).map(([name, code]) => [code, name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)]),
)

/** A reason's name as metrics and the log show it: `packet-too-large`. */
export function reasonName(reason: number): string {
  return REASON_NAMES.get(reason)?.slice(1) ?? `0x${reason.toString(16)}`
}

/** What a client sent breaks the protocol: its connection closes with `reason`, and nothing else happens. */
export class ProtocolFault extends Error {
  readonly code = 'MQTT_PROTOCOL'
  /** Reason code of MQTT 5, clause 2.4. */
  readonly reason: number

  constructor(reason: number, message: string) {
    super(message)
    this.name = 'ProtocolFault'
    this.reason = reason
  }
}
