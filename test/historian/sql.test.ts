import assert from 'node:assert/strict'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Historian } from '../../src/historian/historian.ts'
import { HistorySql } from '../../src/historian/history-sql.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { NEVER, optionsOf, Records, SITE, startStore, temporary } from './kit.ts'

/** Questions in SQL: right over files and memory, and locked in. */

const ASSET = `${SITE}/press1`
const T0 = Date.parse('2026-11-30T00:00:00Z')

async function opened(t: TestContext) {
  const directory = await temporary()
  const historian = new Historian(optionsOf(directory))
  await historian.open()
  await startStore(historian)
  t.after(() => historian.close())
  const catalogue = new Catalogue()
  const temperature = { type: 'number', kind: 'gauge', unit: 'Cel' } as const
  catalogue.define({ path: ASSET, model: 'press@1', tags: new Map([['temperature', temperature]]) })
  const spillDirectory = join(directory, 'historian')
  const sql = new HistorySql({ historian, catalogue, spillDirectory, system: { clock: systemClock, disk: fileDisk } })
  const ask = (text: string, limit = 1_000) => sql.ask({ sql: text, limit }, NEVER)
  return { directory, spillDirectory, historian, catalogue, sql, ask }
}

/** Ten samples in a file, one of them corrected, and ten in memory. */
async function filled(historian: Historian): Promise<void> {
  const records = new Records()
  const add = (second: number, value: number) => {
    const sourceTime = T0 + 1_000 * second
    const values = { temperature: value, state: 'Execute' }
    records.add({ asset: ASSET, sourceTime, receivedTime: sourceTime + 5, values })
  }
  for (let at = 0; at < 10; at++) add(at, at)
  add(3, 33)
  await records.feed(historian)
  await historian.flush()
  for (let at = 10; at < 20; at++) add(at, at)
  await records.feed(historian)
}

test('files and memory are one table, in which a corrected sample counts once; what is known of tags is another', async (t) => {
  const { historian, spillDirectory, ask } = await opened(t)
  await filled(historian)
  const figures = await ask(`SELECT count(*), sum(value), min(time), max(time) FROM samples WHERE tag = 'temperature'`)
  assert.deepEqual(figures.rows, [[20, 190 + 30, '2026-11-30T00:00:00.000Z', '2026-11-30T00:00:19.000Z']])
  assert.deepEqual((await ask(`SELECT count(*) FROM all_samples WHERE tag = 'temperature'`)).rows, [[21]])
  assert.deepEqual((await ask('SELECT sum(count), max(maximum) FROM minutes')).rows, [[20, 33]])
  const joined = `SELECT s.asset, s.value, s.quality, s.source, t.unit, t.model FROM samples s JOIN tags t USING (asset, tag)
    WHERE s.value = 33`
  assert.deepEqual(await ask(joined), {
    columns: [
      { name: 'asset', type: 'VARCHAR' },
      { name: 'value', type: 'DOUBLE' },
      { name: 'quality', type: 'UINTEGER' },
      { name: 'source', type: 'VARCHAR' },
      { name: 'unit', type: 'VARCHAR' },
      { name: 'model', type: 'VARCHAR' },
    ],
    rows: [[ASSET, 33, 0, 'line1', 'Cel', 'press@1']],
    more: false,
  })
  const first = await ask(`SELECT value FROM samples WHERE tag = 'temperature' ORDER BY time`, 5)
  assert.deepEqual([first.rows, first.more], [[[0], [1], [2], [33], [4]], true])
  assert.equal((await ask('SELECT range FROM range(5000)', 5_000)).more, false)
  assert.equal((await ask('SELECT range FROM range(5001)', 5_000)).more, true)
  const odd = await ask(
    `SELECT 9007199254740993::BIGINT, make_timestamptz(1732287000123456), [1, NULL], {'a': true}, NULL`,
  )
  assert.deepEqual(odd.rows, [['9007199254740993', '2024-11-22T14:50:00.123456Z', [1, null], { a: true }, null]])
  const left = (await readdir(spillDirectory)).filter((name) => !name.startsWith('tags-'))
  assert.deepEqual(left, [], 'what was in memory leaves no file behind')
})

