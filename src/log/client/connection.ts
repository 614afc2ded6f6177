import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../system/clock.ts'
import type { Address, Net } from '../../system/net.ts'
import { Frames } from '../wire/frames.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { LogError } from '../log.ts'
import type { Api } from './messages.ts'
import { API_VERSIONS, readApiVersions, versionFault } from './versions.ts'
import type { Spoken } from './versions.ts'

/** Largest answer that is taken: what we ask for stays far below. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024

interface Pending {
  readonly correlation: number
  readonly timer: Timer
  readonly resolve: (body: Reader) => void
  readonly reject: (error: LogError) => void
}

export interface Dialling {
  readonly net: Net
  readonly clock: Clock
  readonly clientId: string
  /** How long connecting may take, ms. */
  readonly connectMs: number
}

/**
 * One connection to a broker. Requests are pipelined; the protocol answers them in order. Whatever goes wrong ends
 * the connection, and every request that is under way rejects with `LOG_UNAVAILABLE`: whether the broker acted on it
 * is then unknown.
 */
export class Connection {
  readonly address: Address
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #clientId: string
  readonly #frames = new Frames(MAX_ANSWER_BYTES)
  readonly #pending: Pending[] = []
  #correlation = 0
  #failure: LogError | undefined
  /** Undefined until the broker has said it. */
  #spoken: Spoken | undefined

  /** Takes over a connected socket; `dial` is the usual way. */
  constructor(socket: Socket, address: Address, { clock, clientId }: Dialling) {
    this.#socket = socket
    this.address = address
    this.#clock = clock
    this.#clientId = clientId
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail('the connection broke', error))
    socket.on('close', () => this.#fail('the connection was closed'))
  }

  get open(): boolean {
    return this.#failure === undefined
  }

  /**
   * Sends a request and resolves with its answer, at the first field of the body.
   * @throws LogError `LOG_UNAVAILABLE`, after `timeoutMs` at the latest; `LOG_VERSION` where the broker does not speak
   * this version.
   */
  request(api: Api, timeoutMs: number, write: (to: Writer) => void): Promise<Reader> {
    if (this.#failure) return Promise.reject(this.#failure)
    const foreign = this.#spoken && versionFault(this.#spoken, api, this.address)
    if (foreign) return Promise.reject(foreign)
    const correlation = this.#correlation++ & 0x7fffffff
    const { promise, resolve, reject } = Promise.withResolvers<Reader>()
    const timer = this.#clock.after(timeoutMs, () => this.#fail(`no answer came within ${timeoutMs} ms`))
    this.#pending.push({ correlation, timer, resolve, reject })
    const writer = new Writer(false)
    writer.int16(api.key)
    writer.int16(api.version)
    writer.int32(correlation)
    writer.string(this.#clientId)
    write(writer)
    this.#send(writer.finish())
    return promise
  }

  /**
   * Asks the broker what it speaks. Other requests are then refused here and by name, where the broker would close the
   * connection without a word.
   */
  async learnVersions(timeoutMs: number): Promise<void> {
    const { error, spoken } = readApiVersions(await this.request(API_VERSIONS, timeoutMs, () => {}))
    if (error === 0) this.#spoken = spoken
    else this.#fail(`it answered error ${error} to the question what it speaks`)
    if (this.#failure) throw this.#failure
  }

  /** Ends the connection; what is under way rejects. */
  close(): void {
    this.#fail('the connection was closed')
  }

  #send(parts: readonly Uint8Array[]): void {
    this.#socket.cork()
    for (const part of parts) this.#socket.write(part)
    this.#socket.uncork()
  }

  #receive(chunk: Buffer): void {
    this.#frames.push(chunk)
    try {
      for (let frame = this.#frames.next(); frame; frame = this.#frames.next()) this.#answer(frame)
    } catch (error) {
      this.#fail('its answer cannot be read', error)
    }
  }

  #answer(frame: Buffer): void {
    const body = new Reader(frame)
    const correlation = body.int32()
    const pending = this.#pending.shift()
    if (pending?.correlation !== correlation) {
      if (pending) this.#pending.unshift(pending)
      return this.#fail(`answer ${correlation} came, want ${pending?.correlation ?? 'none'}`)
    }
    pending.timer.cancel()
    pending.resolve(body)
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#failure) return
    this.#failure = unreachable(this.address, reason, cause)
    this.#socket.destroy()
    for (const { timer, reject } of this.#pending.splice(0)) {
      timer.cancel()
      reject(this.#failure)
    }
  }
}

/**
 * Connects to a broker, and learns what it speaks.
 * @throws LogError `LOG_UNAVAILABLE`
 */
export async function dial(address: Address, dialling: Dialling): Promise<Connection> {
  const connection = new Connection(await connect(address, dialling), address, dialling)
  await connection.learnVersions(dialling.connectMs)
  return connection
}

async function connect(address: Address, { net, clock, connectMs }: Dialling): Promise<Socket> {
  const late = Promise.withResolvers<never>()
  const timer = clock.after(connectMs, () => late.reject(new Error(`no connection within ${connectMs} ms`)))
  const connecting = net.connect(address)
  try {
    return await Promise.race([connecting, late.promise])
  } catch (error) {
    // A connection that comes about after we gave up on it is nobody's.
    void connecting.then(
      (socket) => socket.destroy(),
      () => {},
    )
    throw unreachable(address, error instanceof Error ? error.message : String(error), error)
  } finally {
    timer.cancel()
  }
}

function unreachable({ host, port }: Address, reason: string, cause?: unknown): LogError {
  const message = `Cannot reach the log at "${host}:${port}": ${reason}, want an answer`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true, cause })
}
