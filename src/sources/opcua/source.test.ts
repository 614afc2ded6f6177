import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { DataType } from 'node-opcua'
import { Secret } from '../../system/secret.ts'
import { fingerprint } from './certificates.ts'
import { SILENCE_MS } from './subscription.ts'
import { Reader } from './test-reader.ts'
import { makeIdentity, NAMESPACE, TestServer, type TestIdentity } from './test-server.ts'

const FAST = { samplingInterval: '20ms', publishingInterval: '50ms' }
const BROWSE = { browse: `ns=${NAMESPACE};Hall/Press{n}`, asset: 'line1/press{n}' }

let identities: { server: TestIdentity; client: TestIdentity; stranger: TestIdentity }

before(async () => {
  const [server, client, stranger] = await Promise.all(
    ['server', 'client', 'stranger'].map((name) => makeIdentity(`urn:test:${name}`)),
  )
  identities = { server: server!, client: client!, stranger: stranger! }
})

/** A server and a reader of it, both stopped after the test. */
async function scene(t: { after(fn: () => Promise<void>): void }, config: object = {}, server = TestServer.start()) {
  const running = await server
  const reader = new Reader({ endpoint: running.endpoint, nodes: [BROWSE], ...FAST, ...config })
  t.after(async () => {
    await reader.stop()
    await running.stop()
  })
  return { server: running, reader }
}

test('objects found by browse name become assets, their variables tags, with both times and the status', async (t) => {
  const { server, reader } = await scene(t)
  const first = await reader.value('line1/press2', 'temperature', 22)
  assert.equal(first.quality, 0)
  assert.deepEqual((await reader.value('line1/press1', 'motor.current')).value, 1)
  assert.equal((await reader.value('line1/press1', 'state')).value, 'Idle')

  const at = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
  server.set('Press1.temperature', DataType.Double, 71.3, 'UncertainLastUsableValue', at)
  const { reading, quality } = await reader.value('line1/press1', 'temperature', 71.3)
  assert.equal(quality, 0x40900000)
  assert.equal(Math.floor(reading.sourceTime), at.getTime())
  assert.ok(reading.serverTime !== undefined)
  assert.equal(reader.source.health().state, 'live')
})

test('a node id goes by namespace URI, also after a restart that moved its index', async (t) => {
  const server = await TestServer.start()
  const reader = new Reader({
    endpoint: server.endpoint,
    nodes: [{ node: `nsu=${NAMESPACE};s=Press1.temperature`, asset: 'line1/press1', tag: 'tool' }],
    ...FAST,
  })
  t.after(() => reader.stop())
  await reader.value('line1/press1', 'tool', 21)
  const { port } = server
  await server.stop()
  await reader.until(() => reader.source.health().state === 'down', 'down')
  const again = await TestServer.start({ port, before: ['urn:new:one', 'urn:new:two'] })
  t.after(() => again.stop())
  again.set('Press1.temperature', DataType.Double, 88)
  await reader.value('line1/press1', 'tool', 88)
  assert.equal(reader.source.health().state, 'live')
  assert.match(reader.source.health().reason, /changes during [\d.]+ s without connection are not known/)
})

test('a wrong node harms only itself, and is read as soon as it is there', async (t) => {
  const missing = { node: `nsu=${NAMESPACE};s=Press1.speed`, asset: 'line1/press1', tag: 'speed' }
  const foreign = { node: 'nsu=urn:nobody;s=x', asset: 'line1/press1', tag: 'x' }
  const { server, reader } = await scene(t, { nodes: [missing, foreign, BROWSE] })
  await reader.value('line1/press1', 'temperature', 21)
  await reader.until(() => reader.source.health().parts?.length === 2, 'two parts')
  assert.deepEqual(reader.source.health().parts, [
    { name: missing.node, reason: `Cannot find node "${missing.node}": the server says BadNodeIdUnknown` },
    {
      name: foreign.node,
      reason: `Cannot find node "${foreign.node}": the server has no such namespace, want one of its own`,
    },
  ])
  assert.equal(reader.source.health().state, 'live')
  server.add('Press1.speed', server.object('Press1'), 'speed', DataType.Int32, 7)
  await reader.value('line1/press1', 'speed', 7)
  await reader.until(() => reader.source.health().parts?.length === 1, 'one part')
})

