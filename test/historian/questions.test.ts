import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HistoryViews } from '../../src/api/history-views.ts'
import type { HistoryPort } from '../../src/api/history-port.ts'
import { MemoryHub } from '../../src/api/memory-hub.ts'
import { AGGREGATES, type AggregateName } from '../../src/historian/aggregates/catalogue.ts'
import { isBucketed } from '../../src/historian/query/bucket-aggregates.ts'
import { Historian } from '../../src/historian/historian.ts'
import { LakeReader } from '../../src/historian/reader.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { severity } from '../../src/model/quality.ts'
import { DAY_MS, NEVER, optionsOf, Records, SITE, temporary } from './kit.ts'
import { MemoryHistory } from './memory-history.ts'

const PRESS = `${SITE}/press1`
const OVEN = `${SITE}/oven`
/** A quarter of an hour before midnight, so that samples lie in files of two days. */
const T0 = Date.parse('2026-11-30T23:45:00Z')
const HALF_HOUR = 1_800_000
const MINUTE = 60_000

const ALL = (Object.keys(AGGREGATES) as AggregateName[]).filter((name) => name !== 'AnnotationCount')

const sample = fc.record({
  asset: fc.constantFrom(PRESS, OVEN),
  at: fc.oneof(
    fc.nat(17_999),
    fc.nat(29).map((minute) => minute * 600),
  ),
  value: fc.integer({ min: -9, max: 9 }),
  // Sixteen Good ones to two others.
  quality: fc.nat(17).map((n) => (n === 0 ? 0x40900000 : n === 1 ? 0x808c0000 : 0)),
})

/** The same history in memory and in a lake, a part of it in files, and the answers of both. */
async function both(directory: string, rows: readonly { asset: string; at: number; value: number; quality: number }[]) {
  const [memory, records, hub] = [new MemoryHistory(), new Records(), new MemoryHub()]
  const historian = new Historian(optionsOf(directory))
  await historian.open()
  for (const asset of [PRESS, OVEN]) hub.record(asset, [{ tag: 'force', value: 0 }], T0)
  for (const [nth, { asset, at, value, quality }] of rows.entries()) {
    const time = T0 + at * 100
    const kept = severity(quality) === 'bad' ? null : value
    memory.add(asset, 'force', [time, kept, quality])
    const reading = { asset, sourceTime: time, receivedTime: T0 + HALF_HOUR + nth }
    records.add({ ...reading, values: { force: kept }, ...(quality !== 0 && { quality: { force: quality } }) })
  }
  await records.feed(historian, Math.floor(rows.length / 2))
  await historian.flush()
  await records.feed(historian)
  const source = { hub, site: SITE }
  return {
    historian,
    lake: new HistoryViews({ ...source, reader: new LakeReader(historian, new Catalogue()) }),
    plain: new HistoryViews({ ...source, reader: memory }),
  }
}

type Ask = (history: HistoryPort) => Promise<object>

function questions(start: number, length: number, stepped: boolean): Ask[] {
  const of = { on: '**', tags: ['force'] }
  const [from, to] = [T0 + start, T0 + start + length]
  const everyMs = Math.ceil(length / 9)
  const bucketed = ALL.filter(isBucketed)
  const whole = { from: T0 + Math.floor(start / MINUTE) * MINUTE, to, everyMs: 3 * MINUTE }
  const aggregates = { kind: 'aggregates', of, rules: { stepped } } as const
  const tags = [PRESS, OVEN].map((asset) => ({ asset, tag: 'force' }))
  return [
    (history) => history.samples({ kind: 'samples', of, from, to, limit: 7 }, NEVER),
    (history) => history.samples({ kind: 'samples', of, from: to, to: from, limit: 7 }, NEVER),
    (history) => history.aggregates({ ...aggregates, from, to, everyMs, aggregates: ALL }, NEVER),
    (history) => history.aggregates({ ...aggregates, from: to, to: from, everyMs, aggregates: ALL }, NEVER),
    (history) => history.aggregates({ ...aggregates, ...whole, aggregates: bucketed }, NEVER),
    (history) => history.chart({ kind: 'chart', of, from, to, points: 11, method: 'min-max' }, NEVER),
    (history) => history.chart({ kind: 'chart', of, from, to, points: 5, method: 'lttb' }, NEVER),
    (history) => history.join({ tags, from, to, toleranceMs: 60_000, limit: 20 }, NEVER),
    (history) => history.join({ tags, from, to, toleranceMs: Infinity, everyMs, limit: 20 }, NEVER),
  ]
}

