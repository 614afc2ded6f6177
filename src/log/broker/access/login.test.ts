import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { makeCertificates } from '../../../../test/mqtt/certificates.ts'
import { RawClient } from '../../../../test/kafka-clients/raw-client.ts'
import { createTopics, produce } from '../../../../test/kafka-clients/requests.ts'
import { startTestBroker } from '../../../../test/kafka-clients/test-broker.ts'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import { systemClock, type Clock } from '../../../system/clock.ts'
import { nodeNet } from '../../../system/node-net.ts'
import { systemRandom } from '../../../system/random.ts'
import { Secret } from '../../../system/secret.ts'
import { connectLog } from '../../client/connect.ts'
import type { ConnectOptions } from '../../client/connect.ts'
import type { Log } from '../../log.ts'
import type { SaslCredentials } from '../../security.ts'
import { PlainClient } from '../../sasl/plain.ts'
import { ScramClient } from '../../sasl/scram.ts'
import type { BrokerSecurity } from '../broker.ts'
import { guardListener } from './guard.ts'
import { knownUser } from './users.ts'
import type { UserAccount } from './users.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet }
const ALL = { topics: ['*'], groups: ['*'] }
const ANN: UserAccount = { name: 'ann', password: new Secret('sesame, öpen=1'), can: ['admin'], ...ALL }
/** Not in a normal form: `ü` in two characters. */
const BOB: UserAccount = { name: 'bob', password: new Secret('Ku\u0308hlung'), can: ['read'], ...ALL }
const PRESS: UserAccount = { name: 'press7', can: ['admin'], ...ALL }

async function secured(t: TestContext, more: Partial<BrokerSecurity> = {}, limits = {}) {
  const users = await Promise.all([ANN, BOB, PRESS].map((user) => knownUser(user, systemRandom)))
  return startTestBroker(t, { security: { users, ...more }, limits })
}

type Server = Awaited<ReturnType<typeof secured>>

async function open(
  t: TestContext,
  server: Server,
  sasl: SaslCredentials,
  more: Partial<ConnectOptions> = {},
): Promise<Log> {
  const log = await connectLog({ brokers: [server.broker.address], system, security: { sasl }, ...more })
  t.after(() => log.close())
  return log
}

function credentials(
  mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
  { name, password }: UserAccount,
  other?: string,
) {
  return { mechanism, username: name, password: other === undefined ? password! : new Secret(other) } as const
}

for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
  test(`${mechanism}: our client logs in and works; with a wrong password or name it is told so at once`, async (t) => {
    const server = await secured(t)
    const log = await open(t, server, credentials(mechanism, ANN))
    await log.ensure([{ name: 't', partitions: 1 }])
    await log.append('t', [{ key: 'k', value: 'v', timestamp: 1 }])
    assert.deepEqual(await log.ends('t'), [{ partition: 0, start: 0, end: 1 }])
    for (const sasl of [credentials(mechanism, ANN, 'wrong'), credentials(mechanism, { ...ANN, name: 'nobody' })]) {
      await assert.rejects(open(t, server, sasl), {
        code: 'LOG_NOT_AUTHENTICATED',
        message: 'Cannot log in to the log: Cannot log in: wrong name or password',
        retriable: false,
      })
    }
    const said = server.log.join('\n')
    assert.match(said, /Kafka login refused .*user=ann reason="Cannot log in: wrong (name or )?password"/)
    assert.match(said, /Kafka login refused .*user=nobody/)
    assert.doesNotMatch(said, /sesame/)
  })

  test(`${mechanism}: a password in any of its Unicode forms is taken`, async (t) => {
    const server = await secured(t)
    await open(t, server, credentials(mechanism, BOB))
    await open(t, server, credentials(mechanism, BOB, 'K\u00fchlung'))
  })
}

