import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { makeCertificates } from '../../../test/mqtt/certificates.ts'
import { startTestBroker } from '../../../test/kafka-clients/test-broker.ts'
import { knownUser } from '../broker/access/users.ts'
import { systemClock } from '../../system/clock.ts'
import type { Net } from '../../system/net.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Secret } from '../../system/secret.ts'
import { ScramServer, scramVerifier } from '../sasl/scram.ts'
import { Frames } from '../wire/frames.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { connectLog } from './connect.ts'
import { TokenSource } from './token-source.ts'
import { until } from '../../../test/until.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet }
const USER = { mechanism: 'SCRAM-SHA-256', username: 'ann', password: new Secret('sesame') } as const
const LOOPBACK = '127.0.0.1'

/** Answers a login as `token` says; anything else it does not know. */
type Impostor = (
  token: Buffer,
  step: number,
) => Promise<{ error?: number; message?: string; token?: Buffer } | 'silence'>

const HANDSHAKE = 17
const API_VERSIONS = 18

async function impostor(t: TestContext, answer: Impostor) {
  const connections: Socket[] = []
  const listener = await nodeNet.listen({ host: LOOPBACK, port: 0 }, undefined, (socket) => {
    connections.push(socket)
    const frames = new Frames(2 ** 20)
    let step = 0
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      for (let frame = frames.next(); frame; frame = frames.next()) void reply(socket, frame, answer, () => step++)
    })
  })
  t.after(async () => {
    for (const socket of connections) socket.destroy()
    await listener.close()
  })
  return { brokers: [listener.address], connections }
}

async function reply(socket: Socket, frame: Buffer, answer: Impostor, step: () => number): Promise<void> {
  const body = new Reader(frame)
  const key = body.int16()
  body.int16()
  const writer = new Writer(false)
  writer.int32(body.int32())
  body.nullableString()
  writer.int16(0)
  if (key === API_VERSIONS) {
    const ranges = Array.from({ length: 70 }, (_, api) => api)
    writer.array(ranges, (api) => [api, 0, 15].forEach((field) => writer.int16(field)))
  } else if (key === HANDSHAKE) {
    writer.array(['SCRAM-SHA-256'], (one) => writer.string(one))
  } else {
    const said = await answer(body.nullableBytes()!, step())
    if (said === 'silence') return
    const failed = new Writer(false)
    failed.int32(frame.readInt32BE(4))
    failed.int16(said.error ?? 0)
    failed.string(said.message ?? null)
    failed.records(said.token ?? Buffer.alloc(0))
    failed.int64(0)
    for (const part of failed.finish()) socket.write(part)
    return
  }
  for (const part of writer.finish()) socket.write(part)
}

const connect = (brokers: { host: string; port: number }[], net: Net = nodeNet) =>
  connectLog({ brokers, system: { ...system, net }, security: { sasl: USER }, patienceMs: 0 })

test('a server that does not know the password is not believed, whatever it says', async (t) => {
  const verifier = await scramVerifier('SCRAM-SHA-256', 'another password', Buffer.from('0123456789'), 4096)
  const scram = () =>
    new ScramServer('SCRAM-SHA-256', { verifiers: () => [verifier], decoy: () => verifier, nonce: 'server' })
  let server = scram()
  const forged = await impostor(t, async (token, step) => {
    if (step === 0) server = scram()
    return step === 0 ? { token: (await server.step(token)).answer } : { token: Buffer.from(`v=${'A'.repeat(43)}=`) }
  })
  await assert.rejects(connect(forged.brokers), {
    code: 'LOG_NOT_AUTHENTICATED',
    message: /Cannot believe the server: its signature is wrong/,
  })
  const hasty = await impostor(t, () => Promise.resolve({ token: Buffer.alloc(0) }))
  await assert.rejects(connect(hasty.brokers), { code: 'LOG_NOT_AUTHENTICATED', message: /sent no nonce/ })
})

test('a server that asks for endless work, or goes on for ever, or talks garbage, is left', async (t) => {
  const cases: [Impostor, RegExp][] = [
    [(token) => Promise.resolve({ token: greedy(token) }), /asks for 999999999 iterations/],
    [() => Promise.resolve({ token: Buffer.from([0xff, 0xfe]) }), /not UTF-8/],
    [() => Promise.resolve({ error: 58, message: 'no\r\nway' }), /: no {2}way$/],
    [() => Promise.resolve({ error: 34 }), /answers error 34/],
  ]
  for (const [answer, message] of cases) {
    const { brokers } = await impostor(t, answer)
    await assert.rejects(connect(brokers), { code: 'LOG_NOT_AUTHENTICATED', message })
  }
})

