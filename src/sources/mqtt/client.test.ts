import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connectAsync } from 'mqtt'
import type { IClientPublishOptions, MqttClient } from 'mqtt'
import type { HealthState } from '../../component/health.ts'
import type { Batch, MachineCommand, Source } from '../../component/source.ts'
import { Quality } from '../../model/quality.ts'
import { systemClock } from '../../system/clock.ts'
import type { Clock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Secret } from '../../system/secret.ts'
import { need } from '../../../tools/need.ts'
import { Relay } from '../../../test/faults/relay.ts'
import { makeCertificates } from '../../../test/mqtt/certificates.ts'
import { mqttClientConfig } from './client-config.ts'
import { createMqttClient } from './client.ts'
import { freePorts } from '../../../tools/free-ports.ts'

const TOPICS = { 'cars/{car}': { asset: 'fleet/{car}' } }

async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!
}

/** A real broker, with a session store that outlives it. */
class Mosquitto {
  readonly #program: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-mosquitto-'))
  readonly #extra: readonly string[]
  #process: ChildProcess | undefined
  port = 0

  constructor(program: string, extra: readonly string[]) {
    this.#program = program
    this.#extra = extra
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  get folder(): string {
    return this.#folder
  }

  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort()
    const file = join(this.#folder, 'mosquitto.conf')
    const lines = [
      `listener ${this.port} 127.0.0.1`,
      'persistence true',
      `persistence_location ${this.#folder}/`,
      'log_dest stderr',
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...(this.#extra.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
      ...this.#extra,
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    this.#process = spawn(this.#program, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    for await (const chunk of this.#process.stderr!.iterator({ destroyOnReturn: false })) {
      log += String(chunk)
      if (log.includes(' running')) break
      assert.ok(!log.includes('Error'), log)
    }
    this.#process.stderr!.resume()
  }

  async stop(): Promise<void> {
    if (this.#process?.exitCode !== null) return
    this.#process.kill('SIGTERM')
    await once(this.#process, 'exit')
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function broker(t: TestContext, extra: readonly string[] = []): Promise<Mosquitto | undefined> {
  const program = need('mosquitto')
  if (program === undefined) {
    t.skip('mosquitto is not installed')
    return undefined
  }
  const mosquitto = new Mosquitto(program, extra)
  await mosquitto.start()
  t.after(async () => {
    await mosquitto.stop()
    mosquitto.remove()
  })
  return mosquitto
}

/** A source at work, and a hub that takes its batches when asked to. */
class Reader {
  readonly source: Source
  readonly #stop = new AbortController()
  readonly #batches: AsyncIterator<Batch>
  #next: Promise<IteratorResult<Batch>> | undefined
  readonly values: unknown[] = []
  readonly #signal: AbortSignal

  constructor(t: TestContext, url: string, config: object = {}, clock = systemClock) {
    this.#signal = t.signal
    const system = {
      clock,
      random: systemRandom,
      disk: fileDisk,
      net: nodeNet,
      logger: silentLogger,
      metrics: new Metrics(),
    }
    const http = { post: () => () => {} }
    const context = { name: 'cars', site: 'acme/berlin', system, http }
    const checked = mqttClientConfig.parse({ broker: url, topics: TOPICS, ...config })
    this.source = createMqttClient(checked, context)
    this.#batches = this.source.read(this.#stop.signal)[Symbol.asyncIterator]()
    t.after(() => this.stop())
    this.pull()
  }

  /** Asks for the next batch, as a hub with room does. */
  pull(): void {
    this.#next ??= this.#batches.next()
  }

  /** Resolves when the batch that was asked for is there; the source makes the next one when this one is taken. */
  async offered(): Promise<void> {
    await this.#next
  }

  async take(): Promise<Batch> {
    this.pull()
    const next = await this.#next!
    if (next.done === true) throw new Error('the source has ended')
    const batch: Batch = next.value
    this.#next = undefined
    this.pull()
    for (const item of batch.items) {
      this.values.push(item.kind === 'reading' ? item.reading.values['value'] : item.kind)
    }
    return batch
  }

  /** Takes and acknowledges until that many items have come in all. */
  async takeAll(count: number): Promise<void> {
    while (this.values.length < count) (await this.take()).ack()
  }

  async until(state: HealthState): Promise<string> {
    for (;;) {
      const health = this.source.health()
      if (health.state === state) return health.reason
      await systemClock.sleep(5, this.#signal)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#next
    await this.#batches.return?.()
  }
}

async function publisher(t: TestContext, url: string, options = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { protocolVersion: 5, ...options })
  t.after(() => client.end(true))
  return client
}

async function publish(client: MqttClient, topic: string, value: unknown, options: IClientPublishOptions = {}) {
  await client.publishAsync(topic, JSON.stringify(value), { qos: 1, ...options })
}

const LIMIT = { timeout: 30_000 }

test('messages of every QoS arrive, mapped', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  for (const protocol of ['5', '3.1.1']) {
    const reader = new Reader(t, mosquitto.url, { protocol, clientId: `reader-${protocol}` })
    assert.equal(await reader.until('stale'), `Connected to ${mosquitto.url}; no data yet`)
    const client = await publisher(t, mosquitto.url)
    await publish(client, 'cars/1', 1, { qos: 0 })
    await publish(client, 'cars/1', 2, { qos: 1 })
    await publish(client, 'cars/1', { value: 3, timestamp_ms: 1_732_287_000_123 }, { qos: 2 })
    await client.publishAsync('cars/1', 'no JSON', { qos: 1 })
    await reader.takeAll(4)
    assert.deepEqual(reader.values, [1, 2, 3, 'rejected'])
    assert.equal(reader.source.health().state, 'live')
    await reader.stop()
    assert.equal(reader.source.health().state, 'stopped')
  }
})

test('what was not acknowledged comes again, what was does not', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const reader = new Reader(t, mosquitto.url)
  await reader.until('stale')
  const client = await publisher(t, mosquitto.url)
  await publish(client, 'cars/1', 'acknowledged')
  ;(await reader.take()).ack()
  await publish(client, 'cars/1', 'refused')
  ;(await reader.take()).fail(new Error('the disk is full'))
  assert.equal(await reader.until('down'), `Cannot use ${mosquitto.url}: the log refused messages: the disk is full`)
  // The connection comes back by itself, and with it the message.
  await reader.takeAll(3)
  await reader.stop()
  const second = new Reader(t, mosquitto.url)
  await publish(client, 'cars/1', 'last')
  await second.takeAll(1)
  assert.deepEqual([reader.values, second.values], [['acknowledged', 'refused', 'refused'], ['last']])
})

test('a client that dies before its acknowledgement gets the messages again', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const first = new Reader(t, mosquitto.url)
  await first.until('stale')
  const client = await publisher(t, mosquitto.url)
  await publish(client, 'cars/1', 1)
  const batch = await first.take()
  // The broker gives the session to the newcomer; to it, the first one is dead.
  const second = new Reader(t, mosquitto.url)
  assert.equal(await first.until('down'), `Cannot use ${mosquitto.url}: the broker closed the connection`)
  batch.ack()
  await first.stop()
  await second.takeAll(1)
  assert.deepEqual([first.values, second.values], [[1], [1]])
})

test('many messages are on their way at once, acknowledged in their order', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const reader = new Reader(t, mosquitto.url)
  await reader.until('stale')
  const client = await publisher(t, mosquitto.url)
  const batches: Batch[] = []
  for (let value = 0; value < 10; value++) {
    await publish(client, 'cars/1', value)
    batches.push(await reader.take())
  }
  for (const batch of batches) batch.ack()
  await reader.stop()
  const second = new Reader(t, mosquitto.url)
  await publish(client, 'cars/1', 'last')
  await second.takeAll(1)
  assert.deepEqual([reader.values, second.values], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], ['last']])
})

test('stopping waits for the acknowledgement of what was taken', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const reader = new Reader(t, mosquitto.url)
  await reader.until('stale')
  const client = await publisher(t, mosquitto.url)
  await publish(client, 'cars/1', 1)
  const batch = await reader.take()
  const stopped = reader.stop()
  batch.ack()
  await stopped
  const second = new Reader(t, mosquitto.url)
  await publish(client, 'cars/1', 'last')
  await second.takeAll(1)
  assert.deepEqual(second.values, ['last'])
})

