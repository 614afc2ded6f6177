import type { FastifyReply } from 'fastify'

/** Nobody reads on for a client that has gone. */
export function untilGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
