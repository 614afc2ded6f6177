import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  codeOf,
  memoryViews,
  READER,
  sendRaw,
  startServer,
  statusOf,
  testSystem,
  TOKENS,
  WRITER,
} from '../../test/api/server.ts'
import { Secret } from '../system/secret.ts'
import { AAS_ROUTES } from './aas/routes.ts'
import { createApi } from './api.ts'
import { decide, type Caller } from './auth.ts'
import { ROUTES } from './routes.ts'

const BOTH = 'both-token-1'
const OPERATOR = 'operator-token-1'
const APPROVER = 'approver-token-1'
const tokens = [
  ...TOKENS,
  { name: 'root', token: new Secret(BOTH), can: ['read', 'write'] as const },
  { name: 'operator', token: new Secret(OPERATOR), can: ['command'] as const },
  { name: 'approver', token: new Secret(APPROVER), can: ['approve'] as const, areas: ['press-shop/**'] },
]

const CALLERS = [
  { who: 'nobody', token: undefined, can: [] },
  { who: 'wrong token', token: 'wrong', can: [] },
  { who: 'reader', token: READER, can: ['read'] },
  { who: 'writer', token: WRITER, can: ['write'] },
  { who: 'both', token: BOTH, can: ['read', 'write'] },
  { who: 'operator', token: OPERATOR, can: ['command'] },
  { who: 'approver', token: APPROVER, can: ['approve'] },
] as const

test('the table of routes asks for the rights we mean', () => {
  assert.deepEqual(
    // Those of the Asset Administration Shell are all for reading: `aas/aas.test.ts`.
    ROUTES.filter((route) => !AAS_ROUTES.includes(route)).map(({ method, url, need }) => `${method} ${url} ${need}`),
    [
      'GET /healthz open',
      'GET /metrics read',
      'GET /api/v1/openapi.json read',
      'GET /api/v1/status read',
      'GET /api/v1/assets read',
      'GET /api/v1/assets/* read',
      'GET /api/v1/assets/*/compare read',
      'GET /api/v1/values read',
      'GET /api/v1/values/* read',
      'GET /api/v1/models read',
      'GET /api/v1/sources read',
      'GET /api/v1/sources/:name read',
      'GET /api/v1/ledger read',
      'GET /api/v1/replication read',
      'GET /api/v1/processors read',
      'GET /api/v1/events read',
      'GET /api/v1/sinks read',
      'GET /api/v1/oee/* read',
      'GET /api/v1/hubs read',
      'GET /api/v1/topics read',
      'GET /api/v1/topics/:name read',
      'GET /api/v1/topics/:name/records read',
      'GET /api/v1/consumers read',
      'GET /api/v1/alarms read',
      'GET /api/v1/alarms/groups read',
      'GET /api/v1/alarms/journal read',
      'GET /api/v1/alarms/figures read',
      'POST /api/v1/alarms/commands write',
      'GET /.well-known/wot read',
      'GET /api/v1/things read',
      'GET /api/v1/assets/*/td read',
      'GET /api/v1/things/:id read',
      'GET /api/v1/things/:id/properties/:name read',
      'GET /api/v1/things/:id/events/alarm read',
      'GET /api/v1/assets/*/history read',
      'GET /api/v1/history read',
      'GET /api/v1/history/join read',
      'POST /api/v1/query read',
      'POST /api/v1/forecasts read',
      'GET /i3x/v1/info open',
      'GET /i3x/v1/namespaces read',
      'GET /i3x/v1/objecttypes read',
      'POST /i3x/v1/objecttypes/query read',
      'GET /i3x/v1/relationshiptypes read',
      'POST /i3x/v1/relationshiptypes/query read',
      'GET /i3x/v1/objects read',
      'POST /i3x/v1/objects/list read',
      'POST /i3x/v1/objects/related read',
      'POST /i3x/v1/objects/value read',
      'PUT /i3x/v1/objects/value read',
      'POST /i3x/v1/objects/history read',
      'PUT /i3x/v1/objects/history read',
      'POST /i3x/v1/subscriptions read',
      'POST /i3x/v1/subscriptions/list read',
      'POST /i3x/v1/subscriptions/delete read',
      'POST /i3x/v1/subscriptions/register read',
      'POST /i3x/v1/subscriptions/unregister read',
      'POST /i3x/v1/subscriptions/sync read',
      'POST /i3x/v1/subscriptions/stream read',
      'POST /mcp read',
      'GET /api/v1/commands read',
      'GET /api/v1/assets/*/commands read',
      'GET /api/v1/commands/:id read',
      'POST /api/v1/commands command',
      'POST /api/v1/commands/:id/approve approve',
      'GET /api/v1/audit read',
      'GET /api/v1/live read',
      'POST /api/v1/login open',
      'POST /api/v1/logout open',
      // Whatever sources mount takes data in.
      'POST /* write',
      // The files of the page, with which somebody logs in.
      'GET /* open',
    ],
  )
})

