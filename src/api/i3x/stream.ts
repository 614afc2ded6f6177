import { constants, createGzip, type Gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Desk } from '../desk.ts'
import { asksForGzip } from './answers.ts'
import type { Stream, Subscription, Update } from './subscription.ts'

/** Something is sent so often at least: whoever is between us and the client sees that it lives. */
const BEAT_MS = 15_000

/** Opens a stream of server-sent events on a subscription (i3X 1.0, "Streaming"): each change once, if it arrives. */
export function openStream(desk: Desk, request: FastifyRequest, reply: FastifyReply, subscription: Subscription): void {
  reply.hijack()
  const packed = asksForGzip(request)
  const headers = { ...reply.getHeaders(), 'content-type': 'text/event-stream', vary: 'accept-encoding' }
  reply.raw.writeHead(200, { ...headers, ...(packed && { 'content-encoding': 'gzip' }) } as Record<string, string>)
  const stream = new EventStream(reply, packed, desk.limits.liveBufferedBytes)
  const caller = desk.caller(request)
  const beat = desk.clock.every(BEAT_MS, () => {
    if (caller !== undefined && !desk.auth.holds(caller)) stream.end()
    else stream.beat()
  })
  reply.raw.once('close', () => {
    beat.cancel()
    subscription.detach(stream, desk.clock.monotonic())
  })
  // The headers leave at once, whether or not there is anything to tell.
  stream.beat()
  subscription.attach(stream)
}

class EventStream implements Stream {
  readonly #reply: FastifyReply
  readonly #gzip: Gzip | undefined
  readonly #bufferedBytes: number

  constructor(reply: FastifyReply, packed: boolean, bufferedBytes: number) {
    this.#reply = reply
    this.#bufferedBytes = bufferedBytes
    if (!packed) return
    // Each event has to arrive when it is sent, not when a block is full.
    this.#gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
    this.#gzip.pipe(reply.raw)
    reply.raw.once('close', () => this.#gzip!.destroy())
  }

  get isReady(): boolean {
    return this.#reply.raw.writableLength + (this.#gzip?.writableLength ?? 0) <= this.#bufferedBytes
  }

  send(updates: readonly Update[], dropped: number): void {
    if (dropped > 0) this.#write(`: ${dropped} older changes were dropped\n`)
    this.#write(`data: ${JSON.stringify(updates)}\n\n`)
  }

  /** A comment: clients pass over it. */
  beat(): void {
    if (this.isReady) this.#write(':\n\n')
  }

  end(): void {
    if (this.#gzip === undefined) this.#reply.raw.end()
    else this.#gzip.end()
  }

  #write(text: string): void {
    const to = this.#gzip ?? this.#reply.raw
    if (to.writable) to.write(text)
  }
}
