import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { codeOf, LiveProbe, sendRaw, startServer, statusOf, type TestServer } from '../../test/api/server.ts'

/** After every case: the server still answers. */
async function alive({ url }: TestServer): Promise<void> {
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
}

function head(server: TestServer, line: string, ...headers: readonly string[]): string {
  return [`${line} HTTP/1.1`, `Host: 127.0.0.1:${server.port}`, ...headers, '', ''].join('\r\n')
}

const JSON_TYPE = 'Content-Type: application/json'

test('a header of 1 MB', async (t) => {
  const server = await startServer(t)
  const answer = await sendRaw(server.port, head(server, 'GET /healthz', `X-Big: ${'a'.repeat(1 << 20)}`))
  assert.equal(statusOf(answer), 431)
  assert.match(answer, /"code":"HEADERS_TOO_LARGE"/)
  await alive(server)
})

test('Content-Length and Transfer-Encoding together (request smuggling)', async (t) => {
  const server = await startServer(t)
  let calls = 0
  server.api.host.post('/api/v1/ingest', async () => ({ status: 200, body: { calls: (calls += 1) } }))
  const headers = [JSON_TYPE, 'Content-Length: 4', 'Transfer-Encoding: chunked']
  const answer = await sendRaw(server.port, head(server, 'POST /api/v1/ingest/a', ...headers), '0\r\n\r\n')
  assert.equal(statusOf(answer), 400)
  assert.equal(calls, 0)
  const twice = await sendRaw(server.port, head(server, 'GET /healthz', 'Content-Length: 1', 'Content-Length: 2'), 'ab')
  assert.equal(statusOf(twice), 400)
  await alive(server)
})

test('not HTTP at all: TLS hello, NUL, no Host, two Hosts', async (t) => {
  const server = await startServer(t)
  for (const bytes of [
    Buffer.from('16030100c8010000c403', 'hex'),
    Buffer.from('\0\0\0\0\r\n\r\n'),
    'GET / HTTP/1.1\r\n\r\n',
    'GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'G\u00c4T / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ]) {
    assert.equal(statusOf(await sendRaw(server.port, bytes)), 400)
  }
  const twoHosts = head(server, 'GET /healthz', 'Host: evil.example', 'Connection: close')
  assert.ok([400, 421, 200].includes(statusOf(await sendRaw(server.port, twoHosts))))
  await alive(server)
})

test('a body that comes slowly, and headers that do', async (t) => {
  const server = await startServer(t, { limits: { requestMs: 300, headersMs: 200 } })
  const slow = await sendRaw(server.port, head(server, 'POST /api/v1/ingest/a', JSON_TYPE, 'Content-Length: 100'), '{')
  assert.equal(statusOf(slow), 408)
  assert.equal(statusOf(await sendRaw(server.port, 'GET /healthz HTTP/1.1\r\nHost: ')), 408)
  await alive(server)
})

test('a gzip bomb, and any other content-encoding', async (t) => {
  const server = await startServer(t)
  server.api.host.post('/api/v1/ingest', async () => ({ status: 200, body: {} }))
  const bomb = gzipSync(Buffer.alloc(64 << 20))
  for (const encoding of ['gzip', 'br', 'identity, gzip']) {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
    const answer = await fetch(`${server.url}/api/v1/ingest/a`, { method: 'POST', headers, body: bomb })
    assert.deepEqual([answer.status, await codeOf(answer)], [415, 'UNSUPPORTED_MEDIA_TYPE'])
  }
  await alive(server)
})

test('a wrong Content-Type, and none', async (t) => {
  const server = await startServer(t)
  server.api.host.post('/api/v1/ingest', async () => ({ status: 200, body: {} }))
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'json',
    '',
  ]) {
    const headers = type === '' ? [] : [`Content-Type: ${type}`]
    const request = head(server, 'POST /api/v1/ingest/a', 'Content-Length: 2', 'Connection: close', ...headers)
    const answer = await sendRaw(server.port, request, '{}')
    assert.equal(statusOf(answer), 415, `${type}: ${answer}`)
  }
  await alive(server)
})

test('a body above the limit, announced, chunked, and announced as 1 TB', async (t) => {
  const server = await startServer(t, { limits: { bodyBytes: 1000 } })
  server.api.host.post('/api/v1/ingest', async () => ({ status: 200, body: {} }))
  const request = (...headers: string[]) =>
    head(server, 'POST /api/v1/ingest/a', JSON_TYPE, 'Connection: close', ...headers)
  const announced = await sendRaw(server.port, request('Content-Length: 1001'), 'x'.repeat(1001))
  assert.equal(statusOf(announced), 413)
  assert.match(announced, /"code":"BODY_TOO_LARGE"/)
  const chunk = `3e9\r\n${'x'.repeat(1001)}\r\n0\r\n\r\n`
  assert.equal(statusOf(await sendRaw(server.port, request('Transfer-Encoding: chunked'), chunk)), 413)
  assert.equal(statusOf(await sendRaw(server.port, request('Content-Length: 1099511627776'))), 413)
  assert.equal(statusOf(await sendRaw(server.port, request('Content-Length: 99999999999999999999'))), 400)
  assert.equal(statusOf(await sendRaw(server.port, request('Content-Length: 1000'), 'x'.repeat(1000))), 200)
})

