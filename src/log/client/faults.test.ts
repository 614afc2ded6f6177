import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { MemoryStorage } from '../../../test/log/memory-storage.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Broker } from '../broker/broker.ts'
import { StorageError } from '../broker/storage/storage.ts'
import type { Log, NewRecord } from '../log.ts'
import { connectLog } from './connect.ts'
import type { ConnectOptions } from './connect.ts'
import { until } from '../../../test/until.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, logger: silentLogger }
const PRODUCE = 0

/** A broker, a wire to it that can be cut, and a log on that wire. */
class Bench {
  readonly storage = new MemoryStorage()
  readonly wire: Wire
  readonly #broker: Broker
  readonly #logs: Log[] = []

  constructor(wire: Wire) {
    this.wire = wire
    const advertise = { host: '127.0.0.1', port: wire.port }
    this.#broker = new Broker(this.storage, system, { listen: { host: '127.0.0.1', port: 0 }, advertise })
  }

  static async start(t: TestContext): Promise<Bench> {
    const bench = new Bench(await Wire.open())
    bench.wire.target = (await bench.#broker.start()).port
    t.after(() => bench.#stop())
    return bench
  }

  async log(options: Partial<ConnectOptions> = {}): Promise<Log> {
    const log = await connectLog({ brokers: [{ host: '127.0.0.1', port: this.wire.port }], system, ...options })
    this.#logs.push(log)
    await log.ensure([{ name: 't', partitions: 1 }])
    return log
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()))
    await this.#broker.close()
    this.wire.close()
  }
}

/** A proxy that loses answers on purpose. */
class Wire {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  target = 0
  /** How many produce requests get through to the broker, but not their answers: the connection breaks instead. */
  losses = 0
  /** Nothing gets through, and nobody is told. */
  hung = false

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (client) => this.#join(client))
  }

  static async open(): Promise<Wire> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Wire(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #join(client: Socket): void {
    const broker = connect(this.target, '127.0.0.1')
    let losing = false
    const end = () => {
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) {
      this.#sockets.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          this.#sockets.delete(socket)
          end()
        })
    }
    client.on('data', (chunk) => {
      if (this.hung) return
      if (chunk.length > 6 && chunk.readInt16BE(4) === PRODUCE && this.losses > 0) {
        this.losses--
        losing = true
      }
      broker.write(chunk)
    })
    broker.on('data', (chunk) => {
      if (losing) return end()
      if (!this.hung) client.write(chunk)
    })
  }
}

function record(value: string | number, key = 'a'): NewRecord {
  return { key, value: `${value}`, timestamp: 1_700_000_000_000 }
}