function greedy(token: Buffer): Buffer {
  const nonce = /r=([^,]*)/.exec(token.toString())![1]!
  return Buffer.from(`r=${nonce}x,s=AAAA,i=999999999`)
}

test('a server that falls silent in the middle of a login is given up', async (t) => {
  const { brokers } = await impostor(t, () => Promise.resolve('silence'))
  // Time flies: twenty seconds of it pass at once.
  const clock = { ...systemClock, after: (ms: number, fn: () => void) => systemClock.after(ms / 100, fn) }
  await assert.rejects(connectLog({ brokers, system: { ...system, clock }, security: { sasl: USER }, patienceMs: 0 }), {
    code: 'LOG_UNAVAILABLE',
    message: /no answer came within 20000 ms/,
  })
})

test('a log that runs survives that its password is changed, tries slowly, says why, and goes on when it is mended', async (t) => {
  const user = (password: string) =>
    knownUser(
      { name: 'ann', password: new Secret(password), can: ['admin'], topics: ['*'], groups: ['*'] },
      systemRandom,
    )
  const users = [await user('sesame')]
  const server = await startTestBroker(t, { security: { users } })
  let dials = 0
  const net: Net = {
    ...nodeNet,
    connect(to, tls) {
      dials++
      return nodeNet.connect(to, tls)
    },
  }
  // The clock of the client runs fifty times as fast: ten seconds are a fifth of one.
  const clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() * 50,
    sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 50, signal),
  }
  const log = await connectLog({
    brokers: [server.broker.address],
    system: { ...system, net, clock },
    security: { sasl: USER },
    deliveryMs: 1e9,
  })
  t.after(() => log.close())
  await log.ensure([{ name: 't', partitions: 1 }])
  const stop = new AbortController()
  const seen: number[] = []
  const reading = (async () => {
    for await (const { records } of log.read([{ topic: 't', partition: 0, offset: 0 }], { signal: stop.signal })) {
      seen.push(...records.map(({ offset }) => offset))
      if (seen.length === 2) return
    }
  })()
  await log.append('t', [{ key: 'k', value: '1', timestamp: 1 }])
  users.splice(0, 1, await user('changed'))
  await server.restart()
  dials = 0
  const late = log.append('t', [{ key: 'k', value: '2', timestamp: 1 }])
  await until(() => log.state().lastError?.code === 'LOG_NOT_AUTHENTICATED')
  assert.match(log.state().lastError!.message, /wrong name or password/)
  assert.equal(log.state().connected, false)
  const before = dials
  await systemClock.sleep(1_000)
  // Five times ten seconds: a handful of tries, not one for each of the pauses of 2 s in between.
  assert.ok(dials - before <= 8, `${dials - before} tries in 50 s`)
  users.splice(0, 1, await user('sesame'))
  await server.restart()
  await late
  await reading
  assert.deepEqual(seen, [0, 1])
  assert.equal(log.state().lastError, undefined)
})

test('certificates: expired, of another host, of an unknown authority, of another server', async (t) => {
  const { folder, ca, server } = await makeCertificates()
  const listen = async (identity: { key: string; cert: string }) => {
    const listener = await nodeNet.listen({ host: LOOPBACK, port: 0 }, identity, (socket) =>
      socket.on('error', () => {}),
    )
    t.after(() => listener.close())
    return [listener.address]
  }
  const refused = async (brokers: { host: string; port: number }[], tls: object, message: RegExp) => {
    const connecting = connectLog({ brokers, system, security: { tls }, patienceMs: 0 })
    await assert.rejects(connecting, { code: 'LOG_TLS_FAILED', message, retriable: false })
  }
  const good = await listen(server)
  await refused(good, {}, /nobody we trust has signed its certificate/)
  await refused(good, { ca, serverName: 'kafka.example' }, /its certificate is of another host/)
  await refused(await listen(await expired(folder)), { ca }, /its certificate has expired/)
  const other = await makeCertificates()
  await refused(good, { pinned: other.server.cert }, /it is another server/)
  await refused(good, { ca, cert: 'no PEM', key: 'no PEM' }, /cannot be used/)
})

