import type { FastifyReply } from 'fastify'
import type { Clock, Timer } from '../system/clock.ts'
import type { Caller } from './auth.ts'
import { ApiError } from './errors.ts'
import type { ApiLimits } from './limits.ts'

/** One event of a stream. */
export interface StreamEvent {
  readonly event: string
  readonly id?: string
  /** Sent as JSON. */
  readonly data: unknown
}

export interface EventStreamsOptions {
  readonly clock: Clock
  readonly limits: Pick<ApiLimits, 'liveClients' | 'liveFrameMs' | 'liveBufferedBytes' | 'livePingMs'>
  /** Whether a caller identified earlier still has its rights. */
  readonly holds: (caller: Caller) => boolean
}

/**
 * Streams of events over HTTP (HTML standard, clause 9.2). Each asks for news at the pace of the live stream and sends the
 * newest state alone, so a slow reader never makes a queue: what it missed it is not sent.
 */
export class EventStreams {
  readonly #options: EventStreamsOptions
  readonly #ends = new Set<() => void>()

  constructor(options: EventStreamsOptions) {
    this.#options = options
  }

  /**
   * Answers a request with a stream until its client goes, its session ends or the server closes. `news`: what has changed
   * since it was last asked; nothing most of the time.
   * @throws ApiError `TOO_MANY_LIVE_CLIENTS`
   */
  open(reply: FastifyReply, caller: Caller, news: () => readonly StreamEvent[]): void {
    const { clock, limits, holds } = this.#options
    if (this.#ends.size >= limits.liveClients) throw tooMany(limits.liveClients)
    const { raw } = reply.hijack()
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value)
    raw.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' })
    raw.flushHeaders()
    let pingAt = clock.monotonic() + limits.livePingMs
    const look = () => {
      if (!holds(caller)) return end()
      if (raw.writableLength > limits.liveBufferedBytes) return
      for (const event of news()) raw.write(eventText(event))
      if (clock.monotonic() < pingAt) return
      pingAt = clock.monotonic() + limits.livePingMs
      raw.write(': still here\n\n')
    }
    const timer: Timer = clock.every(limits.liveFrameMs, look)
    const end = () => {
      timer.cancel()
      this.#ends.delete(end)
      raw.end()
    }
    this.#ends.add(end)
    raw.once('close', end)
    look()
  }

  close(): void {
    for (const end of this.#ends) end()
  }
}

function eventText({ event, id, data }: StreamEvent): string {
  // A line break would be the end of the field.
  const name = event.replaceAll(/[\r\n]/g, ' ')
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}

function tooMany(most: number): ApiError {
  return new ApiError(503, 'TOO_MANY_LIVE_CLIENTS', `Cannot open one more stream: ${most} are open, want one closed`, {
    'retry-after': '10',
  })
}