test('every built-in type comes with its own type of value', async (t) => {
  const server = await TestServer.start()
  const press = server.object('Press1')
  const values: [string, DataType, unknown, unknown][] = [
    ['int64', DataType.Int64, [0xffffffff, 0xfffffff6], -10n],
    ['uint64', DataType.UInt64, [0xffffffff, 0xffffffff], 18446744073709551615n],
    ['bytes', DataType.ByteString, Buffer.from([1, 2, 255]), new Uint8Array([1, 2, 255])],
    ['boolean', DataType.Boolean, true, true],
    ['date', DataType.DateTime, new Date(1e12), '2001-09-09T01:46:40.000Z'],
    ['text', DataType.LocalizedText, { text: 'heiß', locale: 'de' }, 'heiß'],
    ['name', DataType.QualifiedName, { name: 'Tool', namespaceIndex: 1 }, 'Tool'],
    ['doubles', DataType.Double, new Float64Array([1.5, Number.NaN]), [1.5, 'NaN']],
    [
      'int64s',
      DataType.Int64,
      [
        [0, 5],
        [0x7fffffff, 0xffffffff],
      ],
      [5, 9223372036854775807n],
    ],
    ['guid', DataType.Guid, '72962B91-FA75-4AE6-8D28-B404DC7DAF63', '72962B91-FA75-4AE6-8D28-B404DC7DAF63'],
  ]
  for (const [name, type, value] of values) server.add(name, press, name, type, value)
  server.add('nan', press, 'nan', DataType.Double, Number.NaN)
  server.add('empty', press, 'empty', DataType.String, null)
  const { reader } = await scene(t, {}, Promise.resolve(server))
  for (const [name, , , want] of values) assert.deepEqual((await reader.value('line1/press1', name)).value, want, name)
  assert.deepEqual(
    [(await reader.value('line1/press1', 'nan')).value, (await reader.value('line1/press1', 'nan')).quality],
    [null, 0x803c0000],
  )
  assert.deepEqual(
    [(await reader.value('line1/press1', 'empty')).value, (await reader.value('line1/press1', 'empty')).quality],
    [null, 0x809b0000],
  )
})

test('a notification is acknowledged after its batch and not before', async (t) => {
  const server = await TestServer.start()
  const reader = new Reader({ endpoint: server.endpoint, nodes: [BROWSE], ...FAST }, { acknowledge: false })
  t.after(async () => {
    for (const batch of reader.batches.splice(0)) batch.ack()
    await reader.stop()
    await server.stop()
  })
  const kept = () => sentNotifications(server)
  await reader.value('line1/press1', 'temperature', 21)
  server.set('Press1.temperature', DataType.Double, 30)
  await reader.value('line1/press1', 'temperature', 30)
  assert.ok(kept() >= 2, `the server keeps ${kept()} notifications, want all that are not durable`)
  for (const batch of reader.batches.splice(0)) batch.ack()
  // Acknowledgements go with the next Publish request, and that goes when one is answered: here by another value. A
  // keep-alive would do, but this server counts publishing cycles, and a busy process skips most of them: it comes so
  // late that the reader takes the server for dead, and begins anew.
  server.set('Press1.temperature', DataType.Double, 31)
  await reader.value('line1/press1', 'temperature', 31)
  await reader.until(() => kept() === reader.batches.length, 'those acknowledged whose batches are')
})

/** Notifications that the server keeps for Republish because nobody acknowledged them. */
function sentNotifications(server: TestServer): number {
  return subscriptionsOf(server).reduce((sum, one) => sum + one.unacknowledgedMessageCount, 0)
}

interface ServerSubscription {
  readonly unacknowledgedMessageCount: number
  readonly publishingInterval: number
  timerId: NodeJS.Timeout
  ['_tick'](): void
}

function subscriptionsOf(server: TestServer): ServerSubscription[] {
  const engine = server.server.engine as unknown as {
    ['_sessions']: { [id: string]: { publishEngine: { subscriptions: ServerSubscription[] } } }
  }
  return Object.values(engine['_sessions']).flatMap((session) => session.publishEngine.subscriptions)
}

test('a server whose publishing cycles take twice as long as it says is slow, not dead', async (t) => {
  const { server, reader } = await scene(t)
  await reader.value('line1/press1', 'temperature', 21)
  // What a server does that is busy, or whose timers are coarse.
  const [subscription] = subscriptionsOf(server)
  clearInterval(subscription!.timerId)
  subscription!.timerId = setInterval(() => subscription!['_tick'](), 2 * subscription!.publishingInterval)
  const states = new Set<string>()
  const until = performance.now() + SILENCE_MS + 1_000
  await reader.until(() => {
    states.add(reader.source.health().state)
    return performance.now() > until
  }, 'the time in which silence is noticed')
  assert.deepEqual([...states], ['live'])
  server.set('Press1.temperature', DataType.Double, 30)
  await reader.value('line1/press1', 'temperature', 30)
  assert.deepEqual(subscriptionsOf(server), [subscription])
})

test('a log that refuses makes the subscription start anew, with the present values', async (t) => {
  const server = await TestServer.start()
  const reader = new Reader({ endpoint: server.endpoint, nodes: [BROWSE], ...FAST }, { acknowledge: false })
  t.after(async () => {
    for (const batch of reader.batches.splice(0)) batch.ack()
    await reader.stop()
    await server.stop()
  })
  await reader.value('line1/press1', 'temperature', 21)
  reader.readings.length = 0
  for (const batch of reader.batches.splice(0)) batch.fail(new Error('disk full'))
  await reader.value('line1/press1', 'temperature', 21)
})

