import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Historian } from '../../src/historian/historian.ts'
import type { Bucket, HistorySample, MeanSeries } from '../../src/historian/history-reader.ts'
import { LakeReader } from '../../src/historian/reader.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import type { Value } from '../../src/model/reading.ts'
import { DAY_MS, NEVER, optionsOf, Records, SITE, startStore, temporary } from './kit.ts'

const ASSET = `${SITE}/press1`
const T0 = Date.parse('2026-11-30T00:00:00Z')

test('every type of value comes back as it was, with quality and times to the microsecond, from memory and from files', async () => {
  const directory = await temporary()
  const values: { [tag: string]: Value } = {
    number: 71.25,
    zero: -0,
    yes: true,
    no: false,
    small: 12n,
    large: 9_007_199_254_740_993n,
    text: "it's",
    bytes: new Uint8Array([0, 255, 7]),
    array: [1, 'two', [3n ** 40n]],
    structure: { a: 1, b: { c: null } },
  }
  const catalogue = new Catalogue()
  const types = { yes: 'boolean', no: 'boolean', small: 'int64', large: 'int64', bytes: 'bytes' } as const
  const nested = { array: 'array', structure: 'structure' } as const
  const tags = Object.entries({ ...types, ...nested }).map(([tag, type]) => [tag, { type, kind: 'gauge' }] as const)
  catalogue.define({ path: ASSET, tags: new Map(tags) })
  const records = new Records()
  const reading = { asset: ASSET, sourceTime: T0 + 0.125, receivedTime: T0 + 3.5, serverTime: T0 + 1 }
  records.add({
    ...reading,
    values: { ...values, bad: null, doubtful: 3 },
    quality: { bad: 0x808c0000, doubtful: 0x40900000 },
  })

  const historian = new Historian(optionsOf(directory))
  await historian.open()
  await startStore(historian)
  await records.feed(historian)
  const reader = new LakeReader(historian, catalogue)
  const check = async () => {
    const query = { asset: ASSET, tags: [...Object.keys(values), 'bad', 'doubtful'], from: T0, to: T0 + 1 }
    const read = await reader.read(query, NEVER)
    for (const [tag, value] of Object.entries(values)) {
      const sample = { time: T0 + 0.125, value, quality: 0, receivedTime: T0 + 3.5 }
      assert.deepEqual(read.get(tag), { samples: [sample], more: false }, tag)
    }
    assert.deepEqual(read.get('bad')!.samples[0], {
      time: T0 + 0.125,
      value: null,
      quality: 0x808c0000,
      receivedTime: T0 + 3.5,
    })
    assert.equal(read.get('doubtful')!.samples[0]!.quality, 0x40900000)
  }
  await check()
  await historian.flush()
  assert.deepEqual([historian.status().inMemory, historian.status().files], [0, 1])
  await check()
  await historian.close()
})

/** What is stored, as a list; the answers of the reader are made from it by hand. */
interface Row extends HistorySample {
  readonly asset: string
  readonly tag: string
  /** It took the place of another one. */
  readonly again?: true
}

/** Of rows with equal times the last one counts. */
function counting(rows: readonly Row[], asset: string, tag: string): Row[] {
  const byTime = new Map<number, Row>()
  for (const row of rows) {
    if (row.asset !== asset || row.tag !== tag) continue
    byTime.set(row.time, byTime.has(row.time) ? { ...row, again: true } : row)
  }
  return [...byTime.values()].sort((a, b) => a.time - b.time)
}

function sampleOf({ time, value, quality, receivedTime }: Row): HistorySample {
  return { time, value, quality, receivedTime }
}

