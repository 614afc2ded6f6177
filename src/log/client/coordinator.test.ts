import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../../system/clock.ts'
import type { Address } from '../../system/net.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { GROUP_ERROR } from '../group/coordinator.ts'
import { Frames } from '../wire/frames.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { Cluster } from './cluster.ts'
import { KafkaCoordinator } from './coordinator.ts'
import { GROUP_API, writeFindCoordinator } from './group-messages.ts'
import { API_VERSIONS } from './versions.ts'

const SEAT = { memberId: 'm', generation: 1 }
const APIS = [...Object.values(GROUP_API), API_VERSIONS]

/** A broker that answers what the test tells it to, when it tells it to. */
class Script {
  readonly address: Address
  /** Requests by API key, as they came. */
  readonly asked: number[] = []
  /** Connections that were made. */
  connections = 0
  hung = false
  coordinator: Address
  /** Error codes; what is not here waits. */
  readonly answers = new Map<number, number>()
  #waiting: { readonly key: number; readonly answer: () => void }[] = []
  #arrived = Promise.withResolvers<void>()

  constructor(address: Address) {
    this.address = address
    this.coordinator = address
  }

  static async start(t: TestContext): Promise<Script> {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      script.#serve(socket)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const script = new Script({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    return script
  }

  /** Answers what waits, and what comes. */
  answer(key: number, error: number): void {
    this.answers.set(key, error)
    for (const waiting of this.#waiting) if (waiting.key === key) waiting.answer()
    this.#waiting = this.#waiting.filter((waiting) => waiting.key !== key)
  }

  /** Resolves when so many requests of this kind have come. */
  async until(key: number, count = 1): Promise<void> {
    while (this.asked.filter((one) => one === key).length < count) await this.#arrived.promise
  }

  #serve(socket: Socket): void {
    this.connections++
    const frames = new Frames(1_000_000)
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      for (let frame = frames.next(); frame; frame = frames.next()) this.#take(socket, new Reader(frame))
    })
  }

  #take(socket: Socket, request: Reader): void {
    const key = request.int16()
    request.int16() // version
    const correlation = request.int32()
    this.asked.push(key)
    const answer = () => {
      const writer = new Writer(false)
      writer.int32(correlation)
      this.#write(writer, key)
      for (const part of writer.finish()) socket.write(part)
    }
    const known = key === API_VERSIONS.key || key === GROUP_API.findCoordinator.key || this.answers.has(key)
    if (known && !this.hung) answer()
    else this.#waiting.push({ key, answer })
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers()
  }

  #write(to: Writer, key: number): void {
    if (key === API_VERSIONS.key) {
      to.int16(0)
      to.array(APIS, (api) => [to.int16(api.key), to.int16(0), to.int16(99)])
      return
    }
    to.int32(0) // throttle time
    to.int16(this.answers.get(key) ?? 0)
    if (key === GROUP_API.syncGroup.key) to.records(Buffer.from('work'))
    if (key !== GROUP_API.findCoordinator.key) return
    to.string(null)
    to.int32(1)
    to.string(this.coordinator.host)
    to.int32(this.coordinator.port)
  }
}

function open(t: TestContext, brokers: readonly Script[], sessionMs = 6_000) {
  const dialling = { clock: systemClock, net: nodeNet, clientId: 'test', connectMs: 60_000 }
  const cluster = new Cluster(
    brokers.map(({ address }) => address),
    dialling,
    systemRandom,
    '',
  )
  const coordinator = new KafkaCoordinator(cluster, 'g', { sessionMs, rebalanceMs: 60_000 })
  t.after(() => {
    coordinator.close()
    cluster.close()
  })
  return { cluster, coordinator }
}

test('a question goes to the next broker when one hangs, and the one that hangs is asked last from then on', async (t) => {
  const [hung, live] = [await Script.start(t), await Script.start(t)]
  hung.hung = true
  const { cluster } = open(t, [hung, live])
  const ask = () => cluster.ask(GROUP_API.findCoordinator, (to) => writeFindCoordinator(to, 'g'))
  for (let i = 0; i < 5; i++) await ask()
  assert.equal(live.asked.filter((key) => key === GROUP_API.findCoordinator.key).length, 5)
  assert.equal(hung.connections, 1)
})

test('a coordinator that holds heartbeats back does not cost the join its connection', async (t) => {
  const broker = await Script.start(t)
  const { coordinator } = open(t, [broker], 200)
  const syncing = coordinator.sync(SEAT, new Map())
  await broker.until(GROUP_API.syncGroup.key)
  for (let i = 0; i < 3; i++) await assert.rejects(coordinator.heartbeat(SEAT), { code: 'LOG_UNAVAILABLE' })
  broker.answer(GROUP_API.syncGroup.key, 0)
  assert.equal(Buffer.from((await syncing).assignment).toString(), 'work')
  assert.equal(broker.asked.filter((key) => key === GROUP_API.syncGroup.key).length, 1)
})

test('whoever waits at a coordinator that hangs is told as soon as there is another one', async (t) => {
  const [hung, live] = [await Script.start(t), await Script.start(t)]
  for (const script of [hung, live]) script.coordinator = hung.address
  const { coordinator } = open(t, [hung, live])
  const syncing = coordinator.sync(SEAT, new Map())
  syncing.catch(() => {})
  await hung.until(GROUP_API.syncGroup.key)
  hung.hung = true
  live.coordinator = live.address
  await assert.rejects(syncing, { code: 'LOG_UNAVAILABLE', message: /closed/ })
  live.answer(GROUP_API.heartbeat.key, 0)
  assert.equal(await coordinator.heartbeat(SEAT), 0)
})

test('dialling a coordinator that hangs ends as soon as there is another one', async (t) => {
  const [hung, live] = [await Script.start(t), await Script.start(t)]
  hung.hung = true
  live.coordinator = hung.address
  const { coordinator } = open(t, [live])
  const syncing = coordinator.sync(SEAT, new Map())
  syncing.catch(() => {})
  await hung.until(API_VERSIONS.key)
  live.coordinator = live.address
  await assert.rejects(syncing, { code: 'LOG_UNAVAILABLE', message: /it was given up/ })
})

test('a coordinator that is still loading the group stays the one; one that is not it any more is looked for', async (t) => {
  const broker = await Script.start(t)
  const { coordinator } = open(t, [broker])
  const lookups = () => broker.asked.filter((key) => key === GROUP_API.findCoordinator.key).length
  broker.answer(GROUP_API.heartbeat.key, GROUP_ERROR.loading)
  assert.deepEqual([await coordinator.heartbeat(SEAT), await coordinator.heartbeat(SEAT), lookups()], [14, 14, 1])
  broker.answer(GROUP_API.heartbeat.key, GROUP_ERROR.notCoordinator)
  await coordinator.heartbeat(SEAT)
  await coordinator.heartbeat(SEAT)
  assert.equal(lookups(), 2)
})
