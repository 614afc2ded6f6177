import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../system/clock.ts'
import type { Address, Net, TlsTrust } from '../../system/net.ts'
import { Frames } from '../wire/frames.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { LogError } from '../log.ts'
import { logIn } from './authenticate.ts'
import type { NewLogin } from './authenticate.ts'
import type { Api } from './messages.ts'
import { tlsFault } from './tls-faults.ts'
import { API_VERSIONS, readApiVersions, versionFault } from './versions.ts'
import type { Spoken } from './versions.ts'

/** How long each step of a login may take; the first waits for all that was asked before it. */
const LOGIN_MS = 20_000
/** Which part of a session's life has passed when we log in again (KIP-368). */
const USED_PART = 0.85
const LONGEST_TIMER_MS = 2 ** 31 - 1

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
  readonly tls?: TlsTrust
  /** Without it nobody logs in. */
  readonly login?: NewLogin
}

/**
 * One connection to a broker. Requests are pipelined; the protocol answers them in order. Whatever goes wrong ends
 * the connection, and every request that is under way rejects with `LOG_UNAVAILABLE`: whether the broker acted on it
 * is then unknown. A login that runs out is renewed before it does; requests wait meanwhile.
 */
export class Connection {
  readonly address: Address
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #clientId: string
  readonly #frames = new Frames(MAX_ANSWER_BYTES)
  readonly #pending: Pending[] = []
  readonly #login: NewLogin | undefined
  readonly #plain: boolean
  /** Answers that came. */
  #answers = 0
  #correlation = 0
  #failure: LogError | undefined
  /** A login that is under way: until its end nothing else may be asked. */
  #loggingIn: Promise<void> | undefined
  #renewal: Timer | undefined
  /** Undefined until the broker has said it. */
  #spoken: Spoken | undefined

  /** Takes over a connected socket; `dial` is the usual way. */
  constructor(socket: Socket, address: Address, { clock, clientId, tls, login }: Dialling) {
    this.#socket = socket
    this.address = address
    this.#clock = clock
    this.#clientId = clientId
    this.#login = login
    this.#plain = tls === undefined
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail('the connection broke', error))
    socket.on('close', () => this.#fail(this.#closedReason()))
  }

  get open(): boolean {
    return this.#failure === undefined
  }

  /**
   * Sends a request and resolves with its answer, at the first field of the body.
   * @throws LogError `LOG_UNAVAILABLE`, after `timeoutMs` (and a login that is under way) at the latest; `LOG_VERSION`
   * where the broker does not speak this version.
   */
  async request(api: Api, timeoutMs: number, write: (to: Writer) => void): Promise<Reader> {
    while (this.#loggingIn !== undefined) await this.#loggingIn
    return this.#ask(api, timeoutMs, write)
  }

  #ask(api: Api, timeoutMs: number, write: (to: Writer) => void): Promise<Reader> {
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

  /**
   * Logs in, where there is something to log in with; and again by itself, as long as the connection lasts.
   * @throws LogError `LOG_NOT_AUTHENTICATED`, `LOG_UNAVAILABLE`; the connection has ended then.
   */
  async logIn(): Promise<void> {
    if (this.#login === undefined || this.#failure) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#loggingIn = promise
    const began = this.#clock.monotonic()
    try {
      const lifetimeMs = await logIn((api, write) => this.#ask(api, LOGIN_MS, write), this.#login())
      if (lifetimeMs > 0) this.#renewAt(began + lifetimeMs * USED_PART)
    } catch (error) {
      this.#end(error instanceof LogError ? error : unreachable(this.address, String(error), error))
    } finally {
      this.#loggingIn = undefined
      resolve()
    }
    if (this.#failure) throw this.#failure
  }

  #renewAt(monotonicMs: number): void {
    const left = Math.max(0, monotonicMs - this.#clock.monotonic())
    const renew = left > LONGEST_TIMER_MS ? () => this.#renewAt(monotonicMs) : () => void this.logIn().catch(() => {})
    if (!this.#failure) this.#renewal = this.#clock.after(Math.min(left, LONGEST_TIMER_MS), renew)
  }

  /** Ends the connection; what is under way rejects. */
  close(): void {
    this.#fail('the connection was closed')
  }

  /** Brokers close the connection without a word on whom they do not serve: what that may mean. */
  #closedReason(): string {
    const hint = this.#answers === 0 && this.#plain ? ' (does its listener want TLS?)' : ''
    const login = this.#answers === 1 && this.#login === undefined ? ' (does its listener want a login?)' : ''
    return `the connection was closed${hint}${login}`
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
    this.#answers++
    pending.timer.cancel()
    pending.resolve(body)
  }

  #fail(reason: string, cause?: unknown): void {
    this.#end(unreachable(this.address, reason, cause))
  }

  #end(failure: LogError): void {
    if (this.#failure) return
    this.#failure = failure
    this.#renewal?.cancel()
    this.#socket.destroy()
    for (const { timer, reject } of this.#pending.splice(0)) {
      timer.cancel()
      reject(this.#failure)
    }
  }
}

/**
 * Connects to a broker, learns what it speaks, and logs in.
 * @throws LogError `LOG_UNAVAILABLE`, `LOG_TLS_FAILED`, `LOG_NOT_AUTHENTICATED`
 */
export async function dial(address: Address, dialling: Dialling): Promise<Connection> {
  const connection = new Connection(await connect(address, dialling), address, dialling)
  await connection.learnVersions(dialling.connectMs)
  await connection.logIn()
  return connection
}

async function connect(address: Address, { net, clock, connectMs, tls }: Dialling): Promise<Socket> {
  const late = Promise.withResolvers<never>()
  const timer = clock.after(connectMs, () => late.reject(new Error(`no connection within ${connectMs} ms`)))
  const connecting = net.connect(address, tls)
  try {
    return await Promise.race([connecting, late.promise])
  } catch (error) {
    // A connection that comes about after we gave up on it is nobody's.
    void connecting.then(
      (socket) => socket.destroy(),
      () => {},
    )
    throw unreachable(address, connectReason(error, tls !== undefined), error)
  } finally {
    timer.cancel()
  }
}

function connectReason(error: unknown, secure: boolean): string {
  if (!(error instanceof Error)) return String(error)
  const hint = secure && 'code' in error && error.code === 'ECONNRESET' ? ' (is its listener without TLS?)' : ''
  return error.message + hint
}

function unreachable({ host, port }: Address, reason: string, cause?: unknown): LogError {
  const fault = tlsFault(cause)
  if (fault === undefined) {
    const message = `Cannot reach the log at "${host}:${port}": ${reason}, want an answer`
    return new LogError('LOG_UNAVAILABLE', message, { retriable: true, cause })
  }
  return new LogError('LOG_TLS_FAILED', `Cannot trust the log at "${host}:${port}": ${fault}`, {
    retriable: false,
    cause,
  })
}