test('path traversal, on files and on assets', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'page-'))
  await mkdir(join(folder, 'dist/assets'), { recursive: true })
  await writeFile(join(folder, 'dist/index.html'), '<!doctype html>')
  await writeFile(join(folder, 'dist/assets/app.js'), '1')
  await writeFile(join(folder, 'secret.html'), 'secret')
  const server = await startServer(t, { pageFolder: join(folder, 'dist') })
  assert.equal((await fetch(`${server.url}/assets/app.js`)).status, 200)
  for (const path of [
    '/../secret.html',
    '/assets/../../secret.html',
    '/..%2fsecret.html',
    '/%2e%2e/secret.html',
    '/assets/..%5c..%5csecret.html',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.html',
    '//etc/passwd',
    '/assets/app.js%00.html',
    '/api/v1/assets/acme/../../../secret.html',
    '/api/v1/assets/acme/%2e%2e/berlin',
    '/api/v1/assets/..%2f..%2fetc%2fpasswd',
  ]) {
    const answer = await sendRaw(server.port, head(server, `GET ${path}`, 'Connection: close'))
    assert.ok([400, 404].includes(statusOf(answer)), `${path}: ${answer.slice(0, 80)}`)
    assert.doesNotMatch(answer, /secret\b(?!\.)/)
  }
})

test('names of assets that no asset can have: %00, lone surrogates, bad percent, wildcards', async (t) => {
  const server = await startServer(t)
  for (const name of [
    'a%00b',
    '%ED%A0%80',
    '%ff',
    '%',
    '%zz',
    '+',
    '%23',
    'x'.repeat(200),
    '',
    '.',
    '__proto__%2F..',
  ]) {
    const answer = await sendRaw(server.port, head(server, `GET /api/v1/assets/acme/${name}`, 'Connection: close'))
    assert.equal(statusOf(answer), 400, `${name}: ${answer}`)
    assert.match(answer, /"code":"(BAD_PATH|BAD_REQUEST)"/)
  }
  const deep = `/api/v1/assets/${'a/'.repeat(5000)}a`
  assert.equal((await fetch(`${server.url}${deep}`)).status, 400)
  // A name like a property of every object is a name like any other.
  assert.equal((await fetch(`${server.url}/api/v1/assets/acme/__proto__`)).status, 404)
  assert.equal((await fetch(`${server.url}/api/v1/sources/constructor`)).status, 404)
  await alive(server)
})

test('a page of 10^9 assets, of -1, of 1e3, of two sizes', async (t) => {
  const server = await startServer(t)
  for (const query of [
    'limit=1000000000',
    'limit=-1',
    'limit=1e3',
    'limit=1&limit=2',
    'limit=',
    'limit=1001',
    'limit=0x10',
  ]) {
    const answer = await fetch(`${server.url}/api/v1/assets?${query}`)
    assert.deepEqual([query, answer.status, await codeOf(answer)], [query, 400, 'BAD_QUERY'])
  }
  assert.equal((await fetch(`${server.url}/api/v1/assets?limit=1000`)).status, 200)
  assert.equal((await fetch(`${server.url}/api/v1/assets?under=..%2F..`)).status, 400)
  assert.equal((await fetch(`${server.url}/api/v1/assets?after=${'a'.repeat(2000)}`)).status, 400)
  assert.equal((await fetch(`${server.url}/api/v1/assets?__proto__=1`)).status, 400)
})

test('a foreign Origin, on changes and on the live stream', async (t) => {
  const server = await startServer(t)
  let calls = 0
  server.api.host.post('/api/v1/ingest', async () => ({ status: 200, body: { calls: (calls += 1) } }))
  const post = (headers: { readonly [name: string]: string }) =>
    fetch(`${server.url}/api/v1/ingest/a`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{}',
    })
  for (const origin of [
    'http://evil.example',
    'null',
    `http://127.0.0.1:${server.port + 1}`,
    `http://x@127.0.0.1:${server.port}`,
  ]) {
    const answer = await post({ origin })
    assert.deepEqual([origin, answer.status, await codeOf(answer)], [origin, 403, 'ORIGIN_NOT_ALLOWED'])
    const live = new LiveProbe(server.port, { origin })
    const [error] = (await once(live.socket, 'error')) as [Error]
    assert.match(error.message, /403/)
  }
  const crossSite = await sendRaw(
    server.port,
    head(
      server,
      'POST /api/v1/ingest/a',
      JSON_TYPE,
      'Content-Length: 2',
      'Connection: close',
      'Sec-Fetch-Site: cross-site',
    ),
    '{}',
  )
  assert.equal(statusOf(crossSite), 403)
  assert.equal(calls, 0)
  assert.equal((await post({ origin: server.url })).status, 200)
  assert.equal((await post({})).status, 200)
})