function bucketOf(rows: readonly Row[], start: number): Bucket {
  const usable = rows.filter(({ value, quality }) => value !== null && quality < 0x80000000)
  const numbers = usable.map(({ value }) => value as number)
  let integral = 0
  let usableMs = 0
  for (const [i, row] of rows.slice(0, -1).entries()) {
    if (!usable.includes(row)) continue
    integral += (row.value as number) * (rows[i + 1]!.time - row.time)
    usableMs += rows[i + 1]!.time - row.time
  }
  const straight = rows.every((row) => usable.includes(row) && row.again === undefined)
  const edge = ({ time, value, quality }: Row) => ({
    time,
    ...(value === null ? {} : { number: value as number }),
    quality,
  })
  return {
    start,
    count: rows.length,
    usable: usable.length,
    good: rows.filter(({ quality }) => quality < 0x40000000).length,
    ...(numbers.length === 0
      ? {}
      : { minimum: Math.min(...numbers), maximum: Math.max(...numbers), sum: numbers.reduce((a, b) => a + b, 0) }),
    first: edge(rows[0]!),
    last: edge(rows.at(-1)!),
    worstQuality: Math.max(...rows.map(({ quality }) => quality)),
    integral,
    ...(straight && { trapezoid: trapezoidOf(rows) }),
    usableMs,
  }
}

function meansOf({ asset, tag, buckets }: { asset: string; tag: string; buckets: readonly Bucket[] }): MeanSeries {
  return {
    asset,
    tag,
    start: Float64Array.from(buckets, ({ start }) => start),
    count: Float64Array.from(buckets, ({ count }) => count),
    usable: Float64Array.from(buckets, ({ usable }) => usable),
    sum: Float64Array.from(buckets, ({ sum }) => sum ?? NaN),
    worstQuality: Float64Array.from(buckets, ({ worstQuality }) => worstQuality),
  }
}

function trapezoidOf(rows: readonly Row[]): number {
  const parts = rows.slice(1).map(({ time, value }, i) => [rows[i]!, time, value as number] as const)
  return parts.reduce(
    (sum, [from, time, value]) => sum + (((from.value as number) + value) / 2) * (time - from.time),
    0,
  )
}

function bucketsOf(rows: readonly Row[], from: number, to: number, everyMs: number): Bucket[] {
  const all = rows.filter(({ time }) => time >= from && time < to)
  const grouped = Map.groupBy(all, ({ time }) => Math.floor(time / everyMs) * everyMs)
  return [...grouped].sort(([a], [b]) => a - b).map(([start, inside]) => bucketOf(inside, start))
}

/** Few assets, tags and times, so that they meet; minutes and days are crossed, and much comes late. */
const reading = fc.record({
  asset: fc.constantFrom(ASSET, `${SITE}/press2`),
  minute: fc.oneof(fc.nat(6), fc.constantFrom(1438, 1439, 1440, 1441, -3 * 1440, 30 * 1440)),
  second: fc.nat(119),
  a: fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constant(null)),
  b: fc.option(fc.integer({ min: 0, max: 9 })),
  quality: fc.constantFrom(0, 0, 0, 0x40900000, 0x80000000),
})
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ readings: fc.array(reading, { minLength: 1, maxLength: 25 }) }) },
  { weight: 2, arbitrary: fc.constant('flush' as const) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
  { weight: 1, arbitrary: fc.constant('crash' as const) },
)

