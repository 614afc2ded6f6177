import { ackReason, isReceived, packAck } from './acks.ts'
import type { Message } from './answers.ts'
import type { Connection } from './connection.ts'
import { FieldReader } from './field-reader.ts'
import { ALLOWED, correlationOf, forwarded, NO_PROPERTIES, Property, readProperties } from './properties.ts'
import type { Properties } from './properties.ts'
import { Level, Packet, ProtocolFault, Reason } from './protocol.ts'
import { isTopic } from './topic-table.ts'
import type { TopicEntry } from './topic-table.ts'

const NOTHING = Buffer.alloc(0)

/**
 * The hot path: PUBLISH of one connection, from bytes to items of the open batch, without making anything on the way
 * that the batch does not keep.
 */
export class Publishing {
  /** When the bytes came that are being read: wall time, and monotonic. */
  time = 0
  now = 0
  readonly #connection: Connection
  /** The topic published to last: devices mostly have one. */
  #recent: TopicEntry | undefined
  #aliases: (TopicEntry | undefined)[] | undefined
  /** Messages of QoS 1 and 2 that the client counts against our receive maximum. */
  #unanswered = 0
  /** The batch that `#acks` belongs to. */
  #tick: object | undefined
  #acks: number[] = []

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** One PUBLISH, its fields between `start` and `end`. @throws ProtocolFault. */
  publish(bytes: Buffer, first: number, start: number, end: number): void {
    const qos = (first >> 1) & 3
    const level = this.#connection.level
    if (qos === 3 || (qos === 0 && (first & 8) !== 0)) {
      throw new ProtocolFault(Reason.MalformedPacket, 'the QoS is 3, or DUP is set at QoS 0')
    }
    // [MQTT-3.2.2-14] 5 was told that nothing is retained; 3.1.1 cannot be told, its message counts as any other.
    if ((first & 1) !== 0 && level === Level.V5) throw new ProtocolFault(Reason.RetainNotSupported, 'RETAIN is set')
    const topicStart = start + 2
    const topicEnd = topicStart + ((bytes[start]! << 8) | bytes[start + 1]!)
    let at = qos === 0 ? topicEnd : topicEnd + 2
    if (end < topicStart || at > end)
      throw new ProtocolFault(Reason.MalformedPacket, 'PUBLISH is shorter than its topic')
    const id = qos === 0 ? 0 : (bytes[topicEnd]! << 8) | bytes[topicEnd + 1]!
    if (qos > 0 && id === 0) throw new ProtocolFault(Reason.ProtocolError, 'a packet id is 0')
    let properties = NO_PROPERTIES
    const propertiesStart = at
    if (level === Level.V5) {
      if (bytes[at] === 0 && at < end) at++
      else {
        const fields = new FieldReader(bytes, at, end)
        properties = readPublishProperties(fields)
        at = fields.at
      }
    }
    const entry = this.#topic(bytes, topicStart, topicEnd, properties)
    if (qos > 0 && !this.#expects(qos, id, entry)) return
    const payload = bytes.subarray(at, end)
    const { parts } = this.#connection
    this.#connection.lastData = this.now
    if (entry.isReply) {
      parts.replies.came(payload, correlationOf(bytes.subarray(propertiesStart, at)), this.#connection.session)
    }
    if (entry.isRequest) {
      // The bytes of a chunk are of the batch; whoever decides may take longer.
      const raw = Buffer.from(bytes.subarray(propertiesStart, at))
      parts.requests.came(entry.topic, Buffer.from(payload), raw, this.#connection, (first & 8) !== 0)
    }
    parts.intake.add(entry.items(payload, this.time), end - start, this.time, this.now)
    if (entry.allowed && !entry.isRequest && parts.delivery.wanted(entry.topic)) {
      this.#forward(entry, payload, qos, bytes.subarray(propertiesStart, at))
    }
  }

  /** These acknowledgements go out now. */
  answered(acks: readonly number[]): void {
    let done = 0
    for (const ack of acks) {
      // After a good PUBREC the message counts until PUBCOMP (MQTT 5, 4.9).
      if (!isReceived(ack) || ackReason(ack) !== Reason.Success) done++
    }
    this.#unanswered -= done
  }

  /** A PUBCOMP goes out. */
  released(): void {
    // What was sent on an earlier connection of the session was not counted on this one.
    if (this.#unanswered > 0) this.#unanswered--
  }

  #topic(bytes: Buffer, start: number, end: number, properties: Properties): TopicEntry {
    const alias = properties === NO_PROPERTIES ? undefined : properties.get(Property.TopicAlias)
    if (alias === undefined) return this.#find(bytes, start, end)
    if (alias === 0 || alias > this.#connection.parts.limits.topicAliases) {
      throw new ProtocolFault(Reason.TopicAliasInvalid, `topic alias is ${alias}`)
    }
    if (start < end) {
      this.#aliases ??= []
      const entry = this.#find(bytes, start, end)
      this.#aliases[alias] = entry
      return entry
    }
    const entry = this.#aliases?.[alias]
    if (entry === undefined) throw new ProtocolFault(Reason.ProtocolError, `topic alias ${alias} has not been set`)
    return entry
  }

  #find(bytes: Buffer, start: number, end: number): TopicEntry {
    const { principal, parts, level } = this.#connection
    if (start === end && level === Level.V5) throw new ProtocolFault(Reason.ProtocolError, 'neither topic nor alias')
    if (this.#recent === undefined || !isTopic(this.#recent, bytes, start, end)) {
      this.#recent = parts.topics.find(bytes, start, end, principal!)
    }
    return this.#recent
  }

  /** Notes the acknowledgement that is due. False: a QoS 2 message that was handed over before. */
  #expects(qos: number, id: number, entry: TopicEntry): boolean {
    const { level, parts, session } = this.#connection
    if (++this.#unanswered > parts.limits.receiveMaximum && level === Level.V5) {
      throw new ProtocolFault(Reason.ReceiveMaximumExceeded, `${this.#unanswered} messages are unacknowledged`)
    }
    if (this.#tick !== parts.intake.tick) {
      this.#acks = parts.intake.acksOf(this.#connection)
      this.#tick = parts.intake.tick
    }
    const reason = entry.allowed ? Reason.Success : Reason.NotAuthorized
    if (qos === 1) {
      this.#acks.push(packAck(Packet.PUBACK, id, reason))
      return true
    }
    const again = session!.received.has(id)
    this.#acks.push(packAck(Packet.PUBREC, id, again ? Reason.Success : reason, again))
    // A PUBREC that says no frees the id (MQTT 5, 4.3.3); 3.1.1 has no such PUBREC and releases it as always.
    if (!again && (entry.allowed || level !== Level.V5)) session!.received.add(id)
    return !again
  }

  /** `raw`: the properties with their length; empty in 3.1.1. */
  #forward(entry: TopicEntry, payload: Buffer, qos: number, raw: Buffer): void {
    const { parts, session } = this.#connection
    const fields = new FieldReader(raw, 0, raw.length)
    const expiry = raw.length > 1 ? readProperties(fields, ALLOWED.publish).get(Property.MessageExpiry) : undefined
    const message: Message = {
      topic: entry.bytes,
      // The bytes of a connection's chunk live as long as the batch; a subscriber may take longer.
      payload: Buffer.from(payload),
      qos,
      properties: raw.length > 1 ? forwarded(raw) : NOTHING,
      expiresAt: expiry === undefined ? Infinity : this.now + expiry * 1000,
    }
    parts.intake.afterDurable(() => void parts.delivery.deliver(entry.topic, message, session))
  }
}

function readPublishProperties(fields: FieldReader): Properties {
  const properties = readProperties(fields, ALLOWED.publish)
  // [MQTT-3.3.4-6] a client does not send subscription ids.
  if (properties.has(Property.SubscriptionId)) {
    throw new ProtocolFault(Reason.ProtocolError, 'a client sent a subscription id')
  }
  return properties
}