test('the broker restarts: the client comes back, and so do the messages', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const reader = new Reader(t, mosquitto.url)
  await reader.until('stale')
  const before = await publisher(t, mosquitto.url)
  await publish(before, 'cars/1', 1)
  await reader.takeAll(1)
  before.end(true)
  await mosquitto.stop()
  assert.match(
    await reader.until('down'),
    /^Cannot use mqtt:.*: (the broker closed the connection|.*shutting down.*|the broker says 0x8b)/i,
  )
  await mosquitto.start()
  const after = await publisher(t, mosquitto.url)
  await publish(after, 'cars/1', 2)
  await reader.takeAll(2)
  assert.deepEqual(reader.values, [1, 2])
  assert.equal(reader.source.health().state, 'live')
})

test('a hub that takes nothing stops the stream, and nothing is lost', LIMIT, async (t) => {
  const mosquitto = await broker(t, ['max_inflight_messages 0', 'max_queued_messages 0'])
  if (mosquitto === undefined) return
  const { clock, stopped } = watchedClock()
  const reader = new Reader(t, mosquitto.url, { protocol: '3.1.1' }, clock)
  await reader.until('stale')
  const client = await publisher(t, mosquitto.url)
  const first = reader.take()
  await publish(client, 'cars/1', 0)
  const held = await first
  // The batch after the one that is held has been asked for: with it there, all that comes has to wait.
  await publish(client, 'cars/1', 1)
  await reader.offered()
  const count = 6_000
  await Promise.all(Array.from({ length: count - 2 }, (_, index) => publish(client, 'cars/1', index + 2)))
  await stopped
  held.ack()
  const sizes = [held.items.length]
  while (reader.values.length < count) {
    const batch = await reader.take()
    sizes.push(batch.items.length)
    batch.ack()
  }
  assert.deepEqual(
    reader.values,
    Array.from({ length: count }, (_, index) => index),
  )
  assert.deepEqual(sizes.slice(0, 3), [1, 1, 4_000])
})

