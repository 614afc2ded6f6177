import type { Socket } from 'node:net'
import type { Logger } from '../../../system/logger.ts'
import type { Address } from '../../../system/net.ts'
import type { Session } from '../access/session.ts'
import type { Peer, Services } from './api.ts'
import { dispatch, overlaps } from './apis.ts'
import { letGo, letGoAll } from '../../let-go.ts'
import { Frames, PREFIX } from '../../wire/frames.ts'
import { WireError } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'

/** Bytes read ahead while a request has to wait; with more, the socket is not read. */
const READ_AHEAD = 256 * 1024

/** Bytes of answers that the client has not taken yet; with more, no further request is started. */
const MAX_UNSENT = 1024 * 1024

/** What connections count, all together. */
export interface Traffic {
  requests: number
  bytesIn: number
  bytesOut: number
}

export interface ConnectionOptions {
  /** Where the client reaches us. */
  readonly broker: Address
  readonly session: Session
  readonly logger: Logger
  readonly traffic: Traffic
}

/** A request on its way: answers leave in the order of the requests. */
interface Slot {
  readonly bytes: number
  /** Undefined until the request is done; without parts where it wants no answer. */
  parts: readonly Uint8Array[] | undefined
  /** Of the parts: what is let go when they have left. */
  own: readonly Uint8Array[]
}

/**
 * One client. Produce requests overlap, up to a bound in number and bytes; every other request runs alone, which costs
 * nothing because answers leave in order. Whatever is wrong with a connection closes that connection only.
 */
export class Connection {
  readonly #socket: Socket
  readonly #services: Services
  readonly #logger: Logger
  readonly #traffic: Traffic
  readonly #frames: Frames
  readonly #closed = new AbortController()
  readonly #peer: Peer
  readonly #session: Session
  /** Monotonic ms. */
  readonly #since: number
  /** Why the connection is closed when the answers that are ready have left. */
  #ending: string | undefined
  readonly #slots: Slot[] = []
  /** A whole request that has to wait for those before it. */
  #held: Buffer | undefined
  #running = 0
  #runningBytes = 0
  #alone = false
  #pumping = false
  #corked = false
  /** Monotonic ms: when anything last came or went, and when the request that is arriving began. */
  #active: number
  #began: number | undefined
  /** Bytes of answers that `memory` has been told of. */
  #unsent = 0

  constructor(socket: Socket, services: Services, options: ConnectionOptions) {
    this.#socket = socket
    this.#services = services
    this.#logger = options.logger
    this.#traffic = options.traffic
    this.#session = options.session
    this.#frames = new Frames(this.#largestRequest())
    this.#peer = {
      broker: options.broker,
      host: socket.remoteAddress ?? '',
      closed: this.#closed.signal,
      session: options.session,
      refuse: (reason) => (this.#ending = reason),
    }
    this.#active = services.clock.monotonic()
    this.#since = this.#active
  }

