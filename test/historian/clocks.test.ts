import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Historian } from '../../src/historian/historian.ts'
import type { LakeFile } from '../../src/historian/manifest.ts'
import { LakeReader } from '../../src/historian/reader.ts'
import { retained, retainedAt } from '../../src/historian/retention.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { systemClock } from '../../src/system/clock.ts'
import { DAY_MS, NEVER, optionsOf, Records, SITE, startStore, temporary } from './kit.ts'
import { lakeFiles } from './lake-content.ts'

const NOW = Date.parse('2026-11-30T12:00:00Z')
const YEAR_MS = 365 * DAY_MS
const ASSET = `${SITE}/press1`

test('T19: clocks of machines ten years off, 1970, 2038 and year 9999: each sample lands in its own day, none is removed early', async (t) => {
  const directory = await temporary()
  const clock = { ...systemClock, now: () => NOW }
  const plain = optionsOf(directory)
  const historian = new Historian({ ...plain, system: { ...plain.system, clock } })
  t.after(() => historian.abandon())
  await historian.open()
  await startStore(historian)
  const times = [
    NOW,
    NOW - 10 * YEAR_MS,
    NOW + 10 * YEAR_MS,
    -1,
    0,
    2 ** 31 * 1000,
    Date.parse('9999-12-31T23:59:59.999Z'),
  ].sort((a, b) => a - b)
  const records = new Records()
  for (const time of times) records.add({ asset: ASSET, sourceTime: time, receivedTime: NOW, values: { a: time } })
  await records.feed(historian)
  await historian.flush()
  const days = [...(await lakeFiles(join(directory, 'lake'))).keys()].map((name) => /date=([^/]+)/.exec(name)![1]!)
  assert.deepEqual(new Set(days), new Set(times.map((time) => new Date(time).toISOString().slice(0, 10))))
  const read = await new LakeReader(historian, new Catalogue()).read(
    { asset: ASSET, tags: ['a'], from: -DAY_MS, to: 8.64e15 },
    NEVER,
  )
  assert.deepEqual(
    read.get('a')!.samples.map(({ time }) => time),
    times,
  )
  await historian.close()
})

test('times that no calendar has are passed over, and everything beside them is kept', async (t) => {
  const directory = await temporary()
  const historian = new Historian(optionsOf(directory))
  t.after(() => historian.abandon())
  await historian.open()
  await startStore(historian)
  const records = new Records()
  for (const sourceTime of [NOW, 1e300, -9e15, NOW + 1]) {
    records.add({ asset: ASSET, sourceTime, receivedTime: NOW, values: { a: 1 } })
  }
  await records.feed(historian)
  await historian.flush()
  assert.equal(historian.status().samples, 2)
  await historian.close()
})

function file(number: number, day: number, receivedMs: number): LakeFile {
  const us = day * DAY_MS * 1000
  return {
    number,
    day,
    rows: 1,
    rollups: 1,
    minUs: us,
    maxUs: us,
    maxReceivedUs: receivedMs * 1000,
    bytes: 1,
    crc: 1,
    rollupBytes: 1,
    rollupCrc: 1,
    spans: [],
  }
}

const LIMITS = { retentionMs: 400 * DAY_MS, rollupRetentionMs: 3_650 * DAY_MS }
const TODAY = Math.floor(NOW / DAY_MS)

test('retention goes by the day of the source time and by when a sample was received; roll-ups stay longer', () => {
  const old = file(1, TODAY - 402, NOW - 402 * DAY_MS)
  const young = file(2, TODAY - 399, NOW - 399 * DAY_MS)
  const wrongClock = file(3, TODAY - 3_650, NOW)
  const backFilled = file(4, TODAY - 402, NOW - DAY_MS)
  const ancient = file(5, TODAY - 3_700, NOW - 3_700 * DAY_MS)
  const kept = retained({ files: [old, young, wrongClock, backFilled, ancient] }, NOW, LIMITS)
  assert.deepEqual(
    kept.map(({ number, bytes }) => [number, bytes]),
    [
      [1, undefined],
      [2, 1],
      [3, 1],
      [4, 1],
    ],
  )
})

test('T19: a wall clock that jumps 400 days ahead takes a day of history with it in an hour, and none once it is set right', () => {
  const hour = 3_600_000
  const days = Array.from({ length: 400 }, (_, age) => file(age, TODAY - age, NOW - age * DAY_MS))
  let at = retainedAt(undefined, NOW, 0)
  at = retainedAt(at, NOW + 400 * DAY_MS, hour)
  assert.ok(retained({ files: days }, at, LIMITS).filter(({ bytes }) => bytes !== undefined).length >= 398)
  // Back again: what was believed goes back too.
  at = retainedAt(at, NOW + 2 * hour, hour)
  assert.equal(at, NOW + 2 * hour)
  // An hour back, as at the end of summer where somebody keeps local time: nothing is gone.
  assert.equal(retained({ files: days }, retainedAt(at, NOW - hour, hour), LIMITS), days)
})