test('questions are answered out of a lake as out of a list of samples', async () => {
  const directory = await temporary()
  let nth = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(sample, { minLength: 1, maxLength: 80 }),
      fc.nat(HALF_HOUR),
      fc.integer({ min: 1_000, max: HALF_HOUR }),
      fc.boolean(),
      async (rows, start, length, stepped) => {
        const { historian, lake, plain } = await both(`${directory}/${nth++}`, rows)
        try {
          for (const ask of questions(start, length, stepped)) {
            assert.deepEqual(rounded(await ask(lake)), rounded(await ask(plain)), String(ask))
          }
        } finally {
          await historian.close()
        }
      },
    ),
    { numRuns: 6 },
  )
})

/** Sums are added up in another order. */
function rounded(view: object): unknown {
  return JSON.parse(JSON.stringify(view), (_name, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) && Math.abs(value) < 1e9
      ? Number(value.toPrecision(10))
      : value,
  )
}

test('names with quotes and statements in them are names', async (t) => {
  const directory = await temporary()
  const asset = `${SITE}/it's; DROP TABLE signals_1; --`
  const tag = `"x' OR '1'='1`
  const [records, hub] = [new Records(), new MemoryHub()]
  hub.record(asset, [{ tag, value: 1 }], T0)
  records.add({ asset, sourceTime: T0, receivedTime: T0, values: { [tag]: 7, other: 8 } })
  const historian = new Historian(optionsOf(directory))
  await historian.open()
  t.after(() => historian.close())
  await records.feed(historian)
  const history = new HistoryViews({ hub, site: SITE, reader: new LakeReader(historian, new Catalogue()) })
  const [from, to] = [T0 - MINUTE, T0 + MINUTE]
  for (let round = 0; round < 2; round++) {
    const of = { asset, tags: [tag] }
    const samples = await history.samples({ kind: 'samples', of, from, to, limit: 10 }, NEVER)
    assert.deepEqual(
      samples.series.map((one) => one.samples),
      [[[T0, 7, 0]]],
    )
    const counts = { kind: 'aggregates', of, from, to, everyMs: MINUTE, rules: {}, aggregates: ['Count'] } as const
    assert.deepEqual(
      (await history.aggregates(counts, NEVER)).series[0]!.points.map(([, value]) => value),
      [null, 1],
    )
    await assert.rejects(
      history.samples({ kind: 'samples', of: { asset, tags: [`${tag}--`] }, from, to, limit: 10 }, NEVER),
      { code: 'TAG_NOT_FOUND' },
    )
    await historian.flush()
  }
})

test('of machines whose clocks are ten years wrong, and beyond 2038, all of it is found where their clocks were', async (t) => {
  const directory = await temporary()
  const records = new Records()
  const hub = new MemoryHub()
  hub.record(PRESS, [{ tag: 'force', value: 1 }], T0)
  const years = [-10, 0, 10, 20].map((year) => T0 + year * 365 * DAY_MS)
  for (const [nth, time] of years.entries()) {
    const asset = { asset: PRESS, sourceTime: time, receivedTime: T0 + nth }
    records.add({ ...asset, values: { force: nth, [`only${nth}`]: nth } })
  }
  const historian = new Historian(optionsOf(directory))
  await historian.open()
  t.after(() => historian.close())
  await records.feed(historian)
  for (const stored of ['in memory', 'in files']) {
    const history = new HistoryViews({ hub, site: SITE, reader: new LakeReader(historian, new Catalogue()) })
    const [from, to] = [years[0]! - 1, years.at(-1)! + 1]
    const of = { asset: PRESS, tags: ['force'] }
    const samples = await history.samples({ kind: 'samples', of, from, to, limit: 10 }, NEVER)
    assert.deepEqual(
      samples.series[0]!.samples,
      years.map((time, nth) => [time, nth, 0]),
      stored,
    )
    const asked = { kind: 'aggregates', of, from, to, everyMs: 0, rules: {} } as const
    const counts = await history.aggregates({ ...asked, aggregates: ['Count', 'Delta'] }, NEVER)
    assert.deepEqual(
      counts.series.map(({ points }) => points[0]![1]),
      [4, 3],
      stored,
    )
    // Twins have let these go: the store is asked when they were last there.
    for (const nth of years.keys()) {
      const alone = { asset: PRESS, tags: [`only${nth}`] }
      const found = await history.samples({ kind: 'samples', of: alone, from, to, limit: 10 }, NEVER)
      assert.equal(found.series[0]!.samples.length, 1, `only${nth} ${stored}`)
    }
    await historian.flush()
  }
})