test('whatever comes, in whatever order, sealed, merged, restarted and crashed: reads equal what a list of the samples gives', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
      const directory = await temporary()
      // Files of few samples, so that a day has many and they are merged again and again.
      const options = optionsOf(directory, { fileRows: 60 })
      let historian = new Historian(options)
      t.after(() => historian.abandon())
      await historian.open()
      await startStore(historian)
      const records = new Records()
      const rows: Row[] = []
      for (const step of steps) {
        if (step === 'flush') await historian.flush()
        else if (step === 'restart' || step === 'crash') {
          if (step === 'restart') await historian.close()
          else await historian.abandon()
          historian = new Historian(options)
          await historian.open()
          await startStore(historian)
        } else {
          for (const { asset, minute, second, a, b, quality } of step.readings) {
            const time = T0 + minute * 60_000 + second * 500
            const status = a === null && quality === 0 ? 0x809b0000 : quality
            const head = { asset, sourceTime: time, receivedTime: time + 1 }
            const values = { a, ...(b === null ? {} : { b }) }
            records.add({ ...head, values, ...(status === 0 ? {} : { quality: { a: status } }) })
            rows.push({ asset, tag: 'a', time, value: a, quality: status, receivedTime: time + 1 })
            if (b !== null) rows.push({ asset, tag: 'b', time, value: b, quality: 0, receivedTime: time + 1 })
          }
        }
        await records.feed(historian, Infinity, 10)
      }
      await check(new LakeReader(historian, new Catalogue()), rows)
      await historian.close()
    }),
    { numRuns: Number(process.env['HISTORY_RUNS'] ?? 4), endOnFailure: true },
  )
})

async function check(reader: LakeReader, rows: readonly Row[]): Promise<void> {
  const assets = [ASSET, `${SITE}/press2`]
  const tags = ['a', 'b']
  const whole = { from: T0 - 10 * DAY_MS, to: T0 + 50 * DAY_MS }
  for (const asset of assets) {
    const wanted = new Map(tags.map((tag) => [tag, counting(rows, asset, tag)]))
    for (const backwards of [false, true]) {
      const read = await reader.read({ asset, tags, ...whole, backwards }, NEVER)
      const few = await reader.read({ asset, tags, ...whole, backwards, limit: 3 }, NEVER)
      for (const [tag, want] of wanted) {
        const samples = backwards ? want.map(sampleOf).reverse() : want.map(sampleOf)
        assert.deepEqual(read.get(tag), { samples, more: false })
        assert.deepEqual(few.get(tag), { samples: samples.slice(0, 3), more: samples.length > 3 })
      }
    }
    for (const time of [T0 - 1, T0 + 90_250, T0 + 1439 * 60_000, T0 + 2 * DAY_MS]) {
      for (const goodOnly of [false, true]) {
        const moment = { tags: new Map([[asset, tags]]), time, goodOnly }
        const before = (await reader.before(moment, NEVER)).get(asset)!
        const after = (await reader.after(moment, NEVER)).get(asset)!
        for (const [tag, want] of wanted) {
          const good = want.filter(({ quality }) => !goodOnly || quality < 0x40000000).map(sampleOf)
          assert.deepEqual(
            before.get(tag),
            good.findLast((sample) => sample.time <= time),
            `before ${time} ${goodOnly}`,
          )
          assert.deepEqual(
            after.get(tag),
            good.find((sample) => sample.time >= time),
            `after ${time} ${goodOnly}`,
          )
        }
      }
    }
    const ofAsset = rows.filter((row) => row.asset === asset)
    const times = ofAsset.map(({ time }) => time)
    const extent =
      ofAsset.length === 0 ? undefined : { from: Math.min(...times), to: Math.max(...times), samples: ofAsset.length }
    assert.deepEqual(await reader.extent({ asset }, NEVER), extent)
  }
  for (const everyMs of [60_000, 120_000, 86_400_000, 7_000]) {
    for (const range of [whole, { from: T0 + 30_500, to: T0 + 210_750 }]) {
      const query = { assets, tags, ...range, everyMs }
      const buckets = (await reader.buckets(query, NEVER)).map((series) => ({
        ...series,
        buckets: [...series.buckets],
      }))
      const want = assets.flatMap((asset) =>
        tags.flatMap((tag) => {
          const own = bucketsOf(counting(rows, asset, tag), range.from, range.to, everyMs)
          return own.length === 0 ? [] : [{ asset, tag, buckets: own }]
        }),
      )
      assert.deepEqual(buckets, want, `buckets of ${everyMs}`)
      assert.deepEqual(await reader.means(query, NEVER), want.map(meansOf), `means of ${everyMs}`)
    }
  }
}
