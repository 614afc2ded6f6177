import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryHub } from '../../src/api/memory-hub.ts'
import { Quality } from '../../src/model/quality.ts'
import { startServer } from '../api/server.ts'
import { MemoryHistory } from '../historian/memory-history.ts'
import { Millrace } from './millrace.ts'

const PRESS = 'acme/berlin/hall/press'
/** 2026-01-31T08:00:00Z. */
const T = 1_769_846_400_000

test('aggregates of history, asked of a running hub', async (t) => {
  const hub = new MemoryHub()
  hub.record(PRESS, [{ tag: 'force', value: 1 }], T)
  const samples = [0, 1, 2, 3].map((at) => [T + at * 30_000, at * 10] as const)
  const history = new MemoryHistory().add(PRESS, 'force', ...samples, [T + 130_000, null, Quality.BadTimeout])
  const { url } = await startServer(t, { hub, history })
  const millrace = await Millrace.create(t)
  const span = ['--from', '2026-01-31T08:00:00Z', '--to', '2026-01-31T08:03:00Z', '--every', '1m', '--page', url]
  const ask = (...args: string[]) => millrace.run('query', 'hall/*', '--aggregate', 'Average,Count', ...span, ...args)

  const csv = await ask('--tag', 'force', '--format', 'csv')
  assert.deepEqual([csv.code, csv.err], [0, ''])
  assert.deepEqual(csv.out.trim().split('\n'), [
    'time,asset,tag,aggregate,value,quality',
    `2026-01-31T08:00:00.000Z,${PRESS},force,Average,5,Good`,
    `2026-01-31T08:01:00.000Z,${PRESS},force,Average,25,Good`,
    `2026-01-31T08:02:00.000Z,${PRESS},force,Average,,BadNoData`,
    `2026-01-31T08:00:00.000Z,${PRESS},force,Count,2,Good`,
    `2026-01-31T08:01:00.000Z,${PRESS},force,Count,2,Good`,
    `2026-01-31T08:02:00.000Z,${PRESS},force,Count,,Bad`,
  ])
  const one = await ask('--tag', 'force', '--json', '--limit', '1')
  assert.deepEqual(JSON.parse(one.out), {
    time: '2026-01-31T08:00:00.000Z',
    asset: PRESS,
    tag: 'force',
    aggregate: 'Average',
    value: 5,
    quality: 'Good',
  })
  assert.match(one.err, /Only the first 1 rows are shown/)

  // A while ago is no round time: intervals begin at whole minutes all the same.
  const recent = await millrace.run(
    'query',
    '--tag',
    'force',
    '--aggregate',
    'Count',
    '--from',
    '3m',
    '--every',
    '1m',
    '--page',
    url,
    '--json',
  )
  const begins = recent.out
    .trim()
    .split('\n')
    .map((line) => Date.parse((JSON.parse(line) as { time: string }).time))
  assert.equal(begins.length, 4)
  for (const time of begins) assert.equal(time % 60_000, 0)

  const untold = await ask()
  assert.deepEqual([untold.code, untold.out], [2, ''])
  assert.match(untold.err, /"--tag"/)
  const places = await millrace.run('query', '--tag', 'force', '--aggregate', 'Count', '--from', '0:7', '--page', url)
  assert.deepEqual([places.code, places.out], [2, ''])
  const misspelt = await millrace.run('query', '--tag', 'force', '--aggregate', 'Averag', '--page', url)
  assert.equal(misspelt.code, 1)
  assert.match(misspelt.err, /perhaps Average/)
})