test('our client says which mechanisms there are where its own is not, and which it lacks where none is', async (t) => {
  const server = await secured(t)
  const token = { mechanism: 'OAUTHBEARER', token: new Secret('x') } as const
  await assert.rejects(open(t, server, token), {
    message:
      'Cannot log in to the log: the broker does not know OAUTHBEARER, want one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512',
  })
  const anonymous = await startTestBroker(t)
  await assert.rejects(open(t, anonymous, credentials('PLAIN', ANN)), {
    message: 'Cannot log in to the log: the listener asks nobody to log in, want no "sasl"',
  })
})

test('without a login only what leads to one is answered; anything else ends the connection', async (t) => {
  const server = await secured(t)
  const client = await server.connect()
  const versions = await client.request('apiVersions', 3, (body) => {
    body.string('test')
    body.string('1')
    body.tags()
  })
  assert.equal(versions.int16(), 0)
  const { bytes } = client.encode('metadata', 4, (body) => {
    body.array(null, () => {})
    body.boolean(false)
  })
  client.send(bytes)
  await client.closed
  assert.match(server.log.join('\n'), /Cannot answer Metadata: nobody has logged in/)
})

test('before a login requests are small, and after it they are not', async (t) => {
  const server = await secured(t)
  const client = await server.connect()
  client.send(Buffer.from([0, 1, 0, 1]))
  await client.closed
  assert.match(server.log.join('\n'), /Cannot read request: size is 65537, want 1 to 65536/)
  const big = await server.connect()
  await plainLogin(big, 'ann', 'sesame, öpen=1')
  await createTopics(big, [{ name: 't' }])
  assert.equal((await produce(big, makeBatch([{ value: 'x'.repeat(200_000) }]))).error, 0)
})

test('who does not log in is gone after a while; who does stays', async (t) => {
  const server = await secured(t, {}, { loginMs: 300 })
  const [silent, half, whole] = [await server.connect(), await server.connect(), await server.connect()]
  await handshake(half, 'SCRAM-SHA-256')
  await plainLogin(whole, 'ann', 'sesame, öpen=1')
  await Promise.all([silent.closed, half.closed])
  await createTopics(whole, [{ name: 't' }])
  assert.match(server.log.join('\n'), /Nobody has logged in for \d+ ms/)
})

test('strangers have their own bounds, and do not take the places of others', async (t) => {
  const server = await secured(t, {}, { maxStrangers: 3, maxStrangersOfAddress: 2 })
  const inside = await server.connect()
  await plainLogin(inside, 'ann', 'sesame, öpen=1')
  for (let i = 0; i < 2; i++) await server.connect()
  const third = await server.connect()
  await third.closed
  assert.match(server.log.join('\n'), /Kafka connection refused .*2 of its address have not logged in yet/)
  await createTopics(inside, [{ name: 't' }])
})

test('bad tokens: garbage, none, one out of turn, a megabyte; each ends its own connection', async (t) => {
  const server = await secured(t)
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-512']) {
    for (const token of [Buffer.alloc(0), Buffer.from([0xff, 0xfe, 0]), Buffer.from('p=tls-unique,,n=a,r=b')]) {
      const client = await server.connect()
      await handshake(client, mechanism)
      assert.equal((await authenticate(client, token)).error, 58)
      await client.closed
    }
  }
  const early = await server.connect()
  assert.deepEqual(await authenticate(early, Buffer.from('\0ann\0x')), {
    error: 34,
    message: 'No login has begun, want SaslHandshake first',
    token: Buffer.alloc(0),
    lifetimeMs: 0,
  })
  await early.closed
  const huge = await server.connect()
  await handshake(huge, 'PLAIN')
  huge.send(huge.encode('saslAuthenticate', 1, (body) => body.records(Buffer.alloc(1_000_000))).bytes)
  await huge.closed
  const good = await server.connect()
  await plainLogin(good, 'ann', 'sesame, öpen=1')
})

test('after many failures an address waits: also the right password is not looked at', async (t) => {
  const server = await secured(t)
  const tries = Array.from({ length: 25 }, async () => {
    const client = await server.connect()
    await handshake(client, 'PLAIN')
    return authenticate(client, Buffer.from('\0ann\0wrong'))
  })
  // The first answers come soon, the last after five seconds; those that are blocked are in the log by then.
  await Promise.race(tries)
  const client = await server.connect()
  await handshake(client, 'PLAIN')
  const { error, message } = await authenticate(client, Buffer.from('\0ann\0sesame, öpen=1'))
  assert.deepEqual([error, message], [58, 'Too many logins have failed, want a pause of a minute'])
})