/** A clock, and when a source that goes by it stops to read: from then on it has to ping by itself, every so often. */
function watchedClock(): { readonly clock: Clock; readonly stopped: Promise<void> } {
  const { promise: stopped, resolve } = Promise.withResolvers<void>()
  const every: Clock['every'] = (ms, fn) => (resolve(), systemClock.every(ms, fn))
  return { clock: { ...systemClock, every }, stopped }
}

test('members of a shared subscription share the messages', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const readers = ['a', 'b'].map((id) => new Reader(t, mosquitto.url, { share: 'hubs', clientId: id }))
  await Promise.all(readers.map((reader) => reader.until('stale')))
  const client = await publisher(t, mosquitto.url)
  const count = 200
  const all = new Promise<void>((resolve) => {
    for (const reader of readers) {
      void (async () => {
        for (;;) {
          ;(await reader.take()).ack()
          if (readers.reduce((sum, { values }) => sum + values.length, 0) >= count) resolve()
        }
      })().catch(() => {})
    }
  })
  for (let value = 0; value < count; value++) await publish(client, 'cars/1', value)
  await all
  const values = readers.flatMap((reader) => reader.values as number[])
  assert.deepEqual(
    values.sort((a, b) => a - b),
    Array.from({ length: count }, (_, index) => index),
  )
  assert.ok(readers.every((reader) => reader.values.length > 0))
})

