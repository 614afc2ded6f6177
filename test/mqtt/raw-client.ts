import { once } from 'node:events'
import * as net from 'node:net'

/** MQTT by hand: packets as bytes, so that tests can send what no library would, and see what exactly comes back. */

export interface Received {
  readonly type: number
  readonly flags: number
  readonly body: Buffer
}

export class RawClient {
  readonly socket: net.Socket
  /** Resolves when the connection is closed, whichever way. */
  readonly closed: Promise<void>
  #bytes = Buffer.alloc(0)
  #over = false
  #wake: (() => void) | undefined

  constructor(socket: net.Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#over = true
        this.#wake?.()
        resolve()
      })
    })
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake?.()
    })
  }

  static async open(port: number): Promise<RawClient> {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  send(...packets: Uint8Array[]): void {
    this.socket.write(Buffer.concat(packets))
  }

  /** The next packet; undefined once the connection is closed. */
  async next(): Promise<Received | undefined> {
    for (;;) {
      const packet = this.#take()
      if (packet !== undefined) return packet
      if (this.#over) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** What has come and not been taken. */
  get unread(): number {
    return this.#bytes.length
  }

  end(): void {
    this.socket.destroy()
  }

  #take(): Received | undefined {
    let length = 0
    for (let index = 1; index < 5; index++) {
      const byte = this.#bytes[index]
      if (byte === undefined) return undefined
      length |= (byte & 0x7f) << (7 * (index - 1))
      if (byte >= 0x80) continue
      const end = 1 + index + length
      if (this.#bytes.length < end) return undefined
      const first = this.#bytes[0]!
      const body = Buffer.from(this.#bytes.subarray(1 + index, end))
      this.#bytes = this.#bytes.subarray(end)
      return { type: first >> 4, flags: first & 0xf, body }
    }
    throw new Error('the server sent a packet without end')
  }
}

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([u16(bytes.length), bytes])
}

export function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  do {
    bytes.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
    left = Math.floor(left / 128)
  } while (left > 0)
  return Buffer.from(bytes)
}

export function packet(first: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([first]), varint(body.length), body])
}

export interface ConnectOptions {
  readonly level?: number
  readonly name?: string
  readonly clientId?: string | Buffer
  readonly clean?: boolean
  readonly keepAlive?: number
  readonly flags?: number
  readonly properties?: Buffer
  /** What follows the client id: will, user name, password. */
  readonly rest?: Buffer
  readonly userName?: string
  readonly password?: string
}

export function connect(options: ConnectOptions = {}): Buffer {
  const { level = 4, clean = true, properties = Buffer.alloc(0), userName, password } = options
  const flags =
    options.flags ?? (clean ? 2 : 0) | (userName === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40)
  return packet(
    0x10,
    text(options.name ?? 'MQTT'),
    Buffer.from([level, flags]),
    u16(options.keepAlive ?? 60),
    level === 5 ? Buffer.concat([varint(properties.length), properties]) : Buffer.alloc(0),
    text(options.clientId ?? 'device'),
    options.rest ?? Buffer.alloc(0),
    userName === undefined ? Buffer.alloc(0) : text(userName),
    password === undefined ? Buffer.alloc(0) : text(password),
  )
}

export interface PublishOptions {
  readonly level?: number
  readonly topic?: string | Buffer
  readonly payload?: string | Buffer
  readonly qos?: number
  readonly id?: number
  readonly dup?: boolean
  readonly retain?: boolean
  readonly properties?: Buffer
}

export function publish(options: PublishOptions = {}): Buffer {
  const { level = 4, qos = 0, id = 1, properties = Buffer.alloc(0) } = options
  return packet(
    0x30 | (options.dup === true ? 8 : 0) | (qos << 1) | (options.retain === true ? 1 : 0),
    text(options.topic ?? 'raw/a'),
    qos > 0 ? u16(id) : Buffer.alloc(0),
    level === 5 ? Buffer.concat([varint(properties.length), properties]) : Buffer.alloc(0),
    Buffer.from((options.payload ?? 'x') as string),
  )
}

export function subscribe(filters: readonly (readonly [filter: string, options: number])[], level = 4, id = 1): Buffer {
  const wishes = filters.map(([filter, options]) => Buffer.concat([text(filter), Buffer.from([options])]))
  return packet(0x82, u16(id), level === 5 ? Buffer.from([0]) : Buffer.alloc(0), ...wishes)
}

export function ack(type: number, id: number): Buffer {
  return packet(type === 6 ? 0x62 : type << 4, u16(id))
}

export const PINGREQ = Buffer.from([0xc0, 0])
export const DISCONNECT = Buffer.from([0xe0, 0])