test('the matrix of rights: every route times every caller, as the table of routes says', async (t) => {
  const limits = { wrongTokens: 1000 }
  const { url } = await startServer(t, { tokens, limits })
  let cells = 0
  for (const { method, url: pattern, need } of ROUTES) {
    const path = pattern.replace('*', 'a/b').replace(/:(name|id)/g, 'a')
    for (const { who, token, can } of CALLERS) {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
      const body = method === 'GET' ? {} : { body: '{}' }
      const answer = await fetch(`${url}${path}`, { method, headers, ...body })
      const known = who !== 'nobody' && who !== 'wrong token'
      const allowed = need === 'open' || can.some((right) => right === need)
      // Let in: whatever the handler then answers, it is not a refusal. `login` with `{}` is a 400.
      const expected = allowed ? 'in' : known ? '403 FORBIDDEN' : '401 UNAUTHENTICATED'
      const refused = answer.status === 401 || answer.status === 403
      const actual = refused ? `${answer.status} ${await codeOf(answer)}` : 'in'
      assert.equal(actual, expected, `${method} ${pattern} as ${who}`)
      cells += 1
    }
  }
  assert.equal(cells, ROUTES.length * CALLERS.length)
})

test('denies by default: a route without a need, a path without a route', async (t) => {
  const caller: Caller = { can: ['read', 'write'], via: 'token' }
  assert.equal(decide(undefined, caller), 'forbidden')
  assert.equal(decide(undefined, undefined), 'forbidden')
  const { url } = await startServer(t, { tokens })
  assert.equal((await fetch(`${url}/api/v1/x`, { method: 'PUT' })).status, 401)
  assert.equal((await fetch(`${url}/api/v1/x`, { method: 'DELETE' })).status, 401)
})

test('the live stream asks for the right to read', async (t) => {
  const { port } = await startServer(t, { tokens })
  const upgrade = (headers: string) =>
    sendRaw(
      port,
      `GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`,
    )
  assert.equal(statusOf(await upgrade('')), 401)
  assert.equal(statusOf(await upgrade('Authorization: Bearer wrong\r\n')), 401)
  assert.equal(statusOf(await upgrade(`Authorization: Bearer ${WRITER}\r\n`)), 403)
  // A token in the URL is no token.
  assert.equal(statusOf((await upgrade('')).replace('/live', `/live?token=${READER}`)), 401)
})

test('an open loopback needs no token; beyond loopback the server does not start without one', async (t) => {
  const { url } = await startServer(t)
  assert.equal((await fetch(`${url}/api/v1/status`)).status, 200)
  const { hub, log, alarms, events, oee, commands, audit } = memoryViews()
  const options = { hub, log, alarms, events, oee, commands, audit, system: testSystem(), pageFolder: '/nowhere' }
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'hub.example']) {
    const api = createApi({ ...options, config: { listen: { host, port: 0 }, tokens: [], hosts: [] } })
    await assert.rejects(api.listen(), { code: 'OPEN_BEYOND_LOOPBACK' })
  }
})

test('a page logs in with a token and gets a cookie that scripts cannot read', async (t) => {
  const { url, port } = await startServer(t, { tokens })
  const login = (token: unknown) =>
    fetch(`${url}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify({ token }),
    })
  assert.equal((await login('wrong')).status, 401)
  assert.equal((await login(7)).status, 400)
  const answer = await login(READER)
  assert.deepEqual(await answer.json(), { name: 'anna', can: ['read'] })
  const cookie = answer.headers.get('set-cookie')!
  assert.match(cookie, new RegExp(`^millrace_${port}=[\\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`))
  const headers = { cookie: cookie.split(';', 1)[0]! }
  assert.equal((await fetch(`${url}/api/v1/status`, { headers })).status, 200)
  const forged = { cookie: `millrace_${port}=${'A'.repeat(43)}` }
  assert.equal((await fetch(`${url}/api/v1/status`, { headers: forged })).status, 401)
  // A cookie comes along unasked, so a change needs the page's own Origin beside it.
  const logout = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{}' }
  assert.equal((await fetch(`${url}/api/v1/logout`, logout)).status, 403)
  const own = { ...logout, headers: { ...logout.headers, origin: url } }
  assert.equal((await fetch(`${url}/api/v1/logout`, own)).status, 200)
  assert.equal((await fetch(`${url}/api/v1/status`, { headers })).status, 401)
})

test('a session ends after its time', async (t) => {
  const { url } = await startServer(t, { tokens, limits: { sessionMs: 0 } })
  const body = JSON.stringify({ token: READER })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/api/v1/login`, { method: 'POST', headers, body })
  const cookie = answer.headers.get('set-cookie')!.split(';', 1)[0]!
  assert.equal((await fetch(`${url}/api/v1/status`, { headers: { cookie } })).status, 401)
})

test('whoever tries tokens has to wait', async (t) => {
  const { url } = await startServer(t, { tokens, limits: { wrongTokens: 3 } })
  const status = async (token: string) =>
    (await fetch(`${url}/api/v1/status`, { headers: { authorization: `Bearer ${token}` } })).status
  assert.deepEqual([await status('a'), await status('b'), await status('c'), await status('d')], [401, 401, 401, 429])
  const body = JSON.stringify({ token: READER })
  const headers = { 'content-type': 'application/json' }
  assert.equal((await fetch(`${url}/api/v1/login`, { method: 'POST', headers, body })).status, 429)
  // Machines that have their token are not locked out by somebody at the same address.
  assert.equal(await status(READER), 200)
})
