import assert from 'node:assert/strict'
import { test } from 'node:test'
import { end, Millrace, post } from './millrace.ts'

const DAY = Date.UTC(2026, 0, 31)

const ascending = (a: number, b: number) => a - b

/** What commands say about the past, on the log of a hub that has ended. */
test('topics, tail and query of what was posted', async (t) => {
  const millrace = await Millrace.create(t)
  const { child, page } = await millrace.hub(await millrace.plant())
  const readings = [1, 2, 3, 4].map((n) => ({ ts: DAY + 60_000 * n, values: { n, big: `=${n}` } }))
  await post(page, 'hall/a', readings)
  await post(page, 'hall/b', { ts: DAY + 90_000, values: { n: 7 } })
  const between = new Date().toISOString()
  await post(page, 'hall/b', { ts: DAY + 95_000, values: { n: 8 } })
  assert.equal(await end(child), 0)

  const topics = await millrace.run('topics', '--json')
  const { topics: listed } = JSON.parse(topics.out) as { topics: { name: string; partitions: { end: number }[] }[] }
  const telemetry = listed.find(({ name }) => name === 'acme.berlin.telemetry')!
  assert.equal(
    telemetry.partitions.reduce((sum, partition) => sum + partition.end, 0),
    6,
  )
  assert.match((await millrace.run('topics')).out, /^topic +partitions +records\n.*acme\.berlin\.telemetry +4 +6\n/s)
  assert.match(
    (await millrace.run('topics', 'acme.berlin.ledger')).out,
    /^partition +first offset +next offset +records\n +0 +0 /,
  )
  const absent = await millrace.run('topics', 'nothing')
  assert.deepEqual([absent.code, absent.out], [1, ''])
  assert.match(absent.err, /^error Cannot find topic "nothing": it is not known here/)

  const lines = async (...args: string[]) => {
    const { code, out, err } = await millrace.run(...args)
    assert.deepEqual([code, err], [0, ''])
    return out.trim().split('\n')
  }
  const from = async (where: string) =>
    (await lines('tail', '--from', where, '--end', '--json')).map(
      (line) => (JSON.parse(line) as { values: { n: number } }).values.n,
    )
  assert.deepEqual((await from('start')).sort(ascending), [1, 2, 3, 4, 7, 8])
  assert.deepEqual(await from(between), [8])
  assert.deepEqual((await from('1h')).sort(ascending), [1, 2, 3, 4, 7, 8])
  const [raw] = await lines('tail', '--topic', 'telemetry', '--from', between, '--end', '--json')
  const { key, headers } = JSON.parse(raw!) as { key: string; headers: [string, string][] }
  assert.deepEqual([key, headers.find(([name]) => name === 'seq')], ['acme/berlin/hall/b', ['seq', '6']])

  assert.deepEqual(await lines('query', 'hall/a', '--tag', 'big', '--format', 'csv', '--to', between), [
    'time,asset,tag,value,quality,received',
    ...(await lines('query', 'hall/a', '--tag', 'big', '--json')).map((line, at) => {
      const row = JSON.parse(line) as { time: string; value: string; received: string }
      assert.deepEqual([row.time, row.value], [`2026-01-31T00:0${at + 1}:00.000Z`, `=${at + 1}`])
      return `${row.time},acme/berlin/hall/a,big,'=${at + 1},Good,${row.received}`
    }),
  ])
  const summed = (await lines('query', '--tag', 'n', '--every', '2m', '--json')).map(
    (line) => JSON.parse(line) as object,
  )
  assert.deepEqual(summed[0], {
    from: '2026-01-31T00:00:00.000Z',
    asset: 'acme/berlin/hall/a',
    tag: 'n',
    count: 1,
    bad: 0,
    least: 1,
    most: 1,
    mean: 1,
    value: 1,
    first: '2026-01-31T00:01:00.000Z',
    last: '2026-01-31T00:01:00.000Z',
  })
  assert.equal(summed.length, 4)
  const cut = await millrace.run('query', '--limit', '2', '--format', 'csv')
  assert.deepEqual([cut.code, cut.out.trim().split('\n').length], [0, 3])
  assert.match(cut.err, /^Only the first 2 rows are shown/)
})

test('asked for a time that is none, it says what a time is', async (t) => {
  const millrace = await Millrace.create(t)
  for (const args of [
    ['tail', '--from', 'yesterday'],
    ['query', '--to', '12'],
    ['query', '--every', 'often'],
  ]) {
    const { code, err } = await millrace.run(...args)
    assert.equal(code, 2)
    assert.match(err, /Want a (time|duration) as in/)
  }
})
