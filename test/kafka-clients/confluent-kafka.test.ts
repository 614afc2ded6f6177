import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { need } from '../../tools/need.ts'
import { makeBatch } from '../log/make-batch.ts'
import { createTopics, produce } from './requests.ts'
import { run } from './run.ts'
import { startTestBroker } from './test-broker.ts'

const python = need('confluent-kafka')
const skip = python === undefined ? 'python3-confluent-kafka is not installed' : false
const SCRIPT = fileURLToPath(new URL('round_trip.py', import.meta.url))
const FIRST_TIME = 1_700_000_000_000

async function script(...args: string[]): Promise<unknown> {
  const { code, out, errors } = await run(python!, [SCRIPT, ...args])
  assert.equal(code, 0, errors)
  return JSON.parse(out)
}

/** What `round_trip.py produce` sends. */
function expected(count: number, firstOffset = 0): unknown[] {
  return Array.from({ length: count }, (_, i) => {
    const raw = Buffer.from([i % 256, 255]).toString('hex')
    const key = i % 10 === 0 ? null : `key${i}`
    const value = i % 10 === 1 ? null : `value${i}`
    return [
      firstOffset + i,
      key,
      value,
      [
        ['unit', '43656c'],
        ['raw', raw],
      ],
      FIRST_TIME + i,
    ]
  })
}

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  test(`librdkafka: ${compression}, idempotent and not, before and after a restart`, { skip }, async (t) => {
    const server = await startTestBroker(t)
    await createTopics(await server.connect(), [{ name: 't' }])
    const send = (idempotent: boolean) => script('produce', server.address, 't', compression, `${idempotent}`, '2000')
    assert.deepEqual(await send(true), { left: 0, failures: [] })
    assert.deepEqual(await script('consume', server.address, 't', '2000'), expected(2000))
    await server.restart()
    assert.deepEqual(await send(false), { left: 0, failures: [] })
    const all = [...expected(2000), ...expected(2000, 2000)]
    assert.deepEqual(await script('consume', server.address, 't', '4000'), all)
  })
}

test('librdkafka: watermarks and offsets by time', { skip }, async (t) => {
  const server = await startTestBroker(t)
  await createTopics(await server.connect(), [{ name: 't' }])
  await script('produce', server.address, 't', 'none', 'true', '100')
  const lookup = (time: number) => script('lookup', server.address, 't', `${time}`)
  assert.deepEqual(await lookup(FIRST_TIME + 42), { low: 0, high: 100, found: 42 })
  assert.deepEqual(await lookup(FIRST_TIME + 100), { low: 0, high: 100, found: -1 })
})

test('librdkafka: a consumer that waits at the end gets the record that comes', { skip }, async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  const child = spawn(python!, [SCRIPT, 'wait', server.address, 't'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'waiting')
  await produce(client, makeBatch([{ value: 'late', timestamp: FIRST_TIME }]))
  assert.equal((await lines.next()).value, 'late')
  await once(child, 'close')
})

test('librdkafka: a topic without a name that is legal, and one that is missing', { skip }, async (t) => {
  const server = await startTestBroker(t)
  const { failures } = (await script('produce', server.address, 'a/b', 'none', 'false', '1')) as { failures: string[] }
  assert.match(failures[0]!, /Invalid topic|TOPIC_EXCEPTION/)
})
