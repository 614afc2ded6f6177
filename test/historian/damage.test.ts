import assert from 'node:assert/strict'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Historian, HistorianOptions } from '../../src/historian/historian.ts'
import { LakeReader } from '../../src/historian/reader.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import type { LogFields } from '../../src/system/logger.ts'
import { FaultyDisk } from '../faults/faulty-disk.ts'
import { listening, NEVER, optionsOf, recordsOf, SITE, smallFiles, opened, temporary, until } from './kit.ts'
import { lakeHash } from './lake-content.ts'

const COUNT = 3_000
const ASSET = `${SITE}/press1`
const RANGE = { from: Date.parse('2026-11-01T00:00:00Z'), to: Date.parse('2026-12-31T00:00:00Z') }

interface Stored {
  readonly directory: string
  readonly lake: string
  readonly options: HistorianOptions
  readonly lines: { level: string; message: string; fields: LogFields }[]
  readonly want: Awaited<ReturnType<typeof lakeHash>>
  /** Paths of the files of a kind. */
  readonly files: (kind: string) => Promise<string[]>
}

/** A lake of some files, closed, and what is in it. */
async function stored(t: TestContext, start = 0): Promise<Stored> {
  const directory = await temporary()
  const lake = join(directory, 'lake')
  const records = recordsOf(COUNT)
  const lines: Stored['lines'] = []
  // Nothing is merged: a file stays where a test damages it.
  const plain = optionsOf(directory, { ...smallFiles(COUNT), fileRows: 10, log: records.log(start) })
  const options = { ...plain, system: { ...plain.system, logger: listening(lines) } }
  const historian = await opened(t, options)
  await records.feed(historian)
  await historian.flush()
  await historian.close()
  const files = async (kind: string) =>
    (await readdir(join(lake, kind), { recursive: true }))
      .filter((name) => name.endsWith('.parquet'))
      .sort()
      .map((name) => join(lake, kind, name))
  return { directory, lake, options, lines, files, want: await lakeHash(lake) }
}

/** Everything that a reader says of one asset. */
async function allOf(historian: Historian) {
  const reader = new LakeReader(historian, new Catalogue())
  const tags = ['a', 'state']
  const series = await reader.buckets({ assets: [ASSET], tags, ...RANGE, everyMs: 60_000 }, NEVER)
  return {
    read: await reader.read({ asset: ASSET, tags, ...RANGE }, NEVER),
    buckets: series.flatMap(({ tag, buckets }) => Array.from(buckets, (bucket) => ({ tag, ...bucket }))),
    extent: await reader.extent({}, NEVER),
  }
}

const DAMAGES: { readonly [name: string]: (file: string) => Promise<void> } = {
  'is gone': (file) => rm(file),
  'is torn': (file) => truncate(file, 1_000),
  'has a bit flipped': async (file) => {
    const bytes = await readFile(file)
    bytes[bytes.length >> 1]! ^= 4
    await writeFile(file, bytes)
  },
}

for (const kind of ['telemetry', 'rollup-1m']) {
  for (const [name, damage] of Object.entries(DAMAGES)) {
    test(`a file of ${kind} that ${name} is named, set aside and made again: queries answer as before`, async (t) => {
      const { lake, options, lines, files, want } = await stored(t)
      const before = await opened(t, options)
      const answers = await allOf(before)
      await before.close()
      const victim = (await files(kind))[1]!
      await damage(victim)

      const historian = await opened(t, options)
      const paths = await files(kind)
      await historian.inspect(paths.includes(victim) ? [victim] : [])
      await until('the file to count again', () => historian.status().samples === want.rows)
      assert.deepEqual(await allOf(historian), answers)
      // Until it ends, files are still replaced.
      await historian.close()
      assert.equal((await lakeHash(lake)).hash, want.hash)
      const damaged = lines.filter(({ level, fields }) => level === 'error' && fields['code'] === 'LAKE_DAMAGED')
      assert.deepEqual(
        damaged.map(({ fields }) => fields['file']),
        [victim],
      )
    })
  }
}

for (const kind of ['telemetry', 'rollup-1m']) {
  test(`a bit of ${kind} that flipped where no reader of Parquet notices: the file is named before a query answers`, async (t) => {
    const { options, lines, files } = await stored(t)
    const before = await opened(t, options)
    const answers = await allOf(before)
    await before.close()
    const victims = await files(kind)
    for (const victim of victims) await DAMAGES['has a bit flipped']!(victim)

    const historian = await opened(t, options)
    const reader = new LakeReader(historian, new Catalogue())
    const { samples } = (await reader.read({ asset: ASSET, tags: ['a'], ...RANGE }, NEVER)).get('a')!
    await reader.extent({}, NEVER)
    const damaged = lines.filter(({ fields }) => fields['code'] === 'LAKE_DAMAGED')
    assert.deepEqual(new Set(damaged.map(({ fields }) => fields['file'])), new Set(victims))
    const known = new Set(answers.read.get('a')!.samples.map((sample) => JSON.stringify(sample)))
    assert.deepEqual(
      samples.filter((sample) => !known.has(JSON.stringify(sample))),
      [],
    )
    await until('the files to be made again', async () => isDeepStrictEqual(await allOf(historian), answers))
    await historian.close()
  })
}

