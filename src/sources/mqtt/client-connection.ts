import type * as mqtt from 'mqtt'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../system/clock.ts'
import { refusalOf } from './client-refusal.ts'

/** How long the broker may take to accept the TCP connection and to answer CONNECT. */
const CONNECT_MS = 10_000

/** How long the broker may take to close a connection that we leave. */
const LEAVE_MS = 2_000

/** Reason of an acknowledgement: nobody has subscribed to the topic (MQTT 5, 2.4). */
export const NOBODY = 0x10

/** A message of the broker. */
export interface Arrival {
  readonly topic: string
  readonly payload: Uint8Array
  /** It was retained by the broker and comes because we subscribed. */
  readonly retained: boolean
  /** Packet identifier that PUBACK names; 0: QoS 0, nobody waits. */
  readonly id: number
  /** Correlation data of MQTT 5, as text. */
  readonly correlation?: string
}

/** A message to the broker. */
export interface Departure {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly properties: NonNullable<mqtt.IClientPublishOptions['properties']>
}

/** What the broker says to one: the reason of its acknowledgement, 0 at QoS 0; or that none came. */
export type Handed = { readonly reason: number } | 'not-sent' | 'lost'

/** Why a connection ended. `fatal`: it takes a person; trying again soon is no use. */
export interface Ending {
  readonly reason: string
  readonly fatal: boolean
}

export interface ConnectionOptions {
  readonly library: typeof mqtt
  readonly clock: Clock
  readonly connect: mqtt.IClientOptions
  /** Topic filters to subscribe to at QoS 1. */
  readonly filters: readonly string[]
  /** Subscribe also where the broker still has our session. */
  readonly resubscribe: boolean
}

export interface ConnectionListener {
  /** Connected and subscribed; the broker refused these filters, each with its reason. */
  ready(refused: readonly { readonly name: string; readonly reason: string }[]): void
  /** A message. False: there is no room for another; nothing more is read from the broker until `resume`. */
  arrived(arrival: Arrival): boolean
}

/**
 * One connection to a broker, over MQTT.js, which acknowledges a message when its `handleMessage` calls back, and hands
 * over the next one only then: one at a time. So the callback is called at once, with an error, which makes MQTT.js go on
 * without acknowledging; the PUBACKs are ours, sent once the messages are durable, in the order in which they came
 * [MQTT-4.6.0-2]. Messages come at QoS 1 at the most, since that is what is subscribed to.
 */