test('tags are asked as they are at the moment, whatever they are called', async (t) => {
  const { catalogue, spillDirectory, ask } = await opened(t)
  const tags = async () => (await ask(`FROM tags WHERE asset <> '${ASSET}' ORDER BY tag`)).rows
  assert.deepEqual(await tags(), [])
  const odd = `${SITE}/"quoted", and
on two lines`
  const names = ['', '"', '""a', 'NULL', 'a,b', 'line\r\nend', 'ä\\"é☃', "'; --"].sort()
  const text = { type: 'string', kind: 'state' } as const
  catalogue.define({ path: odd, tags: new Map(names.map((name) => [name, text])) })
  assert.deepEqual(
    await tags(),
    names.map((name) => [odd, name, 'string', 'state', null, null]),
  )
  // Another file only where something was said in the meantime.
  await tags()
  assert.equal((await readdir(spillDirectory)).filter((name) => name.startsWith('tags-')).length, 1)
  // The store starts again, and empties the folder.
  await rm(spillDirectory, { recursive: true })
  await mkdir(spillDirectory)
  assert.equal((await tags()).length, names.length)
  for (let i = 0; i < 1_200; i++) catalogue.define({ path: `${SITE}/many/${i}`, tags: new Map([['a', text]]) })
  assert.deepEqual((await ask('SELECT count(*) FROM tags')).rows, [[1_200 + names.length + 1]])
})

test('a lake without anything has its tables all the same', async (t) => {
  const { ask } = await opened(t)
  for (const table of ['samples', 'all_samples', 'minutes']) assert.deepEqual((await ask(`FROM ${table}`)).rows, [])
})

for (const [what, sql, complaint] of [
  ['a file', "SELECT * FROM read_text('/etc/hostname')", /Cannot access file/],
  ['a table that is a file', "FROM '/etc/hostname.csv'", /Cannot access file/],
  ['the names of files', "SELECT * FROM glob('/*')", /Cannot access file/],
  ['to write a file', "COPY (SELECT 1) TO '/tmp/millrace-caged.csv'", /Cannot access file/],
  ['another database', "ATTACH '/tmp/millrace-caged.db'", /it is ATTACH, want SELECT/],
  ['an extension', 'INSTALL httpfs', /it is LOAD, want SELECT/],
  ['a setting', "SET memory_limit = '10GB'", /it is SET, want SELECT/],
  ['a setting in a question', "SELECT set_config('threads', '8')", /does not exist|Catalog Error/],
  ['to change a table', 'DELETE FROM tags', /Can only delete from base table/],
  ['to make a table', 'CREATE TABLE mine AS SELECT 1', /it is CREATE, want SELECT/],
  ['two things at once', 'SELECT 1; SELECT 2', /it has 2 statements, want one/],
  ['nothing', ' -- nothing', /it has no statement, want one/],
  ['what is no SQL', 'SELEKT 1', /Parser Error/],
  ['what there is not', 'SELECT * FROM nowhere', /does not exist/],
] as const) {
  test(`refused, with the reason: ${what}`, async (t) => {
    const { ask } = await opened(t)
    await assert.rejects(ask(sql), { code: 'BAD_SQL', message: complaint })
  })
}

test('nobody is called over the network', async (t) => {
  let called = 0
  const server = createServer((_request, answer) => {
    called += 1
    answer.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const { ask } = await opened(t)
  await assert.rejects(ask(`FROM 'http://127.0.0.1:${port}/x.parquet'`), { code: 'BAD_SQL' })
  await assert.rejects(ask(`FROM read_csv('http://127.0.0.1:${port}/x.csv')`), { code: 'BAD_SQL' })
  assert.equal(called, 0)
})

test('files beside those of the lake are closed, those of the lake are not', async (t) => {
  const { directory, historian, ask } = await opened(t)
  await filled(historian)
  await writeFile(join(directory, 'secret.csv'), 'a\n1\n')
  await assert.rejects(ask(`FROM '${join(directory, 'secret.csv')}'`), { code: 'BAD_SQL' })
  await assert.rejects(ask(`FROM '${join(directory, 'lake', 'manifest.json')}'`), { code: 'BAD_SQL' })
  assert.equal((await ask('SELECT count(*) FROM samples')).rows.length, 1)
})

test('who does not wait any more ends it, and what takes too much memory is ended; the next question is answered', async (t) => {
  const { sql, ask } = await opened(t)
  const forever = 'SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE (a.range * b.range) % 7 = 3'
  const stop = new AbortController()
  const asked = sql.ask({ sql: forever, limit: 1 }, stop.signal)
  setTimeout(() => stop.abort(new Error('gone')), 300)
  await assert.rejects(asked, /gone/)
  const large = 'SELECT string_agg(md5(range::VARCHAR)) FROM range(40000000) GROUP BY range % 3000000'
  await assert.rejects(ask(large), { code: 'SQL_TOO_LARGE' })
  assert.deepEqual((await ask('SELECT 42')).rows, [[42]])
})
