import assert from 'node:assert/strict'
import { test } from 'node:test'
import { need } from '../../tools/need.ts'
import { createTopics } from './requests.ts'
import { run } from './run.ts'
import { startTestBroker } from './test-broker.ts'

const kcat = need('kcat')
const skip = kcat === undefined ? 'kcat is not installed' : false

/** Everything of a topic, a line a record: partition, offset, key, value, headers, time. */
async function consume(address: string, topic: string, ...more: string[]): Promise<string[]> {
  const format = '%p %o %k=%s %h %T\\n'
  const { code, out, errors } = await run(kcat!, ['-b', address, '-C', '-q', '-e', '-t', topic, '-f', format, ...more])
  assert.equal(code, 0, errors)
  return out.split('\n').filter((line) => line !== '')
}

async function produce(address: string, topic: string, lines: readonly string[], ...more: string[]): Promise<void> {
  const { code, errors } = await run(kcat!, ['-b', address, '-P', '-t', topic, '-K=', ...more], `${lines.join('\n')}\n`)
  assert.equal(code, 0, errors)
}

const keysAndValues = (lines: readonly string[]) => lines.map((line) => line.split(' ')[2])

test('kcat sees one broker and its topics', { skip }, async (t) => {
  const server = await startTestBroker(t)
  await createTopics(await server.connect(), [{ name: 'plain', partitions: 2 }])
  const { out } = await run(kcat!, ['-b', server.address, '-L', '-J'])
  const { brokers, topics } = JSON.parse(out) as {
    brokers: unknown
    topics: { topic: string; partitions: unknown[] }[]
  }
  assert.deepEqual(brokers, [{ id: 0, name: server.address }])
  assert.deepEqual(
    topics.map(({ topic, partitions }) => [topic, partitions.length]),
    [['plain', 2]],
  )
})

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  test(`kcat reads what kcat wrote with ${compression}, also after a restart of the broker`, { skip }, async (t) => {
    const server = await startTestBroker(t)
    await createTopics(await server.connect(), [{ name: 'topic' }])
    const lines = Array.from({ length: 200 }, (_, i) => `key${i}=value${i}`)
    await produce(server.address, 'topic', lines, '-z', compression, '-H', 'unit=Cel')
    const before = await consume(server.address, 'topic')
    assert.deepEqual(keysAndValues(before), lines)
    before.forEach((line, i) => assert.match(line, new RegExp(`^0 ${i} key${i}=value${i} unit=Cel \\d{13}$`)))
    await server.restart()
    assert.deepEqual(await consume(server.address, 'topic'), before)
    await produce(server.address, 'topic', ['last=one'], '-X', 'enable.idempotence=true')
    assert.deepEqual(keysAndValues(await consume(server.address, 'topic', '-o', '200')), ['last=one'])
  })
}

test('kcat makes the topic it writes to, and a missing topic is said to be missing', { skip }, async (t) => {
  const server = await startTestBroker(t)
  await produce(server.address, 'fresh', ['a=1', 'b=2', 'c=3'])
  const lines = keysAndValues(await consume(server.address, 'fresh'))
  assert.deepEqual(new Set(lines), new Set(['a=1', 'b=2', 'c=3']))
  const wrong = await run(kcat!, ['-b', server.address, '-L', '-t', '../evil'])
  assert.match(wrong.out, /Broker: Invalid topic/)
})

test('kcat looks up offsets by time', { skip }, async (t) => {
  const server = await startTestBroker(t)
  await createTopics(await server.connect(), [{ name: 'times' }])
  await produce(server.address, 'times', ['a=1'])
  const [line] = await consume(server.address, 'times')
  const time = Number(line!.split(' ').at(-1))
  const at = async (ms: number) => (await run(kcat!, ['-b', server.address, '-Q', '-t', `times:0:${ms}`])).out.trim()
  assert.equal(await at(time), 'times [0] offset 0')
  assert.equal(await at(time + 1), 'times [0] offset -1')
  assert.equal(await at(-1), 'times [0] offset 1')
})

test('kcat starts at the first record where its offset is out of range', { skip }, async (t) => {
  const server = await startTestBroker(t)
  await createTopics(await server.connect(), [{ name: 'short' }])
  await produce(server.address, 'short', ['a=1'])
  const lines = await consume(server.address, 'short', '-o', '99', '-X', 'auto.offset.reset=earliest')
  assert.deepEqual(keysAndValues(lines), ['a=1'])
})