test('a server that falls silent is left and found again: no silent polling', async (t) => {
  const server = await TestServer.start()
  const proxy = await silenceable(server.port)
  const reader = new Reader({ endpoint: `opc.tcp://127.0.0.1:${proxy.port}`, nodes: [BROWSE], ...FAST })
  t.after(async () => {
    await reader.stop()
    proxy.close()
    await server.stop()
  })
  await reader.value('line1/press1', 'temperature', 21)
  proxy.silence()
  await reader.until(() => reader.source.health().state === 'down', 'down')
  assert.match(reader.source.health().reason, /: the server has been silent for \d+ s, want a sign every 2.5 s$/)
  server.set('Press1.temperature', DataType.Double, 55)
  proxy.speak()
  await reader.value('line1/press1', 'temperature', 55)
  assert.equal(reader.source.health().state, 'live')
})

/** A way to the server on which everything can be swallowed while the connections stay open. */
async function silenceable(to: number) {
  let silent = false
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('data', (bytes) => silent || other.write(bytes))
      one.on('close', () => other.destroy())
      one.on('error', () => other.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as AddressInfo).port,
    silence: () => (silent = true),
    speak: () => (silent = false),
    close() {
      proxy.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

test('a deadband is asked for numbers and left out for texts', async (t) => {
  const { server, reader } = await scene(t, { deadband: { absolute: 5 } })
  await reader.value('line1/press1', 'state', 'Idle')
  await reader.value('line1/press1', 'temperature', 21)
  server.set('Press1.temperature', DataType.Double, 23)
  server.set('Press1.state', DataType.String, 'Execute')
  await reader.value('line1/press1', 'state', 'Execute')
  server.set('Press1.temperature', DataType.Double, 29)
  await reader.value('line1/press1', 'temperature', 29)
  assert.equal(
    reader.readings.some((reading) => reading.values['temperature'] === 23),
    false,
  )
})

test('a user name and password open a session; a wrong password is a fault for a person', async (t) => {
  const server = await TestServer.start({
    secure: true,
    identity: identities.server,
    user: { name: 'hub', password: 'correct' },
  })
  const reader = (password: string) => {
    const user = { name: 'hub', password: new Secret(password) }
    return new Reader({
      endpoint: server.endpoint,
      nodes: [BROWSE],
      ...FAST,
      security: { ...security('first-use'), user },
    })
  }
  const [good, bad] = [reader('correct'), reader('wrong')]
  t.after(async () => {
    await Promise.all([good.stop(), bad.stop()])
    await server.stop()
  })
  await good.value('line1/press1', 'temperature', 21)
  await bad.until(() => bad.source.health().state === 'failed', 'failed')
  assert.match(bad.source.health().reason, /^Cannot connect to "opc\.tcp:.*Bad(UserAccessDenied|IdentityTokenRejected)/)
  assert.equal(JSON.stringify(bad.source.health()).includes('wrong'), false)
})

test('a password does not leave this machine unencrypted', async (t) => {
  const server = await TestServer.start()
  const security = { user: { name: 'hub', password: new Secret('correct') } }
  // An address that is not called loopback, although on this machine it leads there.
  const endpoint = server.endpoint.replace('127.0.0.1', '0.0.0.0')
  const reader = new Reader({ endpoint, nodes: [BROWSE], ...FAST, security })
  t.after(async () => {
    await reader.stop()
    await server.stop()
  })
  await reader.until(() => reader.source.health().state === 'failed', 'failed')
  assert.equal(
    reader.source.health().reason,
    `Cannot send a password to "${endpoint}": mode is none, want signAndEncrypt`,
  )
})

test('Sign and encrypt reads from a server whose certificate is trusted, in each way of saying so', async (t) => {
  const server = await TestServer.start({ secure: true, identity: identities.server })
  t.after(() => server.stop())
  const print = fingerprint(identities.server.provider.getCertificate())
  for (const trust of [identities.server.cert, [identities.stranger.cert, print], 'first-use']) {
    const reader = new Reader({ endpoint: server.endpoint, nodes: [BROWSE], ...FAST, security: security(trust) })
    await reader.value('line1/press1', 'temperature', 21)
    await reader.stop()
  }
})

test('a server whose certificate is not trusted gets no session, and the reason names its fingerprint', async (t) => {
  const server = await TestServer.start({ secure: true, identity: identities.server })
  const reader = new Reader({
    endpoint: server.endpoint,
    nodes: [BROWSE],
    ...FAST,
    security: security(identities.stranger.cert),
  })
  t.after(async () => {
    await reader.stop()
    await server.stop()
  })
  await reader.until(() => reader.source.health().state === 'failed', 'failed')
  const print = fingerprint(identities.server.provider.getCertificate())
  assert.equal(
    reader.source.health().reason,
    `Cannot trust the certificate of "127.0.0.1": neither it nor its issuer is in "trust"; it is ${print}`,
  )
  assert.deepEqual(reader.readings, [])
})

function security(trust: unknown) {
  const { cert, key } = identities.client
  return { mode: 'signAndEncrypt', certificate: { cert, key }, trust }
}

after(() => {
  // The servers of the library leave handles behind that would keep the test process alive.
  setImmediate(() => process.exit())
})
