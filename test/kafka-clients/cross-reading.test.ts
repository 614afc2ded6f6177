import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as kafka from '@platformatic/kafka'
import { need } from '../../tools/need.ts'
import { createTopics, fetch } from './requests.ts'
import { run } from './run.ts'
import { startTestBroker } from './test-broker.ts'
import { decodeRecords, readBatchHeader } from '../../src/log/batch.ts'

const kcat = need('kcat')
const python = need('confluent-kafka')
const skip = kcat === undefined || python === undefined ? 'kcat or python3-confluent-kafka is not installed' : false
const SCRIPT = fileURLToPath(new URL('round_trip.py', import.meta.url))
const FIRST_TIME = 1_700_000_000_000
const COUNT = 50

/** Offset, key, value and time: what every client can show. */
type Row = readonly [offset: number, key: string | null, value: string | null]

test('what one client wrote, every other reads the same', { skip }, async (t) => {
  const server = await startTestBroker(t)
  const { address } = server
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])

  const lines = Array.from({ length: COUNT }, (_, i) => `a${i}=kcat${i}\n`).join('')
  await run(kcat!, ['-b', address, '-P', '-t', 't', '-p', '0', '-K=', '-z', 'gzip'], lines)
  await run(python!, [SCRIPT, 'produce', address, 't', 'zstd', 'true', `${COUNT}`])
  const options = { clientId: 'test', bootstrapBrokers: [address], compression: 'gzip' as const }
  const producer = new kafka.Producer({ ...options, serializers: kafka.stringSerializers })
  t.after(() => producer.close())
  const messages = Array.from({ length: COUNT }, (_, i) => ({ topic: 't', key: `p${i}`, value: `platformatic${i}` }))
  await producer.send({ messages, acks: -1 })

  const expected: Row[] = [
    ...messages.map((_, i): Row => [i, `a${i}`, `kcat${i}`]),
    ...messages.map((_, i): Row => [COUNT + i, i % 10 === 0 ? null : `key${i}`, i % 10 === 1 ? null : `value${i}`]),
    ...messages.map((_, i): Row => [2 * COUNT + i, `p${i}`, `platformatic${i}`]),
  ]
  assert.deepEqual(await readWithKcat(address), expected)
  assert.deepEqual(await readWithLibrdkafka(address), expected)
  assert.deepEqual(readBatches((await fetch(client)).records), expected)
  const { records } = await fetch(client, { offset: COUNT })
  const python0 = decodeRecords(records)[0]!
  assert.equal(python0.timestamp, FIRST_TIME)
})

async function readWithKcat(address: string): Promise<Row[]> {
  const { out } = await run(kcat!, ['-b', address, '-C', '-q', '-e', '-t', 't', '-J'])
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { offset: number; key: string | null; payload: string | null })
    .map(({ offset, key, payload }) => [offset, key, payload])
}

async function readWithLibrdkafka(address: string): Promise<Row[]> {
  const { out } = await run(python!, [SCRIPT, 'consume', address, 't', `${3 * COUNT}`])
  return (JSON.parse(out) as [number, string | null, string | null][]).map(([offset, key, value]) => [
    offset,
    key,
    value,
  ])
}

function readBatches(bytes: Buffer): Row[] {
  const rows: Row[] = []
  for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).size) {
    for (const { offset, key, value } of decodeRecords(bytes, at)) rows.push([offset, text(key), text(value)])
  }
  return rows
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString()
}