test('roll-ups are not made again of samples that are damaged, too: these are made again first', async (t) => {
  const { lake, options, lines, files, want } = await stored(t)
  const [samples, rollups] = [(await files('telemetry'))[1]!, (await files('rollup-1m'))[1]!]
  await DAMAGES['has a bit flipped']!(samples)
  await DAMAGES['is torn']!(rollups)
  const historian = await opened(t, options)
  await until('both to be named', () => lines.filter(({ fields }) => fields['code'] === 'LAKE_DAMAGED').length === 2)
  await until('the file to count again', () => historian.status().samples === want.rows)
  await historian.close()
  assert.deepEqual(await lakeHash(lake), want)
})

test('a query that meets a damaged file answers from the rest, and from all of it once the file was made again', async (t) => {
  const { options, files, want } = await stored(t)
  const historian = await opened(t, options)
  const answers = await allOf(historian)
  // While the hub runs: nobody has looked since the start.
  await writeFile((await files('telemetry'))[1]!, 'no Parquet at all')
  const reader = new LakeReader(historian, new Catalogue())
  const read = await reader.read({ asset: ASSET, tags: ['a'], ...RANGE }, NEVER)
  assert.ok(read.get('a')!.samples.length > 0)
  await until('the file to count again', () => historian.status().samples === want.rows)
  assert.deepEqual(await allOf(historian), answers)
})

test('roll-ups that cannot be made again, for the disk is full: queries answer as before, from samples', async (t) => {
  const { options, files, want } = await stored(t)
  const before = await opened(t, options)
  const answers = await allOf(before)
  await before.close()
  await rm((await files('rollup-1m'))[1]!)
  const disk = new FaultyDisk(fileDisk)
  disk.faults.push({ call: 'rename', path: /rollup-1m\/site/, nth: 1, times: Infinity, code: 'ENOSPC' })
  const historian = await opened(t, { ...options, system: { ...options.system, disk } })
  assert.deepEqual(await allOf(historian), answers)
  await until('an attempt', () => historian.status().health.state === 'down')
  assert.deepEqual(await allOf(historian), answers)
  disk.faults.length = 0
  await until('health', () => historian.status().health.state === 'live')
  assert.deepEqual(await allOf(historian), answers)
  assert.equal(historian.status().samples, want.rows)
})

test('what the log does not have any more is lost, and said so: the rest of the file comes back', async (t) => {
  const { options, lines, files, lake, want } = await stored(t, 600)
  await rm((await files('telemetry'))[0]!)
  const historian = await opened(t, options)
  await until('the repair', () => lines.some(({ fields }) => 'lost' in fields))
  const { fields } = lines.find(({ fields }) => 'lost' in fields)!
  await historian.close()
  const now = await lakeHash(lake)
  assert.equal(want.rows - now.rows, fields['lost'])
  assert.ok(Number(fields['lost']) > 0 && Number(fields['samples']) >= 0, JSON.stringify(fields))
})

test('a damaged manifest: the one before it counts, and what it does not know is read from the log again', async (t) => {
  const { options, lake, want } = await stored(t)
  const manifest = join(lake, 'manifest.json')
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"epoch":1', '"epoch":2'))
  const historian = await opened(t, options)
  await recordsOf(COUNT).feed(historian)
  await historian.flush()
  assert.deepEqual(await lakeHash(lake), want)
  await historian.close()
})

test('no manifest at all: the files are set aside, never removed, and all of it is read from the log again', async (t) => {
  const { options, lake, want, files } = await stored(t)
  const count = (await files('telemetry')).length
  for (const name of ['manifest.json', 'manifest.previous.json']) await rm(join(lake, name), { force: true })
  const historian = await opened(t, options)
  assert.deepEqual(historian.positions(), [])
  const aside = await readdir(join(lake, 'damaged'))
  assert.equal(aside.filter((name) => name.startsWith('telemetry')).length, count)
  await recordsOf(COUNT).feed(historian)
  await historian.flush()
  assert.deepEqual(await lakeHash(lake), want)
  await historian.close()
})

test('the folder deleted: everything is made again from the log, and every answer is as it was', async (t) => {
  const { options, lake, want } = await stored(t)
  const before = await opened(t, options)
  const answers = await allOf(before)
  await before.close()
  await rm(lake, { recursive: true })
  const historian = await opened(t, options)
  await recordsOf(COUNT).feed(historian)
  assert.deepEqual(await allOf(historian), answers)
  await historian.flush()
  assert.deepEqual(await lakeHash(lake), want)
  assert.deepEqual(await allOf(historian), answers)
  await historian.close()
})

test('another log in place of the one that was: what is stored stays, and what comes is kept beside it', async (t) => {
  const { options, lake, want } = await stored(t)
  const historian = await opened(t, options)
  historian.reset()
  await recordsOf(COUNT).feed(historian)
  await historian.flush()
  assert.equal((await lakeHash(lake)).rows, 2 * want.rows)
  // The same samples twice: of those with equal times one counts.
  const { read, buckets } = await allOf(historian)
  const times = read.get('a')!.samples.map(({ time }) => time)
  assert.equal(new Set(times).size, times.length)
  assert.equal(
    buckets.filter(({ tag }) => tag === 'a').reduce((sum, { count }) => sum + count, 0),
    times.length,
  )
  await historian.close()
})