test('a handshake of version 0: tokens come bare (before KIP-152)', async (t) => {
  const server = await secured(t)
  const client = await server.connect()
  await handshake(client, 'SCRAM-SHA-256', 0)
  const scram = new ScramClient('SCRAM-SHA-256', { name: 'ann', password: 'sesame, öpen=1', nonce: 'abc' })
  client.send(framed(await scram.first()))
  client.send(framed((await scram.next(await client.next()))!))
  assert.equal(await scram.next(await client.next()), undefined)
  await createTopics(client, [{ name: 't' }])
  const wrong = await server.connect()
  await handshake(wrong, 'PLAIN', 0)
  wrong.send(framed(Buffer.from('\0ann\0wrong')))
  await wrong.closed
})

test('a session that runs out: our client renews it and nobody notices; one that does not is closed', async (t) => {
  const server = await secured(t, { sessionMs: 1_000 })
  const lazy = await server.connect()
  assert.equal(await plainLogin(lazy, 'ann', 'sesame, öpen=1'), 1_000)
  // Its timers go off early, so a machine that is slow has most of a second to renew in.
  const clock: Clock = { ...systemClock, after: (ms, fn) => systemClock.after(ms / 4, fn) }
  const log = await open(t, server, credentials('SCRAM-SHA-512', ANN), { system: { ...system, clock } })
  await log.ensure([{ name: 't', partitions: 2 }])
  const until = systemClock.monotonic() + 2_500
  let appended = 0
  while (systemClock.monotonic() < until) {
    await Promise.all([1, 2, 3].map((n) => log.append('t', [{ key: `k${n}`, value: 'v', timestamp: 1 }])))
    appended += 3
  }
  const ends = await log.ends('t')
  assert.equal(
    ends.reduce((sum, { end }) => sum + end, 0),
    appended,
  )
  const { bytes } = lazy.encode('metadata', 4, (body) => {
    body.array(null, () => {})
    body.boolean(false)
  })
  lazy.send(bytes)
  await lazy.closed
  const closed = server.log.filter((line) => line.includes('connection closed'))
  assert.equal(closed.length, 1, closed.join('\n'))
  assert.match(closed[0]!, /the login of \\?"ann\\?" has run out/)
})

test('who logs in again must be who they were, and is asked for nothing else meanwhile', async (t) => {
  const server = await secured(t)
  const client = await server.connect()
  await plainLogin(client, 'ann', 'sesame, öpen=1')
  await plainLogin(client, 'ann', 'sesame, öpen=1')
  await handshake(client, 'PLAIN')
  const other = await authenticate(client, Buffer.from('\0bob\0Ku\u0308hlung'))
  assert.deepEqual([other.error, other.message], [58, 'Cannot log in again: another user began'])
  await client.closed
  const between = await server.connect()
  await plainLogin(between, 'ann', 'sesame, öpen=1')
  await handshake(between, 'PLAIN')
  between.send(between.encode('metadata', 4, (body) => body.array(null, () => {})).bytes)
  await between.closed
  assert.match(server.log.join('\n'), /Cannot answer Metadata: a login is under way/)
})

test('the hub has a door of its own: its user comes in there, the others do not, nor it elsewhere', async (t) => {
  const { security, login } = await guardListener({ users: [ANN] }, systemRandom)
  const server = await startTestBroker(t, { security: security! })
  const door = server.broker.hubAddress!
  assert.equal(door.host, '127.0.0.1')
  const log = await connectLog({ brokers: [door], system, security: login! })
  t.after(() => log.close())
  await log.ensure([{ name: '__own', partitions: 1 }])
  const refused = { code: 'LOG_NOT_AUTHENTICATED' }
  const sasl = credentials('SCRAM-SHA-256', ANN)
  // Whoever tries at the hub's door does not keep the hub out.
  for (let i = 0; i < 25; i++) {
    await assert.rejects(connectLog({ brokers: [door], system, security: { sasl } }), refused)
  }
  const again = await connectLog({ brokers: [door], system, security: login! })
  await again.close()
  await assert.rejects(connectLog({ brokers: [server.broker.address], system, security: login! }), refused)
})