test('a name that somebody points at us (DNS rebinding)', async (t) => {
  const server = await startServer(t, { hosts: ['hub.acme.example'] })
  const status = async (host: string) =>
    statusOf(await sendRaw(server.port, `GET /api/v1/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '', '192.0.2.1', 'a b']) {
    assert.equal(await status(host), 421, host)
  }
  for (const host of [
    'localhost',
    `127.0.0.1:${server.port}`,
    '[::1]:8080',
    'HUB.acme.example:8080',
    'hub.acme.example.',
  ]) {
    assert.equal(await status(host), 200, host)
  }
  const live = new LiveProbe(server.port, { host: 'evil.example' })
  const [error] = (await once(live.socket, 'error')) as [Error]
  assert.match(error.message, /421/)
})

test('everything that leaves is marked against framing, sniffing and foreign scripts', async (t) => {
  const { url } = await startServer(t)
  for (const path of ['/', '/healthz', '/api/v1/status', '/api/v1/nothing', '/api/v1/assets/%ff']) {
    const { headers } = await fetch(`${url}${path}`)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /unsafe|\*/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('access-control-allow-origin'), null)
  }
})

test('too many requests', async (t) => {
  const { url } = await startServer(t, { limits: { requestsPerSecond: 2 } })
  const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(`${url}/healthz`)))
  const refused = answers.filter((answer) => answer.status === 429)
  assert.ok(refused.length >= 5)
  assert.deepEqual([refused[0]!.headers.get('retry-after'), await codeOf(refused[0]!)], ['1', 'TOO_MANY_REQUESTS'])
})

test('too many bodies at once', async (t) => {
  const server = await startServer(t, { limits: { bodiesInFlight: 1 } })
  const called = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  server.api.host.post('/api/v1/ingest', async () => {
    called.resolve()
    await release.promise
    return { status: 200, body: {} }
  })
  const post = () =>
    fetch(`${server.url}/api/v1/ingest/a`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
  const first = post()
  await called.promise
  const second = await post()
  assert.deepEqual([second.status, await codeOf(second)], [503, 'TOO_BUSY'])
  release.resolve()
  assert.equal((await first).status, 200)
})

test('too many connections', async (t) => {
  const server = await startServer(t, { limits: { connections: 3 } })
  const sockets = Array.from({ length: 3 }, () => connect(server.port, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  assert.equal(await sendRaw(server.port, ''), '')
  const closed = once(sockets[0]!, 'close')
  for (const socket of sockets) socket.destroy()
  await closed
})

test('WebSocket: 1 GB announced, bad UTF-8, binary, not JSON, too many patterns, unmasked', async (t) => {
  const server = await startServer(t)
  const handshake =
    `GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  const gigabyte = Buffer.from('81ff0000000040000000aabbccdd', 'hex')
  const unmasked = Buffer.from('81027b7d', 'hex')
  const reserved = Buffer.from('f1820000000041', 'hex')
  for (const frame of [gigabyte, unmasked, reserved]) {
    assert.match(await sendRaw(server.port, handshake, frame), /^HTTP\/1\.1 101 /)
  }
  const noVersion = handshake.replace('Sec-WebSocket-Version: 13\r\n', '')
  assert.equal(statusOf(await sendRaw(server.port, noVersion)), 400)
  for (const [data, code] of [
    [Buffer.from('{"assets":[]}'), 1008],
    ['no json', 1008],
    ['null', 1008],
    ['{"assets":"acme"}', 1008],
    ['{"assets":[1]}', 1008],
    [JSON.stringify({ assets: Array.from({ length: 1001 }, () => 'acme/berlin/x') }), 1008],
    ['['.repeat(100_000), 1008],
    [JSON.stringify({ assets: ['x'.repeat(300 << 10)] }), 1009],
  ] as const) {
    const probe = new LiveProbe(server.port)
    await once(probe.socket, 'open')
    probe.socket.send(data)
    assert.deepEqual((await once(probe.socket, 'close'))[0], code, data.toString().slice(0, 40))
  }
  await alive(server)
})

test('upgrades to something else, or somewhere else', async (t) => {
  const server = await startServer(t)
  const upgrade = (path: string, to: string) =>
    sendRaw(server.port, head(server, `GET ${path}`, 'Connection: Upgrade, close', `Upgrade: ${to}`))
  assert.equal(statusOf(await upgrade('/healthz', 'h2c')), 200)
  assert.equal(statusOf(await upgrade('/healthz', 'websocket')), 404)
})
