import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { Historian } from '../../src/historian/historian.ts'
import { optionsOf, recordsOf, smallFiles, startStore, temporary, until } from './kit.ts'
import { lakeFiles, lakeHash, manifestOf } from './lake-content.ts'

const COUNT = 2_000

test('the lake is read by other programs as docs/history.md says: columns, order, Hive partitions; small files of a day are merged, with the same content', async (t) => {
  const directory = await temporary()
  const lake = join(directory, 'lake')
  // Days of 2026-11-28 and later are over on this clock, and so are merged as far as they go.
  const plain = optionsOf(directory, { ...smallFiles(COUNT), sealRows: 500, fileRows: 100_000 })
  const clock = { ...plain.system.clock, now: () => Date.parse('2027-01-10T00:00:00Z') }
  const historian = new Historian({ ...plain, system: { ...plain.system, clock } })
  t.after(() => historian.abandon())
  await historian.open()
  await startStore(historian)
  const records = recordsOf(COUNT)
  const numbers = new Set<number>()
  while (historian.positions().reduce((sum, { offset }) => sum + offset, 0) < COUNT) {
    await records.feed(historian, 400)
    await historian.flush()
    for (const { number } of (await manifestOf(lake)).files) numbers.add(number)
  }
  await until('one file a day', async () => (await manifestOf(lake)).files.length === 3)
  await historian.close()
  assert.ok(numbers.size > 3, 'nothing was ever merged')

  // The very samples that were put in, by place in the log, with no code of ours.
  const files = await lakeFiles(lake)
  assert.deepEqual(
    [...files.keys()].map((name) => name.replace(/\d+\.parquet$/, '')),
    ['site=acme.berlin/date=2026-11-28/', 'site=acme.berlin/date=2026-11-29/', 'site=acme.berlin/date=2026-11-30/'],
  )
  const rows = [...files.values()].flat()
  assert.equal(rows.length, 2 * COUNT)
  assert.equal(new Set(rows.map((row) => `${row.log_partition}/${row.log_offset}/${row.tag}`)).size, 2 * COUNT)
  const documented = await documentedColumns('### Columns of `telemetry`')
  assert.deepEqual(Object.keys(rows[0]!).sort(), documented.sort())
  for (const rows of files.values()) {
    const order = rows.map(({ asset, tag, time }) => `${asset} ${tag} ${time}`)
    assert.deepEqual(order, [...order].sort())
  }

  const duckDb = await (await DuckDBInstance.create(':memory:')).connect()
  const counted = await duckDb.runAndReadAll(
    `SELECT site, date::VARCHAR, count(*)::INTEGER, count(DISTINCT (log_partition, log_offset, tag))::INTEGER
     FROM read_parquet('${lake}/telemetry/**/*.parquet', hive_partitioning = true) GROUP BY ALL ORDER BY 2`,
  )
  const perDay = [...files.values()].map(({ length }) => length)
  assert.deepEqual(
    counted.getRows(),
    ['2026-11-28', '2026-11-29', '2026-11-30'].map((date, i) => ['acme.berlin', date, perDay[i], perDay[i]]),
  )

  // An uninterrupted run that merges nothing has the same samples.
  const other = await temporary()
  const whole = new Historian(optionsOf(other))
  await whole.open()
  await startStore(whole)
  await recordsOf(COUNT).feed(whole)
  await whole.close()
  assert.deepEqual(await lakeHash(lake), await lakeHash(join(other, 'lake')))
})

/** Names in the first column of a table of docs/history.md. */
async function documentedColumns(heading: string): Promise<string[]> {
  const page = await readFile(join(import.meta.dirname, '../../docs/history.md'), 'utf8')
  const section = page.slice(page.indexOf(heading) + heading.length).split('\n#')[0]!
  const firsts = section.split('\n').flatMap((line) => /^\| ([^|]*`[^|]*) \|/.exec(line)?.[1] ?? [])
  return firsts.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
}
