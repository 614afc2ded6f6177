import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Principal } from './access.ts'
import { ackId, ackReason, isAgain, isReceived, packAck, writeAcks } from './acks.ts'
import { ackPacket, connackRefused, disconnectPacket, PINGRESP } from './answers.ts'
import { FieldReader } from './field-reader.ts'
import { Framing } from './framing.ts'
import type { PacketSink } from './framing.ts'
import { shakeHands } from './handshake.ts'
import type { Sender } from './intake.ts'
import type { Parts } from './parts.ts'
import { ALLOWED, NO_PROPERTIES, Property, readProperties } from './properties.ts'
import { Level, Packet, ProtocolFault, Reason } from './protocol.ts'
import { Publishing } from './publishing.ts'
import type { Attachment, Session } from './sessions.ts'
import { subscribe, unsubscribe } from './subscribing.ts'
import type { Expiring } from './timer-wheel.ts'

/** Largest CONNECT; a will's payload is at most 64 KiB. Until then nobody has shown who they are. */
const CONNECT_BYTES = 128 * 1024

/** Above this many bytes that the client has not taken, we read nothing more from it, and it is a slow subscriber. */
const UNSENT_BYTES = 256 * 1024

/** How long a client without keep-alive may take over a packet that it began, or over reading what it was sent. */
const STALL_MS = 60_000

/** How long a closing connection may take over reading why. */
const LINGER_MS = 3000

/** Flags that a first byte must have, by packet type (MQTT 2.1.3); -1: not from a client, -2: PUBLISH, looked at later. */
const FLAGS = [-1, 0, -1, -2, 0, 0, 2, 0, 2, -1, 2, -1, 0, -1, 0, 0] as const

/** One device's connection, from the first byte to the last. */
export class Connection implements PacketSink, Sender, Attachment, Expiring {
  slot = 0
  level = 0
  clientId = ''
  window = 0
  largestOutgoing = Infinity
  keepAliveMs = 0
  principal: Principal | undefined
  session: Session | undefined
  /** When its last message came, monotonic ms; 0: none yet. */
  lastData = 0
  readonly parts: Parts
  readonly socket: Socket | TLSSocket
  readonly #framing = new Framing()
  readonly #publishing: Publishing
  #phase: 'connecting' | 'open' | 'closing' = 'connecting'
  #phaseBegan = 0
  #lastPacket = 0
  #packets = 0
  /** PUBCOMPs that the chunk being read brings about: one write for all. */
  #completions: number[] = []
  /** Came while the hub had no room. */
  #held: Buffer | undefined
  #heldByHub = false
  #heldByClient = false

  constructor(socket: Socket | TLSSocket, parts: Parts) {
    this.socket = socket
    this.parts = parts
    this.#publishing = new Publishing(this)
  }