test('acknowledgements that take 5 ms do not slow the stream down to one message each', LIMIT, async (t) => {
  const mosquitto = await broker(t, ['max_inflight_messages 0', 'max_queued_messages 0'])
  if (mosquitto === undefined) return
  const count = 6_000
  const first = new Reader(t, mosquitto.url)
  await first.until('stale')
  await first.stop()
  const client = await publisher(t, mosquitto.url)
  const payload = { temperature: 71.25, pressure: 812.5, state: 'x'.repeat(100) }
  await Promise.all(Array.from({ length: count }, () => publish(client, 'cars/1', payload)))
  const second = new Reader(t, mosquitto.url)
  const started = performance.now()
  const busy = process.cpuUsage()
  const acks: Promise<void>[] = []
  while (second.values.length < count) {
    const batch = await second.take()
    acks.push(systemClock.sleep(5).then(() => batch.ack()))
  }
  await Promise.all(acks)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(busy)
  const perMessage = ((user + system) / count).toFixed(1)
  t.diagnostic(`${Math.round(count / seconds)} messages/s acknowledged after 5 ms, ${perMessage} us of CPU each`)
  assert.equal(second.values.length, count)
})

test('a wrong password is a failure with its reason, the right one works', LIMIT, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-passwords-'))
  t.after(() => rmSync(folder, { recursive: true }))
  // Password "right", as mosquitto_passwd -c writes it (PBKDF2 with SHA-512).
  const { pbkdf2Sync } = await import('node:crypto')
  const salt = Buffer.from('twelve bytes')
  const hash = pbkdf2Sync('right', salt, 101, 64, 'sha512')
  writeFileSync(join(folder, 'users'), `hub:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`)
  const mosquitto = await broker(t, ['allow_anonymous false', `password_file ${folder}/users`])
  if (mosquitto === undefined) return
  const login = (password: string) => ({ username: 'hub', password: new Secret(password) })
  for (const [protocol, reason] of [
    ['5', 'not authorised'],
    ['3.1.1', 'not authorised'],
  ]) {
    const wrong = new Reader(t, mosquitto.url, { ...login('wrong'), protocol })
    assert.equal(await wrong.until('failed'), `Cannot use ${mosquitto.url}: ${reason}`)
    await wrong.stop()
  }
  const right = new Reader(t, mosquitto.url, login('right'))
  await right.until('stale')
})

test('over TLS with our certificate; a broker that nobody vouches for is a failure', LIMIT, async (t) => {
  const { folder, ca, client } = await makeCertificates()
  const files = [`cafile ${folder}/ca.crt`, `certfile ${folder}/server.crt`, `keyfile ${folder}/server.key`]
  const mosquitto = await broker(t, [...files, 'require_certificate true', 'use_identity_as_username true'])
  if (mosquitto === undefined) return
  const url = `mqtts://localhost:${mosquitto.port}`
  const stranger = new Reader(t, url)
  assert.match(await stranger.until('failed'), /^Cannot use mqtts:.*: TLS failed: .*certificate.*\(.*\)$/)
  const reader = new Reader(t, url, { tls: { ca, ...client } })
  await reader.until('stale')
  const sender = await publisher(t, url, { ca, ...client })
  await publish(sender, 'cars/1', 1)
  await reader.takeAll(1)
  assert.deepEqual(reader.values, [1])
})

test('retained messages are Uncertain, or dropped', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const client = await publisher(t, mosquitto.url)
  await publish(client, 'cars/1', 1, { retain: true })
  const reader = new Reader(t, mosquitto.url)
  const batch = await reader.take()
  batch.ack()
  const [item] = batch.items
  assert.ok(item?.kind === 'reading')
  assert.deepEqual(item.reading.quality, { value: Quality.UncertainLastUsableValue })
  const strict = new Reader(t, mosquitto.url, { retained: false, clientId: 'strict' })
  await strict.takeAll(1)
  assert.deepEqual(strict.values, ['dropped'])
})

test('nobody listens: down, with the reason', LIMIT, async (t) => {
  const url = `mqtt://127.0.0.1:${await freePort()}`
  const reader = new Reader(t, url)
  assert.equal(reader.source.health().reason, `Connects to ${url}`)
  assert.equal(await reader.until('down'), `Cannot use ${url}: connection refused`)
})

