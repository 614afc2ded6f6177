import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Desk, Route } from '../desk.ts'
import { ApiError } from '../errors.ts'
import { HubRefused, type AskHub } from './tool.ts'

/** Largest question. */
const BODY_BYTES = 1 << 16

/**
 * The Model Context Protocol over streamable HTTP, stateless: each request is answered by itself. It asks for right `read`,
 * and whatever a tool asks then passes the gate again, as the same caller.
 */
export const MCP_ROUTES: readonly Route[] = [
  { method: 'POST', url: '/mcp', need: 'read', bodyBytes: BODY_BYTES, handle: mcp },
]

async function mcp(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  // Loaded with the first question: a hub that nobody asks does not carry the library.
  const [{ createMcpHandler }, { createMcpServer }] = await Promise.all([
    import('@modelcontextprotocol/server'),
    import('./server.ts'),
  ])
  // Nobody is told of changes: an answer ends with its result.
  const handler = createMcpHandler(() => createMcpServer(asCaller(desk, request), desk.hub.hub().version), {
    maxSubscriptions: 0,
  })
  reply.raw.once('close', () => void handler.close())
  const answer = await handler.fetch(webRequest(request))
  for (const [name, value] of answer.headers) reply.header(name, value)
  return reply.code(answer.status).send(Buffer.from(await answer.arrayBuffer()))
}

/** Asks the hub's own routes in the name of whoever asked us: same rights, same limits, same log. */
function asCaller(desk: Desk, request: FastifyRequest): AskHub {
  const { authorization, cookie, host } = request.headers
  const headers = { ...(authorization && { authorization }), ...(cookie && { cookie }), host: host ?? '' }
  return {
    now: () => desk.clock.now(),
    async ask(url, body) {
      const told = body && { payload: JSON.stringify(body), method: 'POST' as const }
      const type = body && { 'content-type': 'application/json' }
      const answer = await request.server.inject({
        url,
        headers: { ...headers, ...type },
        remoteAddress: request.ip,
        ...told,
      })
      const json = JSON.parse(answer.body) as { readonly code?: string; readonly message?: string }
      if (answer.statusCode < 300) return json
      throw new HubRefused(json.code ?? String(answer.statusCode), json.message ?? 'without a reason')
    },
  }
}

function webRequest({ headers, body }: FastifyRequest): Request {
  const plain = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined || name === 'authorization' || name === 'cookie' ? [] : [[name, String(value)]],
  )
  const text = Buffer.from((body as Uint8Array | undefined) ?? []).toString()
  return new Request('http://hub/mcp', { method: 'POST', headers: plain, body: checked(text) })
}

/** @throws ApiError `BAD_BODY` before the library sees what is no JSON */
function checked(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new ApiError(400, 'BAD_BODY', 'Cannot read the question: it is not JSON, want a message of JSON-RPC 2.0')
  }
}