export class BrokerConnection {
  readonly #options: ConnectionOptions
  readonly #listener: ConnectionListener
  #client: mqtt.MqttClient | undefined
  #ending: Ending | undefined
  #ended = false
  #goOn: (() => void) | undefined
  #pings: Timer | undefined
  /** What was published and not acknowledged. */
  readonly #underWay = new Set<(handed: Handed) => void>()
  /** Packet ids of what nobody had subscribed to. */
  readonly #unheard = new Set<number>()
  #listens = false

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options
    this.#listener = listener
  }

  /** Connects; resolves when the connection has ended, whatever ended it. Called once. */
  run(): Promise<Ending> {
    const { library, connect } = this.#options
    return new Promise((resolve) => {
      const client = library.connect({ ...connect, clean: false, reconnectPeriod: 0, connectTimeout: CONNECT_MS })
      this.#client = client
      client.handleMessage = (packet, callback) => this.#arrived(packet, callback)
      client.on('connect', (connack) => this.#connected(client, connack.sessionPresent))
      client.on('disconnect', (packet) => this.#note(refusalOf(packet.reasonCode)))
      client.on('error', (error) => this.#note(refusalOf(error)))
      client.on('close', () => {
        if (this.#ended) return
        this.#ended = true
        this.#pings?.cancel()
        for (const resolve of this.#underWay) resolve('lost')
        client.end(true)
        resolve(this.#ending ?? { reason: 'the broker closed the connection', fatal: false })
      })
    })
  }

  /**
   * Publishes once: what the broker has not acknowledged when the connection ends is not sent again, because the next
   * connection begins with an empty store.
   */
  publish({ topic, payload, qos, properties }: Departure): Promise<Handed> {
    const client = this.#client
    // A client that is not connected would keep the message and send it later; bytes that wait would wait with it.
    if (client?.connected !== true || this.#ended || client.stream.writableLength > 0)
      return Promise.resolve('not-sent')
    return new Promise((resolve) => {
      this.#underWay.add(resolve)
      if (qos > 0) this.#listenForNobody(client)
      client.publish(topic, payload, { qos, properties }, (error, packet) => {
        this.#underWay.delete(resolve)
        const code = (error as { code?: unknown } | undefined)?.code
        if (typeof code === 'number') resolve({ reason: code })
        else if (error) resolve('lost')
        else resolve({ reason: this.#unheard.delete(packet?.messageId ?? 0) ? NOBODY : 0 })
      })
    })
  }

  /** MQTT.js keeps to itself that a broker says that nobody has subscribed (MQTT 5, 3.4.2.1). */
  #listenForNobody(client: mqtt.MqttClient): void {
    if (this.#listens) return
    this.#listens = true
    client.on('packetreceive', (packet) => {
      const isAck = packet.cmd === 'puback' || packet.cmd === 'pubrec'
      if (isAck && packet.reasonCode === NOBODY) this.#unheard.add(packet.messageId!)
    })
  }

  /** Acknowledges messages, in this order; does nothing where the connection has ended, the broker sends them again. */
  acknowledge(ids: readonly number[]): void {
    if (this.#ended || ids.length === 0) return
    // PUBACK without reason code and properties is the same in 3.1.1 and 5 [MQTT5 3.4.2.1]; one write for all of them.
    const packets = Buffer.allocUnsafe(ids.length * 4)
    ids.forEach((id, index) => packets.writeUInt32BE((0x4002_0000 | id) >>> 0, index * 4))
    this.#client!.stream.write(packets)
  }

  /** There is room again. */
  resume(): void {
    const goOn = this.#goOn
    if (goOn === undefined) return
    this.#goOn = undefined
    this.#pings?.cancel()
    goOn()
  }

  /** Ends at once, without DISCONNECT. */
  drop(reason: string): void {
    this.#note({ reason, fatal: false })
    this.#client?.stream.destroy()
  }

  /** The same, and what lies in buffers is thrown away. */
  abort(reason: string): void {
    this.#note({ reason, fatal: false })
    const stream = this.#client?.stream
    // TLS has its own socket below, out of reach here: it can only be closed.
    if (stream !== undefined && 'resetAndDestroy' in stream && !('encrypted' in stream)) {
      ;(stream as Socket).resetAndDestroy()
    } else stream?.destroy()
  }

  /** Ends after what was written has been sent, with DISCONNECT; the session stays. */
  leave(): void {
    const client = this.#client
    if (client === undefined || this.#ended) return
    this.#note({ reason: 'stopped', fatal: false })
    client.end(!client.connected)
    this.#options.clock.after(LEAVE_MS, () => client.stream.destroy())
  }

  /** Of several reasons the first is the cause. */
  #note(ending: Ending): void {
    this.#ending ??= ending
  }

  #connected(client: mqtt.MqttClient, sessionPresent: boolean): void {
    const { filters, resubscribe } = this.#options
    if (sessionPresent && !resubscribe) {
      this.#listener.ready([])
      return
    }
    // Retain handling 1: retained messages come with a new subscription only (MQTT 5; in 3.1.1 they always come).
    const wanted = Object.fromEntries(filters.map((filter) => [filter, { qos: 1 as const, rh: 1 }]))
    client.subscribe(wanted, (error, _granted, packet) => {
      const codes = packet?.granted
      if (codes === undefined) this.#fail(`Cannot subscribe: ${error?.message ?? 'the broker did not answer'}`, false)
      else this.#subscribed(codes.map(Number))
    })
  }

  #subscribed(codes: readonly number[]): void {
    const { filters } = this.#options
    const refused = filters.flatMap((name, index) =>
      codes[index]! >= 0x80 ? [{ name, reason: `Cannot subscribe: ${refusalOf(codes[index]!).reason}` }] : [],
    )
    if (refused.length < filters.length) this.#listener.ready(refused)
    else this.#fail(`Cannot subscribe to "${refused[0]!.name}": ${refusalOf(codes[0]!).reason}`, true)
  }

  #fail(reason: string, fatal: boolean): void {
    this.#note({ reason, fatal })
    this.#client?.stream.destroy()
  }

  #arrived(packet: mqtt.IPublishPacket, callback: (error?: Error) => void): void {
    const { topic, payload, retain, qos, messageId, properties } = packet
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const id = qos === 0 ? 0 : messageId!
    const goOn = () => callback(NOT_YET)
    const data = properties?.correlationData
    const correlation = data && { correlation: data.toString('utf8') }
    if (this.#listener.arrived({ topic, payload: bytes, retained: retain, id, ...correlation })) goOn()
    else this.#stall(goOn)
  }

  /** While nothing is read, no PINGRESP is either: pings are sent from here, and MQTT.js is told that all is well. */
  #stall(goOn: () => void): void {
    this.#goOn = goOn
    this.#pings = this.#options.clock.every(((this.#options.connect.keepalive ?? 30) * 1000) / 2, () => {
      this.#client!.sendPing()
      this.#client!.reschedulePing(true)
    })
  }
}

/** What MQTT.js is told instead of "acknowledge it". */
const NOT_YET = new Error('acknowledged when durable')