test('refused subscriptions fail, or are parts that are ill', LIMIT, async (t) => {
  let suback = [0x80, 0x80]
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.on('data', (packet) => {
      if (packet[0]! >> 4 === 1) socket.write(Uint8Array.of(0x20, 2, 0, 0))
      if (packet[0]! >> 4 === 8) socket.write(Uint8Array.of(0x90, 4, packet[2]!, packet[3]!, ...suback))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = { protocol: '3.1.1', topics: { 'a/{x}': { asset: '{x}' }, 'b/{x}': { asset: '{x}' } } }
  const refused = new Reader(t, url, config)
  assert.equal(
    await refused.until('failed'),
    `Cannot use ${url}: Cannot subscribe to "a/+": the broker refused, and does not say why`,
  )
  suback = [1, 0x80]
  const partly = new Reader(t, url, config)
  await partly.until('stale')
  assert.deepEqual(partly.source.health().parts, [
    { name: 'b/+', reason: 'Cannot subscribe: the broker refused, and does not say why' },
  ])
})

test('a session that was taken over is a failure: two clients of one id would chase each other', LIMIT, async (t) => {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.end(Uint8Array.of(0x20, 3, 0, 0, 0, 0xe0, 2, 0x8e, 0)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
  const reader = new Reader(t, url)
  assert.equal(
    await reader.until('failed'),
    `Cannot use ${url}: another client took the session over, want a "clientId" of its own for each`,
  )
})

test('configs that cannot work are errors that say what was wanted', () => {
  const good = { broker: 'mqtt://localhost', topics: TOPICS }
  const pem = '-----BEGIN CERTIFICATE-----'
  const cases: [object, RegExp][] = [
    [{ broker: 'localhost:1883' }, /want mqtt:\/\/host:port or mqtts:\/\/host:port/],
    [{ broker: 'http://localhost' }, /want mqtt:/],
    [{ broker: 'mqtt://me:secret@localhost' }, /mqtt:\/\/\*\*\*@localhost.*want "username" and "password"/],
    [{ broker: 'mqtt://localhost/path' }, /it has a path/],
    [{ share: 'hubs' }, /Cannot share without "clientId"/],
    [{ share: 'a/b', clientId: 'x' }, /want a name without/],
    [{ tls: { ca: pem } }, /want mqtts:\/\//],
    [{ broker: 'mqtts://localhost', tls: { cert: pem } }, /want "cert" and "key" together/],
    [{ username: 'me', password: 'secret' }, /write secret:NAME or env:NAME/],
    [{ password: new Secret('x') }, /want "username"/],
    [{ topics: {} }, /Cannot map without a pattern/],
  ]
  assert.ok(mqttClientConfig.safeParse(good).success)
  for (const [change, wanted] of cases) {
    const result = mqttClientConfig.safeParse({ ...good, ...change })
    assert.ok(!result.success, JSON.stringify(change))
    const text = result.error.issues.map(({ message }) => message).join('\n')
    assert.match(text, wanted)
    assert.doesNotMatch(text, /me:secret/)
  }
})

const COMMANDS = {
  'cars/{car}/commands/{command}': { asset: 'fleet/{car}', reply: 'cars/{car}/replies' },
  'presses/{press}/{target}/set': { asset: 'hall/{press}' },
  'robots/{robot}/do': { asset: 'robots/{robot}', qos: 1 },
}

/** Sends commands through a source, one after the other. */
function sender(reader: Reader) {
  let id = 0
  return (asset: string, more: Partial<MachineCommand> = {}) => {
    const target = { kind: 'tag', tag: 'limit', value: 25.5 } as const
    const deadline = systemClock.monotonic() + 10_000
    id += 1
    const command = { id: `c${id}`, asset: `acme/berlin/${asset}`, command: 'limit-speed', target, deadline, ...more }
    return reader.source.command!(command, new AbortController().signal)
  }
}

/** A machine at the broker: what it was told, with the QoS; it answers where there is a topic for it. */
async function atBroker(t: TestContext, url: string, filter: string, qos: 0 | 1 | 2 = 2) {
  const client = await publisher(t, url)
  const told: string[] = []
  client.on('message', (topic, payload, { qos: came, properties }) => {
    const { id } = JSON.parse(payload.toString()) as { id: string }
    told.push(`${topic} ${id} ${came}`)
    const { responseTopic, correlationData } = properties ?? {}
    if (responseTopic === undefined || correlationData === undefined) return
    client.publish(responseTopic, JSON.stringify({ ok: true, value: 25 }), { qos: 1, properties: { correlationData } })
  })
  await client.subscribeAsync(filter, { qos })
  return { client, told }
}

test('a command goes to its machine through a broker, once, and the machine answers', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const reader = new Reader(t, mosquitto.url, { commands: COMMANDS, commandTimeout: '1s' })
  await reader.until('stale')
  const send = sender(reader)
  const answered = { kind: 'accepted', results: [], readBack: { value: 25, quality: 0 } }
  const car = await atBroker(t, mosquitto.url, 'cars/+/commands/#')
  assert.deepEqual(await send('fleet/car7'), answered)
  // QoS 0 by itself: no broker hands it out again, or keeps it for later. It is handed over, and nobody says more.
  const press = await atBroker(t, mosquitto.url, 'presses/#')
  assert.deepEqual(await send('hall/press7'), { kind: 'accepted' })
  const robot = await atBroker(t, mosquitto.url, 'robots/#')
  assert.deepEqual(await send('robots/r1'), { kind: 'accepted' })
  for (const told of [press.told, robot.told]) while (told.length === 0) await systemClock.sleep(5, t.signal)
  assert.deepEqual(
    [...car.told, ...press.told, ...robot.told],
    ['cars/car7/commands/limit-speed c1 0', 'presses/press7/limit/set c2 0', 'robots/r1/do c3 1'],
  )
  // An answer is no data: it is counted by its name.
  const { items } = await reader.take()
  assert.deepEqual(
    items.map((item) => item.kind === 'dropped' && item.policy),
    ['command-reply'],
  )
  await robot.client.unsubscribeAsync('robots/#')
  assert.deepEqual(await send('robots/r1'), {
    kind: 'refused',
    code: 'NoMatchingSubscribers',
    reason: 'Nobody has subscribed to robots/r1/do',
  })
  await car.client.endAsync()
  assert.equal((await send('fleet/car7')).kind, 'unknown')
  assert.equal((await send('other/car7')).kind, 'not-sent')
  assert.equal((await send('hall/press7', { deadline: systemClock.monotonic() })).kind, 'not-sent')
})

test('a broker that is lost before it acknowledges a command: unknown, and never sent again', LIMIT, async (t) => {
  const mosquitto = await broker(t)
  if (mosquitto === undefined) return
  const relay = await Relay.start(mosquitto.port)
  t.after(() => relay.close())
  const url = relay.endpoint.replace('opc.tcp', 'mqtt')
  const reader = new Reader(t, url, { commands: COMMANDS, commandTimeout: '500ms' })
  await reader.until('stale')
  const send = sender(reader)
  const robot = await atBroker(t, mosquitto.url, 'robots/#')
  relay.mute()
  const cut = send('robots/r1')
  while (robot.told.length === 0) await systemClock.sleep(5, t.signal)
  relay.cut()
  assert.equal((await cut).kind, 'unknown')
  assert.equal((await send('robots/r1')).kind, 'not-sent')
  relay.flow()
  await reader.until('stale')
  relay.mute()
  assert.equal((await send('robots/r1')).kind, 'unknown')
  await reader.until('down')
  relay.flow()
  await reader.until('stale')
  assert.equal((await send('robots/r1')).kind, 'accepted')
  while (robot.told.length < 3) await systemClock.sleep(5, t.signal)
  assert.deepEqual(robot.told, ['robots/r1/do c1 1', 'robots/r1/do c3 1', 'robots/r1/do c4 1'])
})