/** A certificate of the authority in the folder that was valid for a day, long ago. */
async function expired(folder: string): Promise<{ key: string; cert: string }> {
  await writeFile(join(folder, 'index.txt'), '')
  await writeFile(
    join(folder, 'ca.conf'),
    '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n',
  )
  const times = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z']
  const signing = ['-config', 'ca.conf', '-cert', 'ca.crt', '-keyfile', 'ca.key', '-extfile', 'server.ext']
  const args = ['ca', '-batch', '-notext', ...signing, ...times, '-in', 'server.csr', '-out', 'expired.crt']
  await promisify(execFile)('openssl', args, { cwd: folder })
  return {
    key: await readFile(join(folder, 'server.key'), 'utf8'),
    cert: await readFile(join(folder, 'expired.crt'), 'utf8'),
  }
}

async function endpoint(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, LOOPBACK)
  await once(server, 'listening')
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://${LOOPBACK}:${port}/token?x=1`, clientId: 'hub:1', clientSecret: new Secret('a b') }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

test('tokens: asked for as RFC 6749 says, kept for 80 % of their life, fetched once for all who wait', async (t) => {
  const asked: unknown[] = []
  let now = 0
  const clock = { ...systemClock, monotonic: () => now }
  const at = await endpoint(t, (request, response) => {
    void (async () => {
      const { authorization, 'content-type': type } = request.headers
      asked.push([request.method, request.url, authorization, type, await textOf(request)])
      response.end(JSON.stringify({ access_token: `token${asked.length}`, expires_in: 100 }))
    })()
  })
  const tokens = new TokenSource({ ...at, scope: 'kafka x' }, { clock, net: nodeNet })
  assert.deepEqual(await Promise.all([tokens.get(), tokens.get()]), ['token1', 'token1'])
  const basic = `Basic ${Buffer.from('hub%3A1:a%20b').toString('base64')}`
  const form = 'application/x-www-form-urlencoded'
  const wanted = ['POST', '/token?x=1', basic, form, 'grant_type=client_credentials&scope=kafka+x']
  assert.deepEqual(asked, [wanted])
  now = 79_999
  assert.equal(await tokens.get(), 'token1')
  now = 80_000
  assert.equal(await tokens.get(), 'token2')
})

const REFUSALS: readonly [what: string, RequestListener, code: string, message: RegExp][] = [
  [
    'refuses',
    (_, response) => response.writeHead(401).end('{"error":"invalid_client","error_description":"no such client"}'),
    'LOG_NOT_AUTHENTICATED',
    /refuses us with 401 invalid_client: no such client$/,
  ],
  ['is down', (_, response) => response.writeHead(503).end('x'), 'LOG_UNAVAILABLE', /it answered 503, want an answer/],
  ['sends no token', (_, response) => response.end('[1]'), 'LOG_UNAVAILABLE', /it answered 200 without a token/],
  ['sends no JSON', (_, response) => response.end('<html>'), 'LOG_UNAVAILABLE', /without a token/],
  ['sends a megabyte', (_, response) => response.end('x'.repeat(1e6)), 'LOG_UNAVAILABLE', /over 65536 bytes/],
  ['never answers', () => {}, 'LOG_UNAVAILABLE', /no answer within 10000 ms/],
  ['trickles', (_, response) => void response.write('{'), 'LOG_UNAVAILABLE', /no answer within 10000 ms|aborted/],
]
for (const [what, listener, code, message] of REFUSALS) {
  test(`a token endpoint that ${what}`, async (t) => {
    const clock = { ...systemClock, after: (ms: number, fn: () => void) => systemClock.after(ms / 50, fn) }
    const tokens = new TokenSource(await endpoint(t, listener), { clock, net: nodeNet })
    await assert.rejects(tokens.get(), { code, message })
  })
}

test('a token endpoint with a certificate that nobody knows, and one that is not there', async () => {
  const { server } = await makeCertificates()
  const listener = await nodeNet.listen({ host: LOOPBACK, port: 0 }, server, () => {})
  const url = `https://localhost:${listener.address.port}/`
  const tokens = new TokenSource({ endpoint: url, clientId: 'a', clientSecret: new Secret('b') }, system)
  await assert.rejects(tokens.get(), { code: 'LOG_TLS_FAILED', message: /nobody we trust/ })
  await listener.close()
  await assert.rejects(tokens.get(), { code: 'LOG_UNAVAILABLE', message: /ECONNREFUSED/ })
})
