import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runKafkaCommand } from '../../tools/kafka/java.ts'
import { need } from '../../tools/need.ts'
import { createTopics } from '../kafka-clients/requests.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'

const skip = need('kafka') === undefined ? 'Apache Kafka is not installed' : false

/** The lines of JSON that a command printed, by what they are called. */
function named(out: string, name: string): { [field: string]: unknown }[] {
  const lines = out.split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => JSON.parse(line) as { [field: string]: unknown }).filter((one) => one['name'] === name)
}

test(
  'the verifiable producer and consumer of Kafka: all acknowledged, all read in order, all committed',
  { skip },
  async (t) => {
    const server = await startTestBroker(t)
    const { address } = server
    await createTopics(await server.connect(), [{ name: 't' }])
    const where = ['--bootstrap-server', address, '--topic', 't', '--max-messages', '2000']
    const produced = await runKafkaCommand('kafka-verifiable-producer', [...where, '--acks', '-1'])
    assert.equal(named(produced.out, 'producer_send_success').length, 2000, produced.err)
    assert.deepEqual(named(produced.out, 'producer_send_error'), [])
    const consumer = [...where, '--group-id', 'g', '--reset-policy', 'earliest', '--verbose']
    const consumed = await runKafkaCommand('kafka-verifiable-consumer', consumer)
    const records = named(consumed.out, 'record_data')
    assert.deepEqual(
      records.map(({ offset, value }) => [offset, value]),
      Array.from({ length: 2000 }, (_, i) => [i, `${i}`]),
      consumed.err,
    )
    const commits = named(consumed.out, 'offsets_committed')
    assert.ok(commits.every(({ success }) => success === true))
    assert.deepEqual(commits.at(-1)!['offsets'], [{ topic: 't', partition: 0, offset: 2000 }])
  },
)

test("Kafka's own reader of segment files reads ours, and finds nothing wrong", { skip }, async (t) => {
  const server = await startTestBroker(t)
  const { address, directory } = server
  await createTopics(await server.connect(), [{ name: 't' }])
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
  for (const codec of codecs) {
    const producer = ['--bootstrap-server', address, '--topic', 't', '--compression-codec', codec]
    const { code, err } = await runKafkaCommand('kafka-console-producer', producer, `${codec} 1\n${codec} 2\n`)
    assert.equal(code, 0, err)
  }
  await server.broker.close()
  const files = await segments(directory)
  assert.equal(files.length, 1)
  const dump = ['--files', files.join(','), '--deep-iteration', '--print-data-log']
  const { code, out, err } = await runKafkaCommand('kafka-dump-log', dump)
  assert.equal(code, 0, err)
  const payloads = [...out.matchAll(/offset: (\d+) .*payload: (.*)$/gm)].map(([, offset, value]) => [
    Number(offset),
    value,
  ])
  assert.deepEqual(
    payloads,
    codecs.flatMap((codec, i) => [1, 2].map((n) => [2 * i + n - 1, `${codec} ${n}`])),
  )
  const compressions = new Set([...out.matchAll(/compresscodec: (\w+)/g)].map(([, name]) => name))
  assert.deepEqual(compressions, new Set(codecs))
  assert.doesNotMatch(out, /isvalid: false/)
})

/** The segment files of topic `t`. */
async function segments(directory: string): Promise<string[]> {
  const all = await readdir(directory, { recursive: true, withFileTypes: true })
  return all
    .filter((one) => one.parentPath.endsWith('/t-0') && one.name.endsWith('.log'))
    .map((one) => join(one.parentPath, one.name))
}
