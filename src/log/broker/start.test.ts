import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as net from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { makeBatch } from '../../../test/log/make-batch.ts'
import { RawClient } from '../../../test/kafka-clients/raw-client.ts'
import { createTopics, fetch, produce } from '../../../test/kafka-clients/requests.ts'
import { systemClock } from '../../system/clock.ts'
import type { Clock } from '../../system/clock.ts'
import { createLogger, silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import type { LogError } from '../log.ts'
import { startBroker } from './start.ts'
import type { StartOptions } from './start.ts'
import { until } from '../../../test/until.ts'
import { temporaryFolder } from '../../../test/temporary-folder.ts'

interface Bench {
  readonly log: string[]
  readonly metrics: Metrics
  readonly options: StartOptions
  readonly start: (options?: Partial<StartOptions>) => ReturnType<typeof startBroker>
}

async function bench(t: TestContext): Promise<Bench> {
  const directory = await temporaryFolder('start')
  const log: string[] = []
  const metrics = new Metrics()
  const logger = createLogger({ level: 'debug', format: 'text', now: Date.now, write: (line) => log.push(line) })
  const options: StartOptions = { directory, listen: { host: '127.0.0.1', port: 0 }, sync: { mode: 'ack' } }
  const start: Bench['start'] = async (more = {}) => {
    const broker = await startBroker({ ...options, ...more }, { clock: systemClock, logger, metrics })
    t.after(() => broker.close())
    return broker
  }
  return { log, metrics, options, start }
}

test('a broker in its own thread stores, is closed, and finds everything again', async (t) => {
  const { start } = await bench(t)
  const first = await start()
  assert.deepEqual({ ...first.recovery, ms: 0 }, { partitions: 0, bytes: 0, ms: 0, damage: [] })
  const client = await RawClient.connect(first.address)
  await createTopics(client, [{ name: 't' }])
  const batch = makeBatch([{ value: 'kept' }])
  assert.deepEqual(await produce(client, batch), { error: 0, offset: 0 })
  await first.close()
  await client.closed
  const second = await start()
  assert.deepEqual({ ...second.recovery, ms: 0 }, { partitions: 1, bytes: batch.length, ms: 0, damage: [] })
  const again = await RawClient.connect(second.address)
  t.after(() => again.close())
  assert.equal((await fetch(again)).highWatermark, 1)
})

test('what the thread logs and counts comes out on this side', async (t) => {
  const { log, metrics, start } = await bench(t)
  const { address } = await start()
  const client = await RawClient.connect(address)
  client.send(Buffer.from('ffffffff', 'hex'))
  await client.closed
  await until(() => /millrace_log_received_bytes_total 4\n/.test(metrics.expose()))
  assert.match(
    log.join('\n'),
    /warn {2}Kafka connection closed client=127.0.0.1:\d+ reason="Cannot read request: size is -1/,
  )
  assert.match(metrics.expose(), /millrace_log_connections 0\n/)
})

test('a port in use is said to be in use', async (t) => {
  const { start } = await bench(t)
  const other = net.createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as net.AddressInfo
  await assert.rejects(start({ listen: { host: '127.0.0.1', port } }), {
    code: 'LOG_ADDRESS_IN_USE',
    message: `Cannot start the embedded log on "127.0.0.1:${port}": another program listens there, want a free port`,
  })
})

test('an address that is not ours is refused', async (t) => {
  const { start } = await bench(t)
  await assert.rejects(start({ listen: { host: '192.0.2.1', port: 0 } }), { code: 'LOG_ADDRESS_REFUSED' })
})

test('a data directory that cannot be one is named', async (t) => {
  const { start } = await bench(t)
  await assert.rejects(start({ directory: '/dev/null/data' }), {
    code: 'LOG_START_FAILED',
    message: /^Cannot start the embedded log in "\/dev\/null\/data": .*ENOTDIR/,
  })
})

/** A thread that answers as the broker does, and then runs `after`. */
function program(after: string): URL {
  const ready = "{ kind: 'ready', address: { host: 'x', port: 1 }, recovery: {} }"
  const code = `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {}); ${after}`
  return new URL(
    `data:text/javascript,${encodeURIComponent(code.replace('READY', `parentPort.postMessage(${ready})`))}`,
  )
}

test('a thread that dies is told of, once, and closing it then is fine', async (t) => {
  const { options } = await bench(t)
  const deaths: LogError[] = []
  const died = Promise.withResolvers<void>()
  const onDeath = (error: LogError) => {
    deaths.push(error)
    died.resolve()
  }
  const system = { clock: systemClock, logger: silentLogger, metrics: new Metrics() }
  const dying = program("READY; setTimeout(() => { throw new Error('out of luck') }, 10)")
  const broker = await startBroker({ ...options, onDeath }, system, dying)
  await died.promise
  await broker.close()
  assert.deepEqual(
    deaths.map(({ code, message, retriable }) => ({ code, message, retriable })),
    [
      {
        code: 'LOG_BROKER_DIED',
        message: 'Cannot go on with the embedded log: out of luck, want a broker that runs until it is closed',
        retriable: true,
      },
    ],
  )
})

test('a thread that dies before it listens fails the start', async (t) => {
  const { options } = await bench(t)
  const system = { clock: systemClock, logger: silentLogger, metrics: new Metrics() }
  await assert.rejects(startBroker(options, system, program('process.exit(3)')), { code: 'LOG_BROKER_DIED' })
})

test('a thread that does not end when it is told to is ended after 10 s', async (t) => {
  const { options } = await bench(t)
  const waits: number[] = []
  const clock: Clock = {
    ...systemClock,
    after(ms, fn) {
      waits.push(ms)
      return systemClock.after(0, fn)
    },
  }
  const system = { clock, logger: silentLogger, metrics: new Metrics() }
  const broker = await startBroker(options, system, program('READY'))
  await broker.close()
  assert.deepEqual(waits, [10_000])
})