  /** Serves the client until the connection closes; `done` is called once, then. */
  run(done: () => void): void {
    const socket = this.#socket
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => {
      this.#active = this.#services.clock.monotonic()
      this.#noteUnsent()
      this.#pump()
    })
    socket.on('error', (error) => this.#logger.debug('Kafka connection failed', { reason: error.message }))
    socket.on('close', () => {
      this.#closed.abort()
      const { memory } = this.#services
      memory.forget(this.#regulate)
      memory.changeUnsent(-this.#unsent)
      this.#unsent = 0
      memory.changeRequests(-this.#buffered())
      done()
    })
  }

  close(): void {
    this.#closed.abort()
    this.#socket.destroy()
  }

  /** Whether nobody has logged in yet who has to. */
  get strange(): boolean {
    return !this.#session.open
  }

  /** Closes the connection where its client is too slow or gone. Called every second or so. */
  check(): void {
    const { limits, clock } = this.#services
    const now = clock.monotonic()
    this.#noteUnsent()
    const quiet = now - this.#active
    if (this.strange && now - this.#since > limits.loginMs) {
      this.#hangUp(`Nobody has logged in for ${Math.round(now - this.#since)} ms`)
    } else if (this.#socket.writableLength > 0 && quiet > limits.stalledMs) {
      this.#hangUp(`Cannot send answer: the client has not taken it for ${Math.round(quiet)} ms`)
    } else if (this.#began !== undefined && !this.#blocked() && now - this.#began > this.#allowedMs()) {
      this.#hangUp(
        `Cannot read request: ${this.#frames.buffered} bytes after ${Math.round(now - this.#began)} ms, want all of it`,
      )
    } else if (this.#running === 0 && quiet > limits.idleMs) {
      this.#hangUp(`Idle for ${Math.round(quiet)} ms`)
    }
  }

  #allowedMs(): number {
    const { requestMs, minRequestRate } = this.#services.limits
    return requestMs + (this.#frames.buffered / minRequestRate) * 1000
  }

  #receive(chunk: Buffer): void {
    this.#active = this.#services.clock.monotonic()
    this.#traffic.bytesIn += chunk.length
    this.#services.memory.changeRequests(chunk.length)
    this.#frames.push(chunk)
    this.#pump()
    if (this.#frames.buffered === 0) this.#began = undefined
    else this.#began ??= this.#active
  }

  /** Starts requests as long as they may start, and stops reading where they may not. */
  #pump(): void {
    if (this.#pumping || this.#closed.signal.aborted || this.#ending !== undefined) return
    this.#pumping = true
    const waited = this.#blocked()
    try {
      for (let request = this.#next(); request && this.#mayStart(request); request = this.#next()) {
        this.#held = undefined
        this.#start(request)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#pumping = false
    // While it waited for us, what was arriving could not.
    if (waited && this.#began !== undefined) this.#began = this.#services.clock.monotonic()
    this.#regulate()
  }

  /** Reads the socket, or not. */
  readonly #regulate = (): void => {
    if (this.#closed.signal.aborted) return
    const ahead = this.#blocked() && this.#frames.buffered >= READ_AHEAD
    const own = this.#buffered() + this.#runningBytes
    if (!ahead && this.#services.memory.mayRead(own, this.#regulate)) this.#socket.resume()
    else this.#socket.pause()
  }

  #next(): Buffer | undefined {
    if (!this.#held) {
      this.#held = this.#frames.next()
      if (this.#held) this.#began = undefined
    }
    return this.#held
  }

  /** Bytes of requests that have not been started. */
  #buffered(): number {
    return this.#frames.buffered + (this.#held === undefined ? 0 : this.#held.length + PREFIX)
  }

  #blocked(): boolean {
    return this.#held !== undefined
  }

  #mayStart(request: Buffer): boolean {
    if (this.#socket.writableLength > MAX_UNSENT) return false
    if (this.#running === 0) return true
    const { maxInFlight, maxInFlightBytes } = this.#services.limits
    if (this.#alone || !this.#overlaps(request) || this.#running >= maxInFlight) return false
    return this.#runningBytes + request.length <= maxInFlightBytes
  }

  #start(request: Buffer): void {
    const slot: Slot = { bytes: request.length + PREFIX, parts: undefined, own: [] }
    this.#slots.push(slot)
    this.#traffic.requests++
    this.#running++
    this.#runningBytes += slot.bytes
    this.#alone = !this.#overlaps(request)
    const finished = (written: Writer | null) => {
      // Nothing of a produce request is kept.
      if (overlaps(request)) letGo(request)
      this.#finish(slot, written)
    }
    const failed = (error: unknown) => {
      this.#release(slot)
      this.#fail(error)
    }
    try {
      const answer = dispatch(this.#services, request, this.#peer)
      if (answer instanceof Promise) answer.then(finished, failed)
      else finished(answer)
    } catch (error) {
      failed(error)
    }
  }

  /** While a login is under way requests come one by one, whatever they look like. */
  #overlaps(request: Buffer): boolean {
    return this.#session.open && !this.#session.expectsRawToken && overlaps(request)
  }

  #finish(slot: Slot, answer: Writer | null): void {
    slot.parts = answer ? answer.finish() : []
    slot.own = answer ? answer.own : []
    this.#release(slot)
    this.#send()
    if (this.#ending !== undefined) return this.#leave(this.#ending)
    this.#frames.allow(this.#largestRequest())
    this.#pump()
  }

  #largestRequest(): number {
    const { maxRequestBytes, maxLoginBytes } = this.#services.limits
    return this.#session.open ? maxRequestBytes : Math.min(maxRequestBytes, maxLoginBytes)
  }

  #release(slot: Slot): void {
    this.#running--
    this.#runningBytes -= slot.bytes
    this.#alone = false
    this.#services.memory.changeRequests(-slot.bytes)
  }

  /** Sends the answers that are next in order; those of one tick leave in one system call. */
  #send(): void {
    if (!this.#socket.writable) return
    while (this.#slots[0]?.parts) {
      if (!this.#corked) this.#cork()
      const { parts, own } = this.#slots.shift()!
      for (const part of parts!) {
        this.#traffic.bytesOut += part.length
        if (own.includes(part)) this.#socket.write(part, (error) => sent(part, error))
        else this.#socket.write(part)
      }
    }
    this.#noteUnsent()
  }

  #noteUnsent(): void {
    if (this.#socket.destroyed) return
    const unsent = this.#socket.writableLength
    this.#services.memory.changeUnsent(unsent - this.#unsent)
    this.#unsent = unsent
  }

  #cork(): void {
    this.#corked = true
    this.#socket.cork()
    process.nextTick(() => this.#uncork())
  }

  #uncork(): void {
    if (this.#corked) this.#socket.uncork()
    this.#corked = false
  }

  #fail(error: unknown): void {
    if (this.#closed.signal.aborted) return
    if (error instanceof WireError) return this.#hangUp(error.message)
    this.#logger.error('Kafka request failed', { error: error instanceof Error ? error.stack : String(error) })
    this.close()
  }

  #hangUp(reason: string): void {
    this.#logger.warn('Kafka connection closed', { reason })
    this.close()
  }

  /** Closes when what was written has left. */
  #leave(failure: string): void {
    const { userName, reason } = this.#session
    this.#logger.warn('Kafka login refused', { user: userName.slice(0, 100), reason: reason || failure })
    this.#closed.abort()
    this.#uncork()
    this.#socket.destroySoon()
  }
}

/** Where it failed, the socket that is being torn down may still read it. */
function sent(part: Uint8Array, error: Error | null | undefined): void {
  if (!error) letGoAll(part)
}
