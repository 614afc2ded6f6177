import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { READER, sendRaw, startServer, TOKENS } from '../../test/api/server.ts'
import { makeCertificates } from '../../test/mqtt/certificates.ts'

test('the same over TLS: requests, the live stream, and a cookie that only TLS carries', async (t) => {
  const { server: tls, ca } = await makeCertificates()
  const { port } = await startServer(t, { tls, tokens: TOKENS })
  const origin = `https://localhost:${port}`
  const body = JSON.stringify({ token: READER })
  const headers = { 'content-type': 'application/json', 'content-length': body.length, origin }
  const login = request({ host: 'localhost', port, path: '/api/v1/login', method: 'POST', ca, headers, agent: false })
  login.end(body)
  const [answer] = (await once(login, 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  const cookie = answer.headers['set-cookie']![0]!
  assert.match(cookie, /; HttpOnly; SameSite=Strict; Secure$/)
  answer.resume()
  const live = new WebSocket(`wss://localhost:${port}/api/v1/live`, {
    ca,
    headers: { origin, cookie: cookie.split(';', 1)[0]! },
  })
  await once(live, 'open')
  live.close()
  await once(live, 'close')
  // Plain HTTP on the TLS port is no request, and harms nobody.
  assert.doesNotMatch(await sendRaw(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'), /ready/)
})
