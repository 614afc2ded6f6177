import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Historian } from '../../src/historian/historian.ts'
import type { HistorySample } from '../../src/historian/history-reader.ts'
import { LakeReader } from '../../src/historian/reader.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import type { Value } from '../../src/model/reading.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { seededRandom } from '../../src/system/random.ts'
import { FaultyDisk } from '../faults/faulty-disk.ts'
import { DAY_MS, NEVER, optionsOf, Records, SITE, opened, temporary } from './kit.ts'

const T0 = Date.parse('2026-11-20T00:00:00Z')
const MINUTE = 60_000
/** Machine 11 says nothing, and `never` is no tag of any. */
const ASSETS = Array.from({ length: 12 }, (_, nth) => `${SITE}/line${nth % 3}/press${nth}`)
const TAGS = ['a', 'b', 'state', 'never']

/** A plant over nine days, of which some are empty: late values, times that come again, values that are Bad. */
class Plant {
  readonly records = new Records(2)
  readonly #random = seededRandom(20_261_130)
  readonly #samples = new Map<string, Map<number, HistorySample>>()
  #received = T0 + 20 * DAY_MS

  add(count: number): void {
    for (let nth = 0; nth < count; nth++) this.#add(this.#below(ASSETS.length - 1))
  }

  #add(machine: number): void {
    const asset = ASSETS[machine]!
    // Some say something every day, some on one only; few minutes of a day and few times of a minute, so that they meet.
    const days = machine < 5 ? [0, 1, 4, 8] : [[0, 1, 4, 8][machine % 4]!]
    const minute = [0, 1, 719, 720, 721, 1_439][this.#below(6)]!
    const time = T0 + days[this.#below(days.length)]! * DAY_MS + minute * MINUTE + this.#below(12) * 5_000
    const receivedTime = (this.#received += 1)
    const isBad = this.#below(4) === 0
    const values: { [tag: string]: Value | null } = { a: isBad ? null : this.#below(100) }
    if (this.#below(2) === 0) values['state'] = `s${this.#below(9)}`
    if (this.#below(10) === 0) values['b'] = this.#below(9)
    const quality = isBad ? { quality: { a: 0x808c0000 } } : {}
    // A partition is of one order, and so are the records of a machine.
    this.records.add({ asset, sourceTime: time, receivedTime, values, ...quality }, machine % 2)
    for (const [tag, value] of Object.entries(values)) {
      const own = this.#samples.get(`${asset} ${tag}`) ?? new Map<number, HistorySample>()
      const sample = { time, value, quality: value === null ? 0x808c0000 : 0, receivedTime }
      this.#samples.set(`${asset} ${tag}`, own.set(time, sample))
    }
  }

  #below(end: number): number {
    return Math.floor(this.#random.next() * end)
  }

  /** By hand: the newest at or before a time, and the oldest at or after it. */
  around(asset: string, tag: string, time: number, goodOnly: boolean): readonly (HistorySample | undefined)[] {
    const all = [...(this.#samples.get(`${asset} ${tag}`)?.values() ?? [])].sort((one, other) => one.time - other.time)
    const counting = all.filter(({ quality }) => !goodOnly || quality === 0)
    return [counting.findLast((sample) => sample.time <= time), counting.find((sample) => sample.time >= time)]
  }
}

/** The end of a day, an empty day, within minutes that have samples, beyond both ends. */
const TIMES = [-1, 0.5, 0.999_99, 2, 4 + 719.7 / 1_440, 4 + 720 / 1_440, 5, 8 + 1 / 1_440, 30].map((days) =>
  Math.round(T0 + days * DAY_MS),
)

async function check(historian: Historian, plant: Plant): Promise<void> {
  const reader = new LakeReader(historian, new Catalogue())
  const all = new Map(ASSETS.map((asset) => [asset, TAGS]))
  // Not the same tags of every machine.
  const some = new Map(ASSETS.map((asset, nth) => [asset, nth % 2 === 0 ? ['a'] : ['state', 'b']]))
  for (const [tags, times] of [
    [all, TIMES],
    [some, TIMES.slice(3, 6)],
  ] as const) {
    for (const time of times) {
      for (const goodOnly of [false, true]) {
        const before = await reader.before({ tags, time, goodOnly }, NEVER)
        const after = await reader.after({ tags, time, goodOnly }, NEVER)
        assert.deepEqual([...before.keys(), ...after.keys()], [...tags.keys(), ...tags.keys()])
        for (const [asset, names] of tags) {
          const want = names.map((tag) => [tag, ...plant.around(asset, tag, time, goodOnly)])
          const found = names.map((tag) => [tag, before.get(asset)!.get(tag), after.get(asset)!.get(tag)])
          assert.deepEqual(found, want, `${asset} at ${new Date(time).toISOString()}, good only: ${goodOnly}`)
          assert.ok(before.get(asset)!.size <= names.length && after.get(asset)!.size <= names.length)
        }
      }
    }
  }
}

test('what is asked of many machines together is what a list gives of each: memory, files, days apart, late values', async (t) => {
  const plant = new Plant()
  const historian = await opened(t, optionsOf(await temporary(), { fileRows: 500, threads: 2 }))
  for (let part = 0; part < 2; part++) {
    plant.add(250)
    await plant.records.feed(historian)
    await check(historian, plant)
    if (part < 1) await historian.flush()
  }
  const { files, inMemory } = historian.status()
  assert.ok(files >= 4 && inMemory > 0)
})

test('the same where roll-ups are gone and cannot be made again', async (t) => {
  const plant = new Plant()
  const directory = await temporary()
  const options = optionsOf(directory, { fileRows: 10, log: plant.records.log() })
  const before = await opened(t, options)
  for (let part = 0; part < 2; part++) {
    plant.add(250)
    await plant.records.feed(before)
    await before.flush()
  }
  await before.close()
  const folder = join(directory, 'lake', 'rollup-1m')
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.parquet')).sort()
  for (const file of files.filter((_, nth) => nth % 2 === 0)) await rm(join(folder, file))
  const disk = new FaultyDisk(fileDisk)
  disk.faults.push({ call: 'rename', path: /rollup-1m\/site/, nth: 1, times: Infinity, code: 'ENOSPC' })
  const historian = await opened(t, { ...options, system: { ...options.system, disk } })
  plant.add(50)
  await plant.records.feed(historian)
  await check(historian, plant)
})

test('many machines take no more questions to the store than one, and a question that nobody waits for ends', async (t) => {
  const plant = new Plant()
  const historian = await opened(t, optionsOf(await temporary()))
  plant.add(500)
  await plant.records.feed(historian)
  await historian.flush()
  const reader = new LakeReader(historian, new Catalogue())
  const asked: string[] = []
  const query = historian.query.bind(historian)
  t.mock.method(historian, 'query', (...[what, signal]: Parameters<Historian['query']>) => {
    asked.push(what.kind)
    return query(what, signal)
  })
  // Of a few tags the samples near the moment are looked through, and roll-ups asked only for what is not there.
  const tags = new Map(ASSETS.slice(0, 5).map((asset) => [asset, ['a']]))
  await reader.before({ tags, time: T0 + 30 * DAY_MS }, NEVER)
  assert.deepEqual(asked.splice(0), ['outermost', 'spans', 'outermost'])
  // Of many, roll-ups: where they lie in one day, in two more and in the last, and the samples there, by hours.
  const many = new Map(ASSETS.map((asset) => [asset, ['a', 'b', 'state']]))
  await reader.before({ tags: many, time: T0 + 30 * DAY_MS }, NEVER)
  assert.equal(asked.filter((kind) => kind === 'spans').length, 3)
  assert.ok(asked.length <= 3 + 4 * 3, asked.join())
  const stop = new AbortController()
  t.mock.method(historian, 'query', (...[what, signal]: Parameters<Historian['query']>) => {
    const answer = query(what, signal)
    stop.abort(new Error('gone'))
    return answer
  })
  await assert.rejects(reader.before({ tags, time: T0 + 30 * DAY_MS }, stop.signal), /gone/)
})
