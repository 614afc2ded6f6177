import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, startServer } from '../../test/api/server.ts'
import type { NewRecord } from '../log/log.ts'
import type { ConsumerView, RecordsView, TopicView } from './contract.ts'
import { TopicRates } from './topic-rates.ts'

const record = (n: number, value: NewRecord['value'] = `v${n}`): NewRecord => ({
  key: null,
  value,
  timestamp: 1_000 + n,
  headers: [['seq', `${n}`]],
})

async function startLog(t: Parameters<typeof startServer>[0], records: readonly NewRecord[]) {
  const { memory, hub, url } = await startServer(t)
  await memory.ensure([{ name: 'acme.telemetry', partitions: 2 }])
  for (const one of records) await memory.append('acme.telemetry', [one])
  const get = async <T>(path: string) => (await (await fetch(`${url}/api/v1/${path}`)).json()) as T
  return { memory, hub, url, get }
}

const offsets = ({ records }: RecordsView) => records.map(({ partition, offset }) => `${partition}:${offset}`)

test('topics with their ends, and one of them', async (t) => {
  const { memory, url, get } = await startLog(t, [record(0), record(1), record(2)])
  memory.trim('acme.telemetry', 0, 1)
  const topic = {
    name: 'acme.telemetry',
    records: 2,
    partitions: [
      { partition: 0, start: 1, end: 2 },
      { partition: 1, start: 0, end: 1 },
    ],
  }
  const empty = ['alarms', 'audit', 'commands'].map((kind) => {
    return { name: `acme.berlin.${kind}`, records: 0, partitions: [{ partition: 0, start: 0, end: 0 }] }
  })
  assert.deepEqual(await get<{ topics: TopicView[] }>('topics'), { topics: [...empty, topic] })
  assert.deepEqual(await get<TopicView>('topics/acme.telemetry'), topic)
  const absent = await fetch(`${url}/api/v1/topics/nothing`)
  assert.deepEqual([absent.status, await codeOf(absent)], [404, 'TOPIC_NOT_FOUND'])
})

test('records by page, by time, by offset, of one partition', async (t) => {
  const { get } = await startLog(
    t,
    [0, 1, 2, 3, 4].map((n) => record(n)),
  )
  const records = (query: string) => get<RecordsView>(`topics/acme.telemetry/records${query}`)
  const newest = await records('?limit=2')
  assert.deepEqual(offsets(newest), ['1:1', '0:2'])
  const older = await records(`?limit=2&back=true&at=${newest.before}`)
  assert.deepEqual(offsets(older), ['0:1', '1:0'].toReversed())
  assert.deepEqual(offsets(await records(`?at=${older.after}`)), ['1:1', '0:2'])
  assert.deepEqual(offsets(await records('?time=1003')), ['1:1', '0:2'])
  assert.deepEqual(offsets(await records('?time=1970-01-01T00:00:01.003Z&partition=0')), ['0:2'])
  assert.deepEqual(newest.records[1], {
    partition: 0,
    offset: 2,
    timestamp: 1004,
    key: null,
    value: { text: 'v4', bytes: 2 },
    headers: [{ name: 'seq', value: { text: '4', bytes: 1 } }],
  })
})

test('bytes that are not text come as base64, long ones are cut between characters, a tombstone is null', async (t) => {
  const long = 'ä'.repeat(10_000)
  const { get } = await startLog(t, [record(0, Buffer.from([0xff, 0])), record(1, long), record(2, null)])
  const { records } = await get<RecordsView>('topics/acme.telemetry/records')
  assert.deepEqual(records[0]!.value, { base64: '/wA=', bytes: 2 })
  assert.deepEqual(records[1]!.value, { text: 'ä'.repeat(8192), bytes: 20_000 })
  assert.equal(records[2]!.value, null)
  const odd = await startLog(t, [record(0, `x${long}`)])
  const cut = (await odd.get<RecordsView>('topics/acme.telemetry/records')).records[0]!.value!
  assert.deepEqual(cut, { text: `x${'ä'.repeat(8191)}`, bytes: 20_001 })
})

test('a bad query is refused with the parameter that is wrong', async (t) => {
  const { url } = await startLog(t, [])
  const bad = [
    'limit=0',
    'limit=501',
    'at=1',
    'at=0:-1',
    'at=0:1,',
    'time=',
    'time=soon',
    'back=1',
    'partition=x',
    'page=2',
  ]
  for (const query of [...bad, 'at=0:1&time=5', 'at=0:1&at=0:2']) {
    const answer = await fetch(`${url}/api/v1/topics/acme.telemetry/records?${query}`)
    assert.deepEqual([answer.status, await codeOf(answer)], [400, 'BAD_QUERY'], query)
  }
})

test('consumers and how far each is behind', async (t) => {
  const { hub, get } = await startLog(
    t,
    [0, 1, 2, 3, 4].map((n) => record(n)),
  )
  const at = (partition: number, offset: number) => ({ topic: 'acme.telemetry', partition, offset })
  hub.readers = [{ name: 'twins', positions: [at(1, 2), at(0, 1)] }]
  assert.deepEqual((await get<{ consumers: ConsumerView[] }>('consumers')).consumers, [
    {
      name: 'twins',
      kind: 'view',
      lag: 2,
      positions: [
        { ...at(0, 1), lag: 2 },
        { ...at(1, 2), lag: 0 },
      ],
    },
  ])
})

test('a log that is closed answers with its own code', async (t) => {
  const { memory, url } = await startLog(t, [])
  await memory.close()
  const answer = await fetch(`${url}/api/v1/topics`)
  assert.deepEqual([answer.status, await codeOf(answer)], [500, 'LOG_CLOSED'])
})

test('a rate needs two looks, spans about ten seconds, and is never negative', () => {
  const rates = new TopicRates()
  assert.equal(rates.note('t', 0, 1_000), undefined)
  assert.equal(rates.note('t', 100, 1_000), undefined)
  assert.equal(rates.note('t', 2_000, 1_200), 100)
  assert.equal(rates.note('t', 12_000, 11_200), 1_000)
  assert.equal(rates.note('t', 14_000, 0), 0)
  assert.equal(rates.note('t', 60_000, 50_000), undefined)
})
