import { subscriptionAck } from './answers.ts'
import type { Connection } from './connection.ts'
import type { FieldReader } from './field-reader.ts'
import { ALLOWED, Property, readProperties } from './properties.ts'
import { Level, Packet, ProtocolFault, Reason } from './protocol.ts'
import type { Wish } from './subscriptions.ts'
import { filterFault, isShared } from './topic-filter.ts'

/** Most filters of one packet; nobody needs them all at once. */
const MOST_FILTERS = 1024

/** SUBSCRIBE (MQTT 3.8). @throws ProtocolFault. */
export function subscribe(connection: Connection, fields: FieldReader): void {
  const id = readId(fields)
  if (connection.level === Level.V5 && readProperties(fields, ALLOWED.subscribe).has(Property.SubscriptionId)) {
    throw new ProtocolFault(Reason.SubscriptionIdsNotSupported, 'SUBSCRIBE has a subscription id')
  }
  const wanted = readAll(fields, () => ({ filter: fields.text(), wish: readWish(fields, connection.level) }))
  const codes = wanted.map(({ filter, wish }) => grant(connection, filter, wish))
  // 3.1.1 knows one way to say no.
  const answers = connection.level === Level.V5 ? codes : codes.map((code) => Math.min(code, Reason.UnspecifiedError))
  connection.send(subscriptionAck(Packet.SUBACK, id, connection.level, answers))
}

/** UNSUBSCRIBE (MQTT 3.10). @throws ProtocolFault. */
export function unsubscribe(connection: Connection, fields: FieldReader): void {
  const id = readId(fields)
  if (connection.level === Level.V5) readProperties(fields, ALLOWED.unsubscribe)
  const filters = readAll(fields, () => fields.text())
  const codes = filters.map((filter) => revoke(connection, filter))
  connection.send(subscriptionAck(Packet.UNSUBACK, id, connection.level, connection.level === Level.V5 ? codes : []))
}

function readId(fields: FieldReader): number {
  const id = fields.uint16()
  if (id === 0) throw new ProtocolFault(Reason.ProtocolError, 'a packet id is 0')
  return id
}

/** All entries of the payload: at least one [MQTT-3.8.3-2]. */
function readAll<T>(fields: FieldReader, read: () => T): T[] {
  if (fields.left === 0) throw new ProtocolFault(Reason.ProtocolError, 'the packet has no filter')
  const all: T[] = []
  while (fields.left > 0) {
    if (all.length === MOST_FILTERS) {
      throw new ProtocolFault(Reason.QuotaExceeded, `the packet has more than ${MOST_FILTERS} filters`)
    }
    all.push(read())
  }
  return all
}

function readWish(fields: FieldReader, level: number): Wish {
  const options = fields.byte()
  const qos = options & 3
  const reserved = level === Level.V5 ? 0xc0 : 0xfc
  if (qos === 3 || (options & reserved) !== 0 || (options & 0x30) === 0x30) {
    throw new ProtocolFault(Reason.MalformedPacket, `the options of a subscription are ${options}`)
  }
  // QoS 2 is granted as 1.
  return { qos: Math.min(qos, 1), noLocal: (options & 4) !== 0 }
}

/** The code of one filter: the QoS granted, or why not. */
function grant(connection: Connection, filter: string, wish: Wish): number {
  const { parts, principal } = connection
  const session = connection.session!
  if (filterFault(filter) !== undefined) return Reason.TopicFilterInvalid
  if (isShared(filter)) return Reason.SharedSubscriptionsNotSupported
  if (!principal!.maySubscribe(filter)) return Reason.NotAuthorized
  if (!session.wishes.has(filter) && session.wishes.size >= parts.limits.subscriptions) return Reason.QuotaExceeded
  session.wishes.set(filter, wish)
  parts.subscriptions.add(session, filter, wish)
  return wish.qos
}

function revoke(connection: Connection, filter: string): number {
  const session = connection.session!
  if (!session.wishes.delete(filter)) return Reason.NoSubscriptionExisted
  connection.parts.subscriptions.remove(session, filter)
  return Reason.Success
}