async function values(log: Log): Promise<string[]> {
  const found: string[] = []
  const options = { signal: new AbortController().signal, untilEnd: true }
  for await (const { records } of log.read([{ topic: 't', partition: 0, offset: 0 }], options)) {
    found.push(...records.map(({ value }) => Buffer.from(value!).toString()))
  }
  return found
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

test('answers that get lost lead to one copy of each record, in order', async (t) => {
  const bench = await Bench.start(t)
  const log = await bench.log()
  const calls: Promise<unknown>[] = []
  for (let i = 0; i < 60; i++) {
    if (i % 10 === 5) bench.wire.losses++
    calls.push(log.append('t', [record(i)]))
    if (i % 3 === 0) await Promise.all(calls)
  }
  await Promise.all(calls)
  assert.equal(bench.wire.losses, 0)
  assert.deepEqual(await values(log), numbers(60))
  assert.deepEqual(log.state(), { connected: true, pendingBytes: 0 })
})

test('a full disk is a pause: nothing is acknowledged, the state says why, order is kept when it has room', async (t) => {
  const bench = await Bench.start(t)
  const log = await bench.log()
  await log.append('t', [record(0)])
  const partition = bench.storage.partition('t', 0)!
  partition.fault = new StorageError('full', 'No space left on device')
  let acknowledged = 0
  const calls = numbers(5)
    .slice(1)
    .map((i) => log.append('t', [record(i)]).then(() => acknowledged++))
  await until(() => log.state().lastError)
  assert.equal(log.state().lastError?.code, 'LOG_FULL')
  assert.equal(log.state().connected, true)
  assert.equal(acknowledged, 0)
  assert.deepEqual(await values(log), ['0'])
  partition.fault = undefined
  await Promise.all(calls)
  assert.deepEqual(await values(log), numbers(5))
  assert.equal(log.state().lastError, undefined)
})

test('what cannot be delivered in time rejects with the reason, and what follows is stored', async (t) => {
  const bench = await Bench.start(t)
  const log = await bench.log({ deliveryMs: 1_000 })
  const partition = bench.storage.partition('t', 0)!
  partition.fault = new StorageError('full', 'No space left on device')
  await assert.rejects(log.append('t', [record('lost')]), { code: 'LOG_FULL', retriable: true })
  partition.fault = undefined
  await log.append('t', [record('kept')])
  assert.deepEqual(await values(log), ['kept'])
})

test('a broker that does not answer leads to LOG_UNAVAILABLE, then everything goes on', async (t) => {
  const bench = await Bench.start(t)
  const log = await bench.log({ deliveryMs: 1_000 })
  await log.append('t', [record(0)])
  bench.wire.hung = true
  await assert.rejects(log.append('t', [record('lost')]), { code: 'LOG_UNAVAILABLE', retriable: true })
  bench.wire.hung = false
  bench.wire.cut()
  // The connection that hung may still be the one in use: a second is short.
  await until(() =>
    log.append('t', [record(1)]).then(
      () => true,
      () => false,
    ),
  )
  const found = await values(log)
  assert.equal(found[0], '0')
  assert.equal(found.at(-1), '1')
})

test('a broker that has forgotten a producer gets the batch under a new id', async (t) => {
  const bench = await Bench.start(t)
  const log = await bench.log()
  for (const i of numbers(3)) await log.append('t', [record(i)])
  bench.storage.partition('t', 0)!.producers.forget()
  await log.append('t', [record(3)])
  await log.append('t', [record(4)])
  assert.deepEqual(await values(log), numbers(5))
})

test('a waiting reader survives a cut wire and misses nothing', async (t) => {
  const bench = await Bench.start(t)
  const log = await bench.log()
  const abort = new AbortController()
  const seen: string[] = []
  const reading = (async () => {
    for await (const { records } of log.read([{ topic: 't', partition: 0, offset: 0 }], { signal: abort.signal })) {
      seen.push(...records.map(({ value }) => Buffer.from(value!).toString()))
      if (seen.length === 20) return
    }
  })()
  for (let i = 0; i < 20; i++) {
    await log.append('t', [record(i)])
    if (i % 5 === 0) bench.wire.cut()
  }
  await reading
  assert.deepEqual(seen, numbers(20))
})

test('a batch that is damaged at the broker is refused by the reader, by name', async (t) => {
  const bench = await Bench.start(t)
  const log = await bench.log()
  await log.append('t', [record('good')])
  await log.append('t', [record('bad')])
  const damaged = bench.storage.partition('t', 0)!.batches[1]!
  damaged[damaged.length - 2]! ^= 1
  const seen: number[] = []
  const reading = async () => {
    const options = { signal: new AbortController().signal, untilEnd: true }
    for await (const batch of log.read([{ topic: 't', partition: 0, offset: 0 }], options)) seen.push(batch.nextOffset)
  }
  await assert.rejects(reading(), { code: 'CORRUPT_BATCH', message: /"t" partition 0 at offset 1: batch CRC is/ })
  assert.deepEqual(seen, [1])
})

test('without a broker, connecting fails within its patience', async () => {
  const brokers = [{ host: '127.0.0.1', port: 1 }]
  await assert.rejects(connectLog({ brokers, system, patienceMs: 0 }), { code: 'LOG_UNAVAILABLE', retriable: true })
})