  start(): void {
    const now = this.parts.clock.monotonic()
    this.#phaseBegan = now
    this.#lastPacket = now
    this.parts.wheel.add(this, now)
    this.socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.socket.on('drain', () => this.#drained())
    // What went wrong with the socket is told by its closing, which always follows.
    this.socket.on('error', () => {})
    this.socket.on('close', () => this.#gone())
  }

  get open(): boolean {
    return this.#phase !== 'closing'
  }

  /** Whether it has said who it is. */
  get connected(): boolean {
    return this.#phase === 'open'
  }

  /** CONNECT was accepted. */
  opened(): void {
    this.#phase = 'open'
    this.parts.wheel.hasten(this, this.parts.clock.monotonic())
  }

  admit(first: number, size: number): void {
    const type = first >> 4
    if (this.level === 0) {
      if (first !== Packet.CONNECT << 4)
        throw new ProtocolFault(Reason.ProtocolError, 'the first packet is not CONNECT')
      if (size > CONNECT_BYTES) throw new ProtocolFault(Reason.PacketTooLarge, `CONNECT has ${size} bytes`)
      return
    }
    const flags = FLAGS[type]!
    if (flags !== -2 && flags !== (first & 0xf)) {
      throw new ProtocolFault(flags === -1 ? Reason.ProtocolError : Reason.MalformedPacket, `first byte is ${first}`)
    }
    if (size > this.parts.limits.packetBytes) {
      throw new ProtocolFault(Reason.PacketTooLarge, `a packet has ${size} bytes`)
    }
  }

  packet(bytes: Buffer, first: number, start: number, end: number): void {
    this.#packets++
    if (first >> 4 === Packet.PUBLISH) this.#publishing.publish(bytes, first, start, end)
    else this.#control(first >> 4, new FieldReader(bytes, start, end))
  }

  send(bytes: Buffer): void {
    if (!this.open) return
    this.parts.corks.gather(this.socket)
    this.socket.write(bytes)
    if (this.#heldByClient || this.keepsUp) return
    this.#heldByClient = true
    this.socket.pause()
  }

  get keepsUp(): boolean {
    return this.socket.writableLength < UNSENT_BYTES
  }

  settle(acks: readonly number[]): void {
    if (!this.connected || acks.length === 0) return
    this.#publishing.answered(acks)
    this.send(writeAcks(acks, this.level))
  }

  abandon(acks: readonly number[], error: Error): void {
    const { session } = this
    for (const ack of acks) {
      if (isReceived(ack) && !isAgain(ack) && ackReason(ack) === 0) session?.received.delete(ackId(ack))
    }
    // A later connection of this session may wait for the same message, believing it handed over.
    session?.attachment?.refused(error)
    this.refused(error)
  }

  refused(error: Error): void {
    if (this.open)
      this.parts.logger.warn('closing a connection: the log refused its messages', { client: this.clientId, error })
    this.close(Reason.ImplementationError)
  }

  takenOver(): void {
    this.close(Reason.SessionTakenOver)
  }

  tooSlow(): void {
    this.close(Reason.QuotaExceeded)
  }

  abort(): void {
    // TLS has its own socket below, out of reach here: it can only be closed.
    if ('encrypted' in this.socket) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  block(): void {
    if (this.#heldByHub || !this.open) return
    this.#heldByHub = true
    this.socket.pause()
    this.parts.intake.blocked(this, 0)
  }

  unblock(): void {
    const held = this.#held
    this.#held = undefined
    this.#heldByHub = false
    this.#lastPacket = this.parts.clock.monotonic()
    if (held !== undefined) {
      this.parts.intake.released(held.length)
      this.#read(held)
    }
    if (!this.#heldByHub && !this.#heldByClient) this.socket.resume()
  }

  deadline(now: number): number {
    if (this.#phase === 'connecting') return this.#phaseBegan + this.parts.limits.connectTimeout
    if (this.#phase === 'closing') return this.#phaseBegan + LINGER_MS
    // [MQTT-3.1.2-22] one and a half times the keep-alive; while we do not read, the client is not at fault.
    if (this.#heldByHub) return now + STALL_MS
    if (this.keepAliveMs > 0) return this.#lastPacket + this.keepAliveMs * 1.5
    return this.#framing.waiting || this.#heldByClient ? this.#lastPacket + STALL_MS : Infinity
  }

  expire(): void {
    if (this.#phase === 'closing') this.socket.destroy()
    else this.close(Reason.KeepAliveTimeout)
  }

  /** Says why, where the client's version can hear it, and closes. */
  close(reason: number): void {
    if (!this.open) return
    this.parts.closed(reason)
    this.parts.logger.debug('closing a connection', { client: this.clientId, reason })
    if (this.level !== Level.V5) this.end()
    else this.end(this.connected ? disconnectPacket(reason) : connackRefused(reason))
  }

  /** Closes with these last bytes. What still comes is thrown away until the client has closed too, or lingered. */
  end(last?: Buffer): void {
    if (!this.open) return
    this.#phase = 'closing'
    this.#phaseBegan = this.parts.clock.monotonic()
    this.#leave()
    this.parts.wheel.hasten(this, this.#phaseBegan)
    if (last === undefined) this.socket.end()
    else this.socket.end(last)
    this.socket.resume()
  }

  #receive(chunk: Buffer): void {
    if (!this.open) return
    if (!this.parts.intake.full) {
      this.#read(chunk)
      return
    }
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    this.block()
    this.parts.intake.blocked(this, chunk.length)
  }

  #read(chunk: Buffer): void {
    const before = this.#packets
    const now = this.parts.clock.monotonic()
    this.#publishing.time = this.parts.clock.now()
    this.#publishing.now = now
    try {
      this.#framing.push(chunk, this)
    } catch (error) {
      this.#fault(error)
      return
    }
    if (this.#packets !== before) this.#lastPacket = now
    if (this.#completions.length > 0) {
      this.send(writeAcks(this.#completions, this.level))
      this.#completions = []
    }
    if (this.parts.intake.full) this.block()
  }

  #fault(error: unknown): void {
    if (error instanceof ProtocolFault) {
      this.parts.logger.debug('a client broke the protocol', { client: this.clientId, fault: error.message })
      this.close(error.reason)
      return
    }
    // Our bug, and whatever it is it harms this connection only.
    this.parts.logger.error('cannot handle a packet', { client: this.clientId, error })
    this.close(Reason.UnspecifiedError)
  }

  #control(type: number, fields: FieldReader): void {
    if (this.level === 0) {
      shakeHands(this, fields)
      return
    }
    switch (type) {
      case Packet.SUBSCRIBE:
        return subscribe(this, fields)
      case Packet.UNSUBSCRIBE:
        return unsubscribe(this, fields)
      case Packet.PINGREQ:
        wantEnd(fields)
        return this.send(PINGRESP)
      case Packet.DISCONNECT:
        return this.#disconnect(fields)
      case Packet.PUBACK:
      case Packet.PUBREC:
      case Packet.PUBREL:
      case Packet.PUBCOMP:
        return this.#acknowledged(type, fields)
      default:
        throw new ProtocolFault(Reason.ProtocolError, `packet type ${type} may not come now`)
    }
  }

  #acknowledged(type: number, fields: FieldReader): void {
    const { id, reason } = readAck(fields, this.level)
    if (type === Packet.PUBACK) this.session!.started?.acknowledged(id, reason, this, this.parts.clock.monotonic())
    if (type === Packet.PUBREL) {
      const known = this.session!.received.delete(id)
      if (known) this.#publishing.released()
      this.#completions.push(packAck(Packet.PUBCOMP, id, known ? Reason.Success : Reason.PacketIdNotFound))
    }
    // We never send QoS 2, so no id of ours can be received: the client is told to release it.
    if (type === Packet.PUBREC) this.send(ackPacket(Packet.PUBREL, id, this.level, Reason.PacketIdNotFound))
  }

  #disconnect(fields: FieldReader): void {
    if (this.level === Level.V5 && fields.left > 0) {
      fields.byte()
      const properties = fields.left > 0 ? readProperties(fields, ALLOWED.disconnect) : NO_PROPERTIES
      const expiry = properties.get(Property.SessionExpiry)
      if (expiry !== undefined) this.#changeExpiry(expiry)
    }
    wantEnd(fields)
    this.end()
  }

  #changeExpiry(seconds: number): void {
    const session = this.session!
    // [MQTT-3.14.2-2] a session that was to end with its connection cannot be prolonged at the end.
    if (session.expiryMs === 0 && seconds > 0) {
      throw new ProtocolFault(Reason.ProtocolError, 'DISCONNECT prolongs a session that was to end')
    }
    session.expiryMs = Math.min(seconds * 1000, this.parts.limits.sessionExpiry)
  }

  #drained(): void {
    this.#heldByClient = false
    if (!this.#heldByHub) this.socket.resume()
    if (this.connected) this.session?.started?.pump(this, this.parts.clock.monotonic())
  }

  #leave(): void {
    this.parts.intake.forget(this)
    if (this.#held !== undefined) this.parts.intake.released(this.#held.length)
    this.#held = undefined
    if (this.session !== undefined) this.parts.sessions.leave(this.session, this)
  }

  #gone(): void {
    this.#phase = 'closing'
    this.#leave()
    this.parts.wheel.remove(this)
    this.parts.connections.delete(this)
  }
}

/** Id and reason of a PUBACK, PUBREC, PUBREL or PUBCOMP; of 5 with its properties checked (3.4.2). */
function readAck(fields: FieldReader, level: number): { readonly id: number; readonly reason: number } {
  const id = fields.uint16()
  if (id === 0) throw new ProtocolFault(Reason.ProtocolError, 'a packet id is 0')
  let reason: number = Reason.Success
  if (level === Level.V5 && fields.left > 0) {
    reason = fields.byte()
    if (fields.left > 0) readProperties(fields, ALLOWED.ack)
  }
  wantEnd(fields)
  return { id, reason }
}

function wantEnd(fields: FieldReader): void {
  if (fields.left > 0) throw new ProtocolFault(Reason.MalformedPacket, 'a packet is longer than its fields')
}