test('a client certificate is a login, where its user has no password', async (t) => {
  const { ca, server: cert, client } = await makeCertificates()
  const server = await secured(t, { tls: { ...cert, ca } })
  const { address } = server.broker
  const log = await connectLog({ brokers: [address], system, security: { tls: { ca, ...client } } })
  t.after(() => log.close())
  await log.ensure([{ name: 't', partitions: 1 }])
  await assert.rejects(connectLog({ brokers: [address], system, security: { tls: { ca } } }), {
    code: 'LOG_TLS_FAILED',
    message: /it does not take our certificate/,
  })
  // A certificate is not enough for a user that has a password, and does not hinder one either.
  const sasl = credentials('PLAIN', ANN)
  const both = await connectLog({ brokers: [address], system, security: { tls: { ca, ...client }, sasl } }).then(
    (other) => other.close().then(() => 'in'),
    (error: unknown) => String(error),
  )
  assert.match(both, /another user began/)
})

test('clients are told the name by which they looked for the broker', async (t) => {
  const { ca, server: cert } = await makeCertificates()
  const server = await secured(t, { tls: cert })
  const { port } = server.broker.address
  const socket = await nodeNet.connect({ host: 'localhost', port }, { ca })
  const client = new RawClient(socket)
  t.after(() => client.close())
  await plainLogin(client, 'ann', 'sesame, öpen=1')
  const answer = await client.request('metadata', 4, (body) => {
    body.array([], () => {})
    body.boolean(false)
  })
  answer.int32()
  assert.deepEqual(
    answer.array(() => {
      const node = [answer.int32(), answer.string(), answer.int32()]
      answer.nullableString()
      return node
    }),
    [[0, 'localhost', port]],
  )
})

test('plain bytes on the TLS port, and TLS on the plain port, are told apart', async (t) => {
  const { ca, server: cert } = await makeCertificates()
  const secure = await secured(t, { tls: cert })
  const plain = await secured(t)
  const sasl = credentials('SCRAM-SHA-256', ANN)
  await assert.rejects(connectLog({ brokers: [secure.broker.address], system, security: { sasl }, patienceMs: 0 }), {
    code: 'LOG_UNAVAILABLE',
    message: /the connection was closed \(does its listener want TLS\?\)/,
  })
  await assert.rejects(
    connectLog({ brokers: [plain.broker.address], system, security: { tls: { ca }, sasl }, patienceMs: 0 }),
    {
      code: 'LOG_UNAVAILABLE',
      message: /before secure TLS connection was established \(is its listener without TLS\?\)/,
    },
  )
  assert.match(plain.log.join('\n'), /Cannot read request: size is \d+ \(a TLS hello\)/)
})

async function handshake(client: RawClient, mechanism: string, version = 1): Promise<string[]> {
  const answer = await client.request('saslHandshake', version, (body) => body.string(mechanism))
  assert.equal(answer.int16(), 0)
  return answer.array((reader) => reader.string())
}

async function authenticate(client: RawClient, token: Buffer) {
  const answer = await client.request('saslAuthenticate', 2, (body) => {
    body.records(token)
    body.tags()
  })
  const error = answer.int16()
  const message = answer.nullableString()
  return { error, message, token: Buffer.from(answer.nullableBytes()!), lifetimeMs: answer.int64() }
}

async function plainLogin(client: RawClient, name: string, password: string): Promise<number> {
  await handshake(client, 'PLAIN')
  const { error, lifetimeMs } = await authenticate(client, await new PlainClient(name, password).first())
  assert.equal(error, 0)
  return lifetimeMs
}

function framed(token: Buffer): Buffer {
  const frame = Buffer.alloc(4 + token.length)
  frame.writeInt32BE(token.length)
  token.copy(frame, 4)
  return frame
}
